/**
 * The audio that is sent to be recognised: white noise of a seed, 8,000 samples a second, that never repeats within a call. Every
 * sample is a hash of its position, so that any part can be had at any time without keeping it.
 *
 * The samples are independent and uniformly distributed. That is what makes a chance match calculable: whatever is heard that does
 * not contain this noise, be it speech, music or a tone, its normalised correlation with N samples of it exceeds t with a
 * probability of at most 2·exp(−N·t²/2) (Hoeffding 1963; a uniform distribution is sub-Gaussian with its own variance).
 */

import { resample } from '../audio/resample.ts';

export const REFERENCE_RATE_HZ = 8_000;
/** A root mean square of 2,540, −16 dBm0: as loud as speech, with room for 17 dB of gain. */
export const REFERENCE_PEAK = 4_400;
/** Mean square of a sample. */
export const REFERENCE_VARIANCE: number = (REFERENCE_PEAK * (REFERENCE_PEAK + 1)) / 3;

const STEPS = 2 * REFERENCE_PEAK + 1;
/** Samples on either side that the filter to the double rate looks at. */
const MARGIN = 24;

export class NoiseReference {
  readonly #key: number;
  readonly #offset: number;

  /** @param seed its lower 32 bits count. Two calls need two, or one would be taken for the other. */
  constructor(seed: number) {
    this.#key = mix(seed ^ 0x5bd1e995);
    this.#offset = mix(this.#key + 0x9e3779b9);
  }

  /** Writes the samples of `[position, position+count)` to `out` from `at` on. Positions from 0 to 2^32 (six days); the noise repeats then. */
  read(position: number, count: number, out: Int16Array, at: number): void {
    for (let i = 0; i < count; i++) {
      // Twice: with one the noise of another seed would be the same, moved.
      const bits = mix((mix((position + i) ^ this.#key) + this.#offset) | 0);
      out[at + i] = Math.floor((bits * STEPS) / 4_294_967_296) - REFERENCE_PEAK;
    }
  }

  /**
   * The same at 16,000 samples a second, for G.722 and L16: writes the `2·count` samples that `[position, position+count)` becomes. A piece
   * is what it would be in the middle of the whole.
   */
  readWide(position: number, count: number, out: Int16Array, at: number): void {
    const narrow = new Int16Array(count + 2 * MARGIN);
    this.read(position - MARGIN, narrow.length, narrow, 0);
    out.set(resample(narrow, REFERENCE_RATE_HZ, 2 * REFERENCE_RATE_HZ).subarray(2 * MARGIN, 2 * (MARGIN + count)), at);
  }
}

/** The finaliser of MurmurHash3: each bit of the input turns half of the output's. Unsigned. */
function mix(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
