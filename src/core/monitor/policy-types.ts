/** What the policy of a service is made from, what it is told, what it wants done, and what it tells. */
import type { Reason, Verdict } from './verdict.ts';

export interface PolicySettings {
  /** Who ends and starts it: this program, something else that is told to (systemd), or nobody. */
  readonly control: 'process' | 'unit' | 'none';
  readonly intervalMs: number;
  /** Failed looks in a row that it takes. */
  readonly failures: number;
  /** From a start to its first answer. */
  readonly startupMs: number;
  /** From SIGTERM to SIGKILL. */
  readonly graceMs: number;
  /** Before the first restart; doubled with each. */
  readonly delayMs: number;
  readonly delayMaxMs: number;
  /** Restarts within {@link windowMs}; one more is not tried. */
  readonly maxAttempts: number;
  readonly windowMs: number;
  /** Healthy for so long, it is restarted after the shortest delay again. */
  readonly stableMs: number;
  /** A stop of the monitor leaves it running. */
  readonly keepRunning: boolean;
}

export type PolicyEvent =
  /** First of all. @param pid of the process that is there already; null when there is none, or it is none of ours to know. */
  | { readonly kind: 'begin'; readonly pid: number | null }
  /** @param pid null where somebody else started it. */
  | { readonly kind: 'started'; readonly pid: number | null }
  | { readonly kind: 'startFailed'; readonly text: string }
  | { readonly kind: 'checked'; readonly check: number; readonly verdict: Verdict }
  /** Its process has ended. @param rest whether others that it started are still there. */
  | { readonly kind: 'exited'; readonly text: string; readonly rest: boolean }
  /** Nothing is left of it. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'tick' }
  /** The monitor is to end. */
  | { readonly kind: 'stop' };

export type Effect =
  | { readonly kind: 'start' }
  /** Answered by `checked` with the same number. */
  | { readonly kind: 'check'; readonly check: number }
  /** Answered by `exited` or `ended`, some time. */
  | { readonly kind: 'signal'; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly kind: 'log'; readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly text: string }
  | { readonly kind: 'gaveUp'; readonly reason: Reason; readonly text: string; readonly attempts: number }
  /** Nothing more will be done. */
  | { readonly kind: 'stopped' };

export type Phase = 'new' | 'starting' | 'confirming' | 'up' | 'down' | 'ending' | 'waiting' | 'given_up' | 'stopped';

export interface PolicyState {
  readonly phase: Phase;
  /** Whether it answered when it was last looked at; null before the first look. */
  readonly up: boolean | null;
  /** It answers that it cannot work; null when it can, or is not up. */
  readonly notReady: string | null;
  readonly pid: number | null;
  /** Since it answered after its start, or was found answering, ms; null while it is not up. */
  readonly upForMs: number | null;
  /** Failed looks in a row. */
  readonly failures: number;
  readonly lastFailure: { readonly reason: Reason; readonly text: string } | null;
  /** How long the last answer took, ms. */
  readonly lastProbeMs: number | null;
  /** Looks since the monitor's start; those that wait for a start to succeed do not count as failed. */
  readonly checks: { readonly passed: number; readonly failed: number };
  /** Restarts within the window. */
  readonly attempts: number;
  readonly restarts: ReadonlyMap<Reason, number>;
  /** Of the next restart, ms from now; null while none is to come. */
  readonly restartInMs: number | null;
}
