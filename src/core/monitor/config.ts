/**
 * The configuration of `rtplat monitor`, with its members named as in the file. What a key means and what it may be stands in the
 * schema; `--print-config` and docs/monitor.md show it.
 */
import type { ConfigSchema } from '../service/config/schema.ts';
import { HTTP, LOGGING, MONITOR, WEBHOOK } from './config/general.ts';
import type { HttpSection, LoggingSection, MonitorSection, WebhookSection } from './config/general.ts';
import { checkMonitor } from './config/checks.ts';
import { SERVICES } from './config/services.ts';
import type { ServiceTable } from './config/services.ts';

export interface MonitorConfig {
  readonly monitor: MonitorSection;
  readonly webhook: WebhookSection;
  readonly http: HttpSection;
  readonly logging: LoggingSection;
  readonly service: readonly ServiceTable[];
}

export const MONITOR_SCHEMA: ConfigSchema<MonitorConfig> = {
  title: 'rtplat monitor',
  fields: { monitor: MONITOR, webhook: WEBHOOK, http: HTTP, logging: LOGGING, service: SERVICES },
  check: checkMonitor,
};
