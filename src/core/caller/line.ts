/** What a caller places its calls on: SIP, or the ARI of an Asterisk. */
import type { ProbeProgress } from '../probe/result.ts';
import type { CallState } from '../verdict/verdict.ts';
import type { MediaHost } from './call-media.ts';
import type { CallOutcome } from './outcome.ts';

export interface CallLine {
  /** Unspecified, of the family of the far end: what sockets of calls are bound to. */
  readonly bindAddress: string;
  /** The listener is told that no call gets through, and why, whenever that is found; `forGood`: none will, either. */
  onRefused(listener: (why: string, forGood: boolean) => void): void;
  /** @param number of the call, from 1. */
  call(media: MediaHost, number: number): OngoingCall;
  /** When all calls have ended. */
  close(): Promise<void>;
}

export interface OngoingCall {
  /** Places the call, and lets it come to its end. Once only; never rejects for what a far end does. */
  run(): Promise<CallOutcome>;
  /** Hangs up, or gives the call up. */
  stop(): void;
  /** What it waits for does not come: it is over as it is. */
  abandon(): void;
  /** It is known that nothing listens there. */
  refused(why: string): void;
  readonly up: boolean;
  /** How far its media have come; undefined before there are any. */
  measured(): ProbeProgress | undefined;
  /** What it is like; undefined before the first verdict. */
  state(): CallState | undefined;
}
