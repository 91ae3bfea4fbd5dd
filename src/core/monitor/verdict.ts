/** What one look at a service found. */

/** Why a service has to be started again. They are label values of `rtplat_monitor_restarts_total`. */
export const REASONS = ['exited', 'timeout', 'refused', 'wrong_answer', 'unhealthy', 'not_started'] as const;
export type Reason = (typeof REASONS)[number];

export type Verdict = Passed | Failed;

export interface Passed {
  readonly ok: true;
  /** How long the answer took, ms; null where nothing was asked but whether the process is there. */
  readonly tookMs: number | null;
  /** It answers that it cannot work now, and why; null when it can, or does not say. */
  readonly notReady: string | null;
}

export interface Failed {
  readonly ok: false;
  readonly reason: Reason;
  /** `no answer to the probe within 500 ms`: for a log line, and not escaped. */
  readonly text: string;
  /** There is no process that could answer: no need to ask again. */
  readonly gone: boolean;
}

export function passed(tookMs: number | null, notReady: string | null = null): Passed {
  return { ok: true, tookMs, notReady };
}

export function failed(reason: Reason, text: string, gone: 'gone' | 'there' = 'there'): Failed {
  return { ok: false, reason, text, gone: gone === 'gone' };
}

/** Of several looks at once: the first that failed, else the slowest. */
export function worstOf(verdicts: readonly Verdict[]): Verdict {
  const failure = verdicts.find((verdict) => !verdict.ok);
  if (failure !== undefined) return failure;
  const all = verdicts.filter((verdict) => verdict.ok);
  const times = all.flatMap(({ tookMs }) => (tookMs === null ? [] : [tookMs]));
  return passed(times.length === 0 ? null : Math.max(...times), all.find(({ notReady }) => notReady !== null)?.notReady ?? null);
}
