/** What a probe can tell apart. */
import { RtplatError } from '../core/errors.ts';
import { STAMP_BYTES } from '../core/oneway/stamp.ts';

/** Half of the sequence numbers: more packets of one stream on their way cannot be told apart. */
const MAX_IN_FLIGHT = 32_768;

/** Calls: sockets, and memory for the packets of each, that a process may well have. */
export const MOST_AT_ONCE = 1_000;

/** @param taken bytes of the payload that are something else's. @throws RtplatError `usage` when a packet has no place for times. */
export function checkRoomForTimes(ptimeNs: number, bytesPerSecond: number, taken: number): void {
  const wanted = STAMP_BYTES + taken;
  if (Math.round((ptimeNs * bytesPerSecond) / 1e9) >= wanted) return;
  const leastMs = Math.ceil((wanted * 1e3) / bytesPerSecond);
  const beside = taken === 0 ? '' : `, and a token ${taken}`;
  throw new RtplatError('usage', `--one-way takes ${STAMP_BYTES} bytes of the payload${beside}: --ptime ${leastMs}ms at least`);
}

/** @param hint which options to lower. @throws RtplatError `usage`. */
export function checkInFlight(timeoutNs: number, intervalNs: number, hint: string): void {
  if (timeoutNs / intervalNs <= MAX_IN_FLIGHT) return;
  throw new RtplatError('usage', `too many packets within the time-out: sequence numbers tell ${MAX_IN_FLIGHT} apart`, { hint });
}
