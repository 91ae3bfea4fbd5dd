/**
 * The eight frequencies of DTMF in one block of samples, by Goertzel's recursion.
 *
 * A block alone is too short to tell neighbouring frequencies apart, and a longer one too slow; so each block's spectrum is kept
 * complex, two of them in a row are added into that of a window twice as long, and the windows overlap by half at no cost.
 */
import { DTMF_HIGH_HZ, DTMF_LOW_HZ } from './dtmf.ts';

/** Frequencies in the bank: rows first, then columns. */
export const BANK = 8;

/** What of the bank depends on the sampling rate alone. */
export interface GoertzelBank {
  /** Samples of a block, 6.375 ms. */
  readonly block: number;
  /** cos ω and sin ω of each frequency. */
  readonly cos: Float64Array;
  readonly sin: Float64Array;
  /** cos ωB and sin ωB: how far the phase turns in a block. */
  readonly blockCos: Float64Array;
  readonly blockSin: Float64Array;
}

/** At 8 kHz. */
const BLOCK_SAMPLES = 51;

export function goertzelBank(rateHz: number): GoertzelBank {
  const block = (BLOCK_SAMPLES * rateHz) / 8_000;
  const omegas = [...DTMF_LOW_HZ, ...DTMF_HIGH_HZ].map((frequencyHz) => (2 * Math.PI * frequencyHz) / rateHz);
  return {
    block,
    cos: Float64Array.from(omegas, Math.cos),
    sin: Float64Array.from(omegas, Math.sin),
    blockCos: Float64Array.from(omegas, (omega) => Math.cos(omega * block)),
    blockSin: Float64Array.from(omegas, (omega) => Math.sin(omega * block)),
  };
}

/** Writes the spectrum of the block that begins at `samples[from]` to `re` and `im`, {@link BANK} values each. */
export function analyseBlock(bank: GoertzelBank, samples: Int16Array, from: number, re: Float64Array, im: Float64Array): void {
  analyseFour(bank, samples, from, 0, re, im);
  analyseFour(bank, samples, from, 4, re, im);
}

/** Four recursions side by side: one alone would wait for its own last step, eight do not fit into the registers. */
function analyseFour(bank: GoertzelBank, samples: Int16Array, from: number, k: number, re: Float64Array, im: Float64Array): void {
  const { cos, sin, block } = bank;
  const c0 = 2 * (cos[k] as number);
  const c1 = 2 * (cos[k + 1] as number);
  const c2 = 2 * (cos[k + 2] as number);
  const c3 = 2 * (cos[k + 3] as number);
  let a0 = 0;
  let a1 = 0;
  let a2 = 0;
  let a3 = 0;
  let b0 = 0;
  let b1 = 0;
  let b2 = 0;
  let b3 = 0;
  for (let i = from; i < from + block; i++) {
    const sample = samples[i] as number;
    const n0 = sample + c0 * a0 - b0;
    const n1 = sample + c1 * a1 - b1;
    const n2 = sample + c2 * a2 - b2;
    const n3 = sample + c3 * a3 - b3;
    b0 = a0;
    b1 = a1;
    b2 = a2;
    b3 = a3;
    a0 = n0;
    a1 = n1;
    a2 = n2;
    a3 = n3;
  }
  re[k] = a0 - b0 * (cos[k] as number);
  im[k] = b0 * (sin[k] as number);
  re[k + 1] = a1 - b1 * (cos[k + 1] as number);
  im[k + 1] = b1 * (sin[k + 1] as number);
  re[k + 2] = a2 - b2 * (cos[k + 2] as number);
  im[k + 2] = b2 * (sin[k + 2] as number);
  re[k + 3] = a3 - b3 * (cos[k + 3] as number);
  im[k + 3] = b3 * (sin[k + 3] as number);
}

/** Power |X|² at `omega` (radians a sample) of all of `samples`, rotated: the first of them in time is `samples[first]`. */
export function powerAt(samples: Int16Array, first: number, omega: number): number {
  const coefficient = 2 * Math.cos(omega);
  let a = 0;
  let b = 0;
  for (let n = 0; n < samples.length; n++) {
    const i = first + n;
    const next = (samples[i < samples.length ? i : i - samples.length] as number) + coefficient * a - b;
    b = a;
    a = next;
  }
  return a * a + b * b - coefficient * a * b;
}
