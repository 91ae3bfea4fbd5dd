/** `rtplat watch`: a live service in a terminal, or second by second for a program. */
import { Command, InvalidArgumentError } from 'commander';
import { serviceTokenOption } from './http-options.ts';
import type { ServiceTokenOptions } from './http-options.ts';
import type { CommandIo } from './io.ts';
import { durationNs, integer, option } from './options.ts';

const DEFAULT_SERVICE = 'http://127.0.0.1:9090';
const MOST_SNAPSHOTS = 1_000_000_000;
/** Timers of Node end at 2^31 ms, and then fire at once. */
const LONGEST_NS = 500 * 3_600e9;

export interface WatchOptions extends ServiceTokenOptions {
  readonly once?: true;
  readonly json?: true;
  readonly count?: number;
  /** ns. */
  readonly duration?: number;
  /** ns. */
  readonly timeout: number;
  readonly service: string;
  readonly color: boolean;
}

export function watchCommand(io: CommandIo): Command {
  return new Command('watch')
    .description('show a live service, second by second: health, service level, percentiles, loss, ports and calls')
    .argument('[url]', 'http://HOST:PORT of ari-serve or sip-serve; none: the one of --service')
    .addOption(option('--service <url>', 'service to watch when none is named', { default: DEFAULT_SERVICE, env: 'RTPLAT_SERVICE' }))
    .addOption(option('--once', 'show what is now, and end', {}))
    .addOption(option('-j, --json', 'a JSON document a second, one a line', {}))
    .addOption(option('-n, --count <n>', 'end after so many seconds that were shown', { parse: integer(1, MOST_SNAPSHOTS) }))
    .addOption(option('-d, --duration <duration>', 'end after this time', { parse: boundedDuration }))
    .addOption(
      option('--timeout <duration>', 'how long the service may say nothing before it is asked anew', {
        parse: boundedDuration,
        default: '5s',
        env: 'RTPLAT_TIMEOUT',
      }),
    )
    .addOption(serviceTokenOption())
    .addOption(option('--no-color', 'no colours, as with the environment variable NO_COLOR', {}))
    .addHelpText(
      'after',
      `
Keys: q or Ctrl-C leaves, s changes the order of the calls, p pauses, ? helps. Without a terminal it writes a line a second.

Examples:
  $ rtplat watch                                  the service on port 9090
  $ rtplat watch http://127.0.0.1:8080            sip-serve
  $ rtplat watch --once                           what is now, once
  $ rtplat watch --json --duration 1m | jq .metrics.p99_latency`,
    )
    .action(async (url: string | undefined, options: WatchOptions) => {
      const { runWatch } = await import('./watch-run.ts');
      await runWatch(io, url ?? options.service, options);
    });
}

function boundedDuration(text: string): number {
  const ns = durationNs({ atLeastNs: 1e6 })(text);
  if (ns > LONGEST_NS) throw new InvalidArgumentError('The duration is too long: 500h at most.');
  return ns;
}
