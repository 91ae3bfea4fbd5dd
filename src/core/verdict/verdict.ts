/** What can be said of a call by what comes back in it. Milliseconds count from the answer. Pure. */

/** The severest first; `unknown` where nothing can be said. */
export const CALL_STATES = ['one-way', 'silent', 'crossed', 'robotic', 'clipped', 'fine', 'unknown'] as const;
export type CallState = (typeof CALL_STATES)[number];

/**
 * `towards the far end`: what is sent does not get there as it is. `from the far end`: it does, and what comes from there is not right,
 * by the far end's own doing or on the way.
 */
export const FAULT_DIRECTIONS = ['towards the far end', 'from the far end', 'both ways'] as const;
export type FaultDirection = (typeof FAULT_DIRECTIONS)[number];

/** What holds at one time. */
export interface Finding {
  readonly state: CallState;
  /** null where there is no fault, or it cannot be told: {@link evidence} says why. */
  readonly direction: FaultDirection | null;
  /** What it rests on, in words; the last one is about the direction where there is a fault. */
  readonly evidence: readonly string[];
  /** Of a crossed call: the number of the call whose sound comes, where it is one of the run. */
  readonly crossedWith: number | null;
}

export interface VerdictChange {
  readonly atMs: number;
  readonly state: CallState;
  readonly direction: FaultDirection | null;
}

export interface CallVerdict extends Finding {
  /** Since when it holds: 0 where it did from the answer on, else when it was noticed. The verdict of the whole call may be about a part of it. */
  readonly sinceMs: number;
  /** When the first verdict was there; null when the call ended before. */
  readonly firstMs: number | null;
  /** The first ones; how many more there were is in {@link changesLeftOut}. */
  readonly changes: readonly VerdictChange[];
  readonly changesLeftOut: number;
}

export function unknownBecause(reason: string): Finding {
  return { state: 'unknown', direction: null, evidence: [reason], crossedWith: null };
}
