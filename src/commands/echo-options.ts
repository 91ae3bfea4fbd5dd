/** The options of `rtplat echo`, and what it answers by them. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { DEFAULT_CAPS } from '../core/guard/rules.ts';
import type { GuardRules } from '../core/guard/rules.ts';
import { parseNetwork } from '../core/values/networks.ts';
import type { Network } from '../core/values/networks.ts';
import { httpOptions } from './http-options.ts';
import type { HttpCommandOptions } from './http-options.ts';
import { byteSize, durationNs, integer, numericAddress, option, port } from './options.ts';
import { configOptions } from './option-config.ts';
import { engineOptions, logOptions, servingOptions } from './service-options.ts';
import type { EngineCommandOptions, LogCommandOptions, ServingCommandOptions } from './service-options.ts';

export interface EchoCommandOptions extends LogCommandOptions, ServingCommandOptions, EngineCommandOptions, HttpCommandOptions {
  readonly port: number;
  readonly bind: string;
  readonly allow?: readonly Network[];
  readonly onlyAllowed?: true;
  readonly any?: true;
  readonly sourceRate: number;
  readonly totalRate: number;
  readonly tokenFile?: string;
  readonly stamp?: true;
  readonly statusInterval: number;
  readonly httpBind: string;
  readonly httpPort?: number;
  readonly buffer: number;
  readonly workers: number;
}

const MOST_WORKERS = 256;
/** Each packet may be compared with all of them. */
const MOST_NETWORKS = 256;
const MOST_RATE = 1e9;

export function echoOptions(): readonly Option[] {
  return [
    option('-p, --port <port>', 'UDP port', { parse: port('zero-allowed'), default: '4000', env: 'ECHO_PORT' }),
    option('-b, --bind <address>', 'numeric address to listen on', {
      parse: numericAddress,
      default: '::',
      defaultShown: ':: for IPv6 and IPv4, 0.0.0.0 where there is no IPv6',
      env: 'BIND_IP',
    }),
    ...guardOptions(),
    option('--stamp', 'write the times at which a packet came and left into those that ask for it, as probe --one-way sends them', {
      env: 'RTPLAT_STAMP',
    }),
    option('--status-interval <duration>', 'time between status lines, written when something changed; 0 for none', {
      parse: durationNs(),
      default: '5s',
      env: 'RTPLAT_STATUS_INTERVAL',
    }),
    option('--http-bind <address>', 'numeric address of the HTTP service', {
      parse: numericAddress,
      default: '127.0.0.1',
      env: 'RTPLAT_HTTP_BIND',
    }),
    option('--http-port <port>', 'TCP port of /metrics and /health; without it there is no HTTP', {
      parse: port('zero-allowed'),
      env: 'RTPLAT_ECHO_HTTP_PORT',
    }),
    ...httpOptions(),
    option('--buffer <size>', 'receive and send buffer to ask the kernel for', { parse: byteSize, default: '2MB', env: 'RTPLAT_BUFFER' }),
    option('--workers <n>', 'threads that share the port; the kernel spreads the senders over them (SO_REUSEPORT)', {
      parse: integer(1, MOST_WORKERS),
      default: '1',
      env: 'RTPLAT_WORKERS',
    }),
    ...engineOptions(),
    ...logOptions(),
    ...servingOptions(),
    ...configOptions(),
  ];
}

/** Strangers are those who are neither on this host nor allowed. */
function guardOptions(): readonly Option[] {
  return [
    option('--allow <networks>', 'addresses and networks (CIDR) without caps, answered for any bytes; commas between; may be repeated', {
      parse: networks,
      repeatable: true,
      env: 'RTPLAT_ALLOW',
    }),
    option('--only-allowed', 'answer nobody but this host and --allow', { env: 'RTPLAT_ONLY_ALLOWED' }),
    option('--any', 'answer strangers for any bytes, not for RTP alone', { env: 'RTPLAT_ANY' }),
    option('--source-rate <pps>', 'packets per second answered to one stranger, an IPv4 address or an IPv6 /64; 0 for no cap', {
      parse: integer(0, MOST_RATE),
      default: String(DEFAULT_CAPS.perSource),
      env: 'RTPLAT_SOURCE_RATE',
    }),
    option('--total-rate <pps>', 'packets per second answered to all strangers together; 0 for no cap', {
      parse: integer(0, MOST_RATE),
      default: String(DEFAULT_CAPS.total),
      env: 'RTPLAT_TOTAL_RATE',
    }),
    option(
      '--token-file <file>',
      'answer strangers only for packets with a token of the key in this file, as probe --token-file sends them',
      {
        env: 'RTPLAT_TOKEN_FILE',
      },
    ),
  ];
}

function networks(text: string, before: readonly Network[] = []): readonly Network[] {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  const made = parts.map((part) => {
    const network = parseNetwork(part);
    if (network === undefined)
      throw new InvalidArgumentError('Write addresses or networks, such as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32.');
    return network;
  });
  const all = [...before, ...made];
  if (all.length > MOST_NETWORKS) throw new InvalidArgumentError(`More than ${MOST_NETWORKS} networks.`);
  return all;
}

/** @throws RtplatError `usage` when the file of the key is none. */
export async function rulesOf(options: EchoCommandOptions, env: NodeJS.ProcessEnv): Promise<GuardRules> {
  const { tokenFile } = options;
  const { readTokenKey } = await import('../core/echo/token.ts');
  return {
    any: options.any === true,
    caps: { perSource: options.sourceRate, total: options.totalRate },
    allowed: options.allow ?? [],
    onlyAllowed: options.onlyAllowed === true,
    tokenKey: tokenFile === undefined ? undefined : readTokenKey(tokenFile, env),
  };
}
