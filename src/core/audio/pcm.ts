/** 16-bit samples as bytes: big-endian on the wire (L16, RFC 3551 §4.5.11), little-endian in a WAV file. */

/** Writes `samples[at … at+count)` big-endian to `out` from `offset` on. */
export function writeL16(samples: Int16Array, at: number, count: number, out: Uint8Array, offset: number): void {
  for (let i = 0; i < count; i++) {
    const sample = samples[at + i] as number;
    out[offset + 2 * i] = sample >> 8;
    out[offset + 2 * i + 1] = sample;
  }
}

/** Reads `count` big-endian samples from `bytes[offset …]` into `out` from `at` on. */
export function readL16(bytes: Uint8Array, offset: number, count: number, out: Int16Array, at: number): void {
  for (let i = 0; i < count; i++) {
    out[at + i] = ((bytes[offset + 2 * i] as number) << 8) | (bytes[offset + 2 * i + 1] as number);
  }
}

/** Writes `samples[at … at+count)` little-endian to `out` from `offset` on. */
export function writePcm16(samples: Int16Array, at: number, count: number, out: Uint8Array, offset: number): void {
  for (let i = 0; i < count; i++) {
    const sample = samples[at + i] as number;
    out[offset + 2 * i] = sample;
    out[offset + 2 * i + 1] = sample >> 8;
  }
}

/** Reads `count` little-endian samples from `bytes[offset …]` into `out` from `at` on. */
export function readPcm16(bytes: Uint8Array, offset: number, count: number, out: Int16Array, at: number): void {
  for (let i = 0; i < count; i++) {
    out[at + i] = (bytes[offset + 2 * i] as number) | ((bytes[offset + 2 * i + 1] as number) << 8);
  }
}
