/** What a probe can tell apart. */
import { RtplatError } from '../core/errors.ts';

/** Half of the sequence numbers: more packets of one stream on their way cannot be told apart. */
const MAX_IN_FLIGHT = 32_768;

/** Calls: sockets, and memory for the packets of each, that a process may well have. */
export const MOST_AT_ONCE = 1_000;

/** @param hint which options to lower. @throws RtplatError `usage`. */
export function checkInFlight(timeoutNs: number, intervalNs: number, hint: string): void {
  if (timeoutNs / intervalNs <= MAX_IN_FLIGHT) return;
  throw new RtplatError('usage', `too many packets within the time-out: sequence numbers tell ${MAX_IN_FLIGHT} apart`, { hint });
}
