/**
 * G.711 as tables: every 16-bit sample to its code and every code to its sample, bit for bit what the reference software of
 * ITU-T G.191 computes. Of the 16 bits µ-law uses the upper 14, A-law the upper 13; the rest is cut off, not rounded, and
 * negative values by one's complement, so that −1 … −4 have the same magnitude as 0 … 3.
 *
 * All codes survive decoding and encoding but one: µ-law has two zeros, 0xff (+0) and 0x7f (−0); both decode to 0, and 0 is
 * encoded as 0xff.
 */

/** Code by sample: index it with `sample & 0xffff`. */
export const ULAW_OF_LINEAR: Uint8Array = encodingTable(ulawOf);
/** Sample by code, −32124 … 32124. */
export const LINEAR_OF_ULAW: Int16Array = decodingTable(linearOfUlaw);
/** Code by sample: index it with `sample & 0xffff`. */
export const ALAW_OF_LINEAR: Uint8Array = encodingTable(alawOf);
/** Sample by code, −32256 … 32256; A-law has no zero, the smallest are ±8. */
export const LINEAR_OF_ALAW: Int16Array = decodingTable(linearOfAlaw);

function encodingTable(codeOf: (sample: number) => number): Uint8Array {
  const table = new Uint8Array(65_536);
  for (let sample = -32_768; sample <= 32_767; sample++) table[sample & 0xffff] = codeOf(sample);
  return table;
}

function decodingTable(sampleOf: (code: number) => number): Int16Array {
  return Int16Array.from({ length: 256 }, (_, code) => sampleOf(code));
}

/** One's complement: what the reference software takes for the magnitude. */
function magnitudeOf(sample: number): number {
  return sample < 0 ? ~sample : sample;
}

/**
 * `S EEE MMMM`, all bits inverted. The magnitude is moved by 33, so that segment e spans 2^(e+5) … 2^(e+6)−1 in 16 steps of
 * 2^(e+1).
 */
function ulawOf(sample: number): number {
  const biased = Math.min((magnitudeOf(sample) >> 2) + 33, 0x1fff);
  const exponent = 26 - Math.clz32(biased);
  const mantissa = (biased >> (exponent + 1)) & 0x0f;
  const sign = sample < 0 ? 0x80 : 0;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

function linearOfUlaw(code: number): number {
  const bits = ~code & 0xff;
  const exponent = (bits >> 4) & 0x07;
  const mantissa = bits & 0x0f;
  const magnitude = ((mantissa * 2 + 33) << (exponent + 2)) - 33 * 4;
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

/** `S EEE MMMM`, every second bit inverted (0x55), S set for positive. Segments 0 and 1 have the same step. */
function alawOf(sample: number): number {
  const magnitude = magnitudeOf(sample) >> 4;
  const exponent = Math.max(0, 28 - Math.clz32(magnitude));
  const mantissa = (magnitude >> Math.max(0, exponent - 1)) & 0x0f;
  const sign = sample < 0 ? 0 : 0x80;
  return (sign | (exponent << 4) | mantissa) ^ 0x55;
}

function linearOfAlaw(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 0x07;
  const mantissa = bits & 0x0f;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa + 16) << (exponent + 3)) + (8 << (exponent - 1));
  return (bits & 0x80) === 0 ? -magnitude : magnitude;
}
