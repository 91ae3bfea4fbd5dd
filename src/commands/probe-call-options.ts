/** The options of `rtplat probe` that are for calls. */
import type { Option } from 'commander';
import type { CallTransport } from '../core/caller/target.ts';
import { MATCH_MODES } from '../core/caller/match-choice.ts';
import type { MatchMode } from '../core/caller/match-choice.ts';
import { serviceTokenOption } from './http-options.ts';
import type { ServiceTokenOptions } from './http-options.ts';
import { durationNs, grouped, integer, option, positiveNumber } from './options.ts';
import { MOST_AT_ONCE } from './probe-limits.ts';

export interface CallCommandOptions extends ServiceTokenOptions {
  readonly count: number;
  readonly concurrency?: number;
  readonly cps: number;
  readonly ringTimeout: number;
  readonly codec: string;
  readonly match: MatchMode;
  readonly service?: string;
  readonly srtp?: string;
  readonly transport?: CallTransport;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly realm?: string;
  readonly proxy?: string;
  readonly from?: string;
  readonly tlsCa?: string;
  readonly tlsInsecure?: true;
}

const MOST_CALLS = 1_000_000;

/** Names of the options as commander keeps them: of any call, and of those by SIP alone. */
export const CALL_OPTIONS: readonly string[] = anyCallOptions().map((each) => each.attributeName());
export const SIP_OPTIONS: readonly string[] = sipOptions().map((each) => each.attributeName());

export function callOptions(): readonly Option[] {
  return [...grouped('Calls (sip: and ari: targets):', anyCallOptions()), ...grouped('Calls by SIP (sip: targets):', sipOptions())];
}

function anyCallOptions(): readonly Option[] {
  return [
    option('-c, --count <n>', 'calls in all, of a sip: or ari: target', {
      parse: integer(1, MOST_CALLS),
      default: '1',
      env: 'RTPLAT_COUNT',
    }),
    option('--concurrency <n>', 'calls at once at most (default: as many as --count)', {
      parse: integer(1, MOST_AT_ONCE),
      env: 'RTPLAT_CONCURRENCY',
    }),
    option('--cps <n>', 'calls that begin in a second at most', { parse: positiveNumber(1_000), default: '10', env: 'RTPLAT_CPS' }),
    option('--ring-timeout <duration>', 'a call that nobody has answered by then is given up', {
      parse: durationNs({ atLeastNs: 1e8 }),
      default: '30s',
      env: 'RTPLAT_RING_TIMEOUT',
    }),
    option('--codec <names>', 'codecs to offer, the first choice first: PCMU, PCMA, G722, L16; one of them through ARI', {
      default: 'PCMU,PCMA',
      env: 'RTPLAT_CODEC',
    }),
    option('--match <how>', 'how packets that come back are told apart: by their headers, their bytes, or what is heard in them', {
      choices: MATCH_MODES,
      default: 'auto',
      env: 'RTPLAT_MATCH',
    }),
    option('--service <url>', 'ari-serve that takes the calls: where the round trip goes, and whether it counted the same', {
      env: 'RTPLAT_SERVICE',
    }),
    serviceTokenOption(),
  ];
}

function sipOptions(): readonly Option[] {
  return [
    option('--srtp <suites>', 'encrypt the audio: sdes, or suites of it to offer, the first choice first (default: RTP as it is)', {
      env: 'RTPLAT_SRTP',
    }),
    option('--transport <name>', 'how SIP is spoken (default: what the URI says, else udp)', {
      choices: ['udp', 'tcp', 'tls'],
      env: 'RTPLAT_TRANSPORT',
    }),
    option('-u, --user <name>', 'user to call as; the password comes from RTPLAT_SIP_PASSWORD or --password-file', {
      env: 'RTPLAT_SIP_USER',
    }),
    option('--password-file <file>', 'file that holds the password of the user', { env: 'RTPLAT_SIP_PASSWORD_FILE' }),
    option('--realm <realm>', 'the only realm that the password is used for (default: the one that asks)', { env: 'RTPLAT_SIP_REALM' }),
    option('--proxy <uri>', 'outbound proxy: sip:HOST or sip:HOST:PORT', { env: 'RTPLAT_SIP_PROXY' }),
    option('--from <uri>', 'who calls (default: the user at the host that is called)', { env: 'RTPLAT_SIP_FROM' }),
    option('--tls-ca <file>', 'authorities that the certificate of the far end may be from, PEM', { env: 'RTPLAT_TLS_CA' }),
    option('--tls-insecure', 'believe any certificate', {}),
  ];
}
