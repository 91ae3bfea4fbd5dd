/** The options of `rtplat probe` that are for calls through ARI. */
import type { Option } from 'commander';
import { ariOptions } from './ari-options.ts';
import type { AriCommandOptions } from './ari-options.ts';
import { durationNs, numericAddress, option } from './options.ts';

export interface AriProbeOptions extends AriCommandOptions {
  readonly for?: number;
  readonly advertise?: string;
}

/** Names of the options as commander keeps them. */
export const ARI_OPTIONS: readonly string[] = ariProbeOptions().map((each) => each.attributeName());

export function ariProbeOptions(): readonly Option[] {
  return [
    ...ariOptions(),
    option('--for <duration>', 'begin calls for so long, of an ari: target, in place of --count', {
      parse: durationNs({ atLeastNs: 1e9 }),
      env: 'RTPLAT_FOR',
    }),
    option('--advertise <address>', 'address that Asterisk sends the RTP of calls to; without it the one that faces Asterisk', {
      parse: numericAddress,
      env: 'RTPLAT_ADVERTISE',
    }),
  ];
}
