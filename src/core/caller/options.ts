/** What a run of calls is to be like. */
import type { ProbeOptions } from '../probe/result.ts';
import type { DigestCredentials } from '../sip/digest.ts';
import type { AriCodecName } from './ari-audio.ts';
import type { CallCodecName } from './audio.ts';
import type { MatchMode } from './match-choice.ts';
import type { SrtpSuiteName } from '../srtp/suites.ts';
import type { CallTarget } from './target.ts';

/** However calls are placed. */
export interface PlacingOptions {
  /** Calls in all; null where {@link forNs} ends them. */
  readonly count: number | null;
  /** No call is begun after so long; null where there is no such end. */
  readonly forNs: number | null;
  /** Calls at once at most. */
  readonly concurrency: number;
  /** Calls that begin in a second at most. */
  readonly cps: number;
  /** A call that nobody has answered by then is given up. */
  readonly ringTimeoutNs: number;
  readonly ptimeMs: number;
  /** How what comes back is told apart. */
  readonly match: MatchMode;
  /** Of each call; its `durationNs` begins when the call is answered. */
  readonly media: Pick<ProbeOptions, 'durationNs' | 'timeoutNs' | 'lateThresholdNs' | 'seed' | 'bufferBytes' | 'oneWay'>;
}

/** Calls through ARI. */
export interface AriOptions extends PlacingOptions {
  readonly codec: AriCodecName;
}

/** Calls by SIP. */
export interface CallerOptions extends PlacingOptions {
  readonly target: CallTarget;
  /** The first choice first; at least one. */
  readonly codecs: readonly CallCodecName[];
  /** Suites of SRTP to offer, the first choice first; none: RTP is not encrypted. */
  readonly srtp: readonly SrtpSuiteName[];
  readonly credentials: DigestCredentials | undefined;
}
