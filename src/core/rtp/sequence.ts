/**
 * Arithmetic on counters that wrap: 16-bit sequence numbers and 32-bit timestamps (RFC 3550 §5.1), extended to whole numbers
 * that never wrap in a lifetime (exact up to 2^53).
 */

/** `a − b` on the 16-bit circle, −32768 … 32767. */
export function sequenceDelta(a: number, b: number): number {
  return ((a - b) << 16) >> 16;
}

/** `a − b` on the 32-bit circle, −2^31 … 2^31−1, in ticks. */
export function timestampDelta(a: number, b: number): number {
  return (a - b) | 0;
}

/**
 * The extended sequence number that `sequence` stands for, given the extended number seen last: the one of its 65536 readings
 * nearest to it.
 */
export function extendSequence(last: number, sequence: number): number {
  return last + sequenceDelta(sequence, last & 0xffff);
}

/** The same for 32-bit timestamps, signed or unsigned. `last` may lie beyond 2^32, and below 0. */
export function extendTimestamp(last: number, timestamp: number): number {
  return last + timestampDelta(timestamp, last | 0);
}
