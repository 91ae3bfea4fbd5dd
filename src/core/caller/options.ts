/** What a run of calls is to be like. */
import type { ProbeOptions } from '../probe/result.ts';
import type { DigestCredentials } from '../sip/digest.ts';
import type { CallCodecName } from './audio.ts';
import type { CallTarget } from './target.ts';

export interface CallerOptions {
  readonly target: CallTarget;
  /** Calls in all. */
  readonly count: number;
  /** Calls at once at most. */
  readonly concurrency: number;
  /** Calls that begin in a second at most. */
  readonly cps: number;
  /** A call that nobody has answered by then is given up. */
  readonly ringTimeoutNs: number;
  /** The first choice first; at least one. */
  readonly codecs: readonly CallCodecName[];
  readonly ptimeMs: number;
  /** Of each call; its `durationNs` begins when the call is answered. */
  readonly media: Pick<ProbeOptions, 'durationNs' | 'timeoutNs' | 'lateThresholdNs' | 'seed' | 'bufferBytes'>;
  readonly credentials: DigestCredentials | undefined;
}
