/** What may be said of a difference, and why nothing may be said of it. */

export const BASELINE_VERDICTS = ['better', 'same', 'worse', 'inconclusive'] as const;
export type BaselineVerdict = (typeof BASELINE_VERDICTS)[number];

/** `worse` outweighs `inconclusive`, that `better`, that `same`; `same` of none. */
export function gravest(verdicts: readonly BaselineVerdict[]): BaselineVerdict {
  const order: readonly BaselineVerdict[] = ['worse', 'inconclusive', 'better'];
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'same';
}

/**
 * - `samples`: too few packets, or too short a run;
 * - `spread`: the interval reaches over the least effect: the runs are too uneven, or too few;
 * - `runs`: it would be a difference had enough runs shown how much runs differ by themselves;
 * - `distrusted`: a run says of itself that it is inconclusive;
 * - `socket_drops`: this host threw packets away, and the slow ones may be among them;
 * - `clock`: one side has the kernel's clock, the other has not;
 * - `send_error`: the sender was as late as the difference is large;
 * - `host_delay`: the measuring host kept its own processes waiting as long as the difference is large;
 * - `loss`: packets that were lost have no latency, and so many more were lost now.
 */
export const DOUBT_REASONS = [
  'samples',
  'spread',
  'runs',
  'distrusted',
  'socket_drops',
  'clock',
  'send_error',
  'host_delay',
  'loss',
] as const;

export interface Doubt {
  readonly reason: (typeof DOUBT_REASONS)[number];
  /** What was found, when the reason does not say all; else empty. */
  readonly detail: string;
}

/** With few runs nobody knows how much runs differ by themselves: a difference must then be so many times as large. */
export const FEW_RUNS_FACTOR = 2;
