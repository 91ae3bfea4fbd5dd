/** Capped exponential backoff with jitter. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly capMs: number;
}

/**
 * Milliseconds to wait before attempt `attempt` (1 is the first repeat): half of the doubled delay for certain and half at
 * random, so that many clients of one server do not come back together, and none comes back at once.
 *
 * @param random 0 … 1
 */
export function backoffMs(attempt: number, random: number, options: BackoffOptions): number {
  const full = Math.min(options.capMs, options.firstMs * 2 ** Math.min(attempt - 1, 30));
  return full / 2 + (full / 2) * random;
}
