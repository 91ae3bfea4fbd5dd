/** The times of the transaction layer (RFC 3261 §17, table 4; RFC 6026 §7; RFC 4320 §4.1). */

export interface TimerValues {
  /** Estimate of the round trip, and the first interval of every retransmission, ms. */
  readonly t1Ms: number;
  /** Longest interval between retransmissions of a non-INVITE request (E) and of a final answer to INVITE (G), ms. */
  readonly t2Ms: number;
  /** Longest time that a message stays in the network, ms: timers I and K. */
  readonly t4Ms: number;
  /** Timer C: a ringing INVITE of ours is cancelled so long after the last provisional answer, ms; more than three minutes (§16.6). */
  readonly cMs: number;
  /** Timer D: how long retransmissions of a refusal are acknowledged, ms; at least 32 s. */
  readonly dMs: number;
}

/** The values, and what follows from them. */
export interface Timing extends TimerValues {
  /** 64·T1: timers B, F, H, J, L and M. */
  readonly longMs: number;
  /** When timer E of the client reaches T2: the time of the only 100 that a non-INVITE request gets (RFC 4320 §4.1). */
  readonly quietMs: number;
}

/** How long the user may take for a first answer before 100 Trying must be sent (RFC 3261 §17.2.1). */
export const TRYING_AFTER_MS = 200;

const DEFAULTS: TimerValues = { t1Ms: 500, t2Ms: 4_000, t4Ms: 5_000, cMs: 185_000, dMs: 32_000 };

/** @throws RangeError for a T1 or T2 that is not above zero: retransmissions would never end. */
export function timingOf(values: Partial<TimerValues> = {}): Timing {
  const all = { ...DEFAULTS, ...values };
  if (!(all.t1Ms > 0 && all.t2Ms > 0)) throw new RangeError(`T1 and T2 must be above zero, not ${all.t1Ms} and ${all.t2Ms} ms`);
  let quietMs = 0;
  for (let intervalMs = all.t1Ms; intervalMs < all.t2Ms; intervalMs *= 2) quietMs += intervalMs;
  return { ...all, longMs: 64 * all.t1Ms, quietMs };
}
