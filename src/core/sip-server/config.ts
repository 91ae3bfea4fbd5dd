/**
 * The configuration of `rtplat sip-serve`, with its members named as in the file. What a key means and what it may be stands in the
 * schema; `--print-config` and docs/sip-serve.md show it.
 */
import type { ConfigSchema } from '../service/config/schema.ts';
import { ACCOUNTS } from './config/accounts.ts';
import type { RegisterAccount } from './config/accounts.ts';
import { BEHAVIOR, ROUTES } from './config/calls.ts';
import type { BehaviorSection, RouteRule } from './config/calls.ts';
import { checkSipServe } from './config/checks.ts';
import { MEDIA, RELAY } from './config/media.ts';
import type { MediaSection, RelaySection } from './config/media.ts';
import { HEALTH, LOGGING, METRICS } from './config/service.ts';
import type { HealthSection, LoggingSection, MetricsSection } from './config/service.ts';
import { LIMITS, SIP } from './config/signalling.ts';
import type { LimitsSection, SipSection } from './config/signalling.ts';

export interface SipServeConfig {
  readonly sip: SipSection;
  readonly behavior: BehaviorSection;
  readonly media: MediaSection;
  readonly relay: RelaySection;
  readonly limits: LimitsSection;
  readonly metrics: MetricsSection;
  readonly health: HealthSection;
  readonly logging: LoggingSection;
  readonly route: readonly RouteRule[];
  readonly register: readonly RegisterAccount[];
}

export const SIP_SERVE_SCHEMA: ConfigSchema<SipServeConfig> = {
  title: 'rtplat sip-serve',
  fields: {
    sip: SIP,
    behavior: BEHAVIOR,
    media: MEDIA,
    relay: RELAY,
    limits: LIMITS,
    metrics: METRICS,
    health: HEALTH,
    logging: LOGGING,
    route: ROUTES,
    register: ACCOUNTS,
  },
  check: checkSipServe,
};
