/**
 * How far a time may be off, in two bytes: the error estimate of OWAMP (RFC 4656 §4.1.2), which STAMP has as well (RFC 8762 §4.2.1).
 *
 *  0                   1
 *  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 * |S|Z|   Scale   |   Multiplier  |     error = Multiplier × 2^(Scale − 32) seconds
 * +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * S: the clock is synchronised to UTC by something outside. Z: 0 for times in the format of NTP.
 */

const SYNCHRONISED = 0x8000;
const OTHER_FORMAT = 0x4000;
const HIGHEST_SCALE = 63;
const HIGHEST_MULTIPLIER = 255;
const NS_PER_SECOND = 1e9;
const UNIT_NS: number = NS_PER_SECOND / 2 ** 32;

/** @param errorNs rounded up, to less than 1 % more beyond a microsecond. @returns 16 bits. */
export function encodeErrorEstimate(errorNs: number, synchronised: boolean): number {
  let scale = 0;
  let unit = UNIT_NS;
  while (errorNs > HIGHEST_MULTIPLIER * unit && scale < HIGHEST_SCALE) {
    scale += 1;
    unit *= 2;
  }
  // Never 0, which would say that the packet is corrupt.
  const multiplier = Math.min(HIGHEST_MULTIPLIER, Math.max(1, Math.ceil(errorNs / unit)));
  return (synchronised ? SYNCHRONISED : 0) | (scale << 8) | multiplier;
}

/** @returns ns; NaN when the bits are corrupt, or of times in another format. */
export function errorOfEstimate(estimate: number): number {
  const multiplier = estimate & 0xff;
  if (multiplier === 0 || (estimate & OTHER_FORMAT) !== 0) return Number.NaN;
  return multiplier * 2 ** ((estimate >>> 8) & HIGHEST_SCALE) * UNIT_NS;
}

export function isSynchronised(estimate: number): boolean {
  return (estimate & SYNCHRONISED) !== 0;
}
