/**
 * The normalised cross-correlation of a window of what was heard with blocks of the reference, by FFT (overlap-save): each block is
 * twice as long as the window and begins where the middle of the one before it is, so that every lag lies in one block whole.
 * One correlator serves all calls of a thread.
 */
import { Fft } from './fft.ts';
import { REFERENCE_VARIANCE } from './reference.ts';
import type { NoiseReference } from './reference.ts';

/** Samples of a window, 256 ms, and how far blocks are apart. */
export const WINDOW = 2048;
const POINTS = 2 * WINDOW;
const BINS = WINDOW + 1;
const DEVIATION = Math.sqrt(REFERENCE_VARIANCE);
/**
 * A lag counts only when chance would reach its correlation with a probability below 2·e^−40: of the 500 million lags that an hour of
 * anything else makes, with 2·10^−9.
 */
const CHANCE_EXPONENT = 40;
/** Peaks of one window that are looked at, and how close to another one is taken for its flank. */
const PEAKS = 3;
const FLANK = 4;

/** The spectrum of the reference from `number * WINDOW` on. */
export interface Block {
  readonly number: number;
  readonly re: Float32Array;
  readonly im: Float32Array;
}

export interface Peak {
  /** Position in the reference that the first sample of the window stands for; not whole: the peak lies between samples. */
  readonly position: number;
  /** |normalised correlation|, 0 … 1. */
  readonly correlation: number;
}

/** The least correlation that counts, of a window that holds so many samples. Above 1: too few to tell. */
export function thresholdOf(present: number): number {
  return Math.sqrt((2 * CHANCE_EXPONENT) / present);
}

export class AudioCorrelator {
  readonly #fft = new Fft(POINTS);
  readonly #re = new Float64Array(POINTS);
  readonly #im = new Float64Array(POINTS);
  readonly #windowRe = new Float64Array(BINS);
  readonly #windowIm = new Float64Array(BINS);
  #scale = 0;
  #threshold = 0;

  block(reference: NoiseReference, number: number): Block {
    const samples = new Int16Array(POINTS);
    reference.read(number * WINDOW, POINTS, samples, 0);
    this.#re.set(samples);
    this.#im.fill(0);
    this.#fft.forward(this.#re, this.#im);
    return { number, re: Float32Array.from(this.#re.subarray(0, BINS)), im: Float32Array.from(this.#im.subarray(0, BINS)) };
  }

  /**
   * Takes the window that {@link search} will look for.
   *
   * @param window {@link WINDOW} samples, 0 where none came.
   * @param present how many did.
   * @param energy the sum of their squares, above 0.
   */
  load(window: Int16Array, present: number, energy: number): void {
    this.#re.fill(0);
    this.#re.set(window);
    this.#im.fill(0);
    this.#fft.forward(this.#re, this.#im);
    this.#windowRe.set(this.#re.subarray(0, BINS));
    this.#windowIm.set(this.#im.subarray(0, BINS));
    this.#scale = 1 / (POINTS * DEVIATION * Math.sqrt(energy * present));
    this.#threshold = thresholdOf(present);
  }

  /** Adds the highest peaks of two blocks (or of the same one, twice) to `peaks`, the highest first, at most {@link PEAKS} in all. */
  search(a: Block, b: Block, peaks: Peak[]): void {
    this.#correlate(a, b);
    this.#pick(this.#re, a.number, peaks);
    if (b !== a) this.#pick(this.#im, b.number, peaks);
  }

  /** Both correlations by one transform: that of `a` becomes the real part, that of `b` the imaginary one. */
  #correlate(a: Block, b: Block): void {
    const re = this.#re;
    const im = this.#im;
    const wr = this.#windowRe;
    const wi = this.#windowIm;
    const { re: aRe, im: aIm } = a;
    const { re: bRe, im: bIm } = b;
    for (let k = 0; k < BINS; k++) {
      const [x, y] = [wr[k] as number, wi[k] as number];
      const [ar, ai, br, bi] = [aRe[k] as number, aIm[k] as number, bRe[k] as number, bIm[k] as number];
      // The window's conjugate times each.
      const pr = x * ar + y * ai;
      const pi = x * ai - y * ar;
      const qr = x * br + y * bi;
      const qi = x * bi - y * br;
      re[k] = pr - qi;
      im[k] = pi + qr;
      const mirror = (POINTS - k) & (POINTS - 1);
      re[mirror] = pr + qi;
      im[mirror] = qr - pi;
    }
    this.#fft.inverse(re, im);
  }

  #pick(correlation: Float64Array, block: number, peaks: Peak[]): void {
    const least = this.#threshold / this.#scale;
    for (let lag = 0; lag < WINDOW; lag++) {
      const value = Math.abs(correlation[lag] as number);
      if (value < least) continue;
      const before = Math.abs(correlation[(lag - 1) & (POINTS - 1)] as number);
      const after = Math.abs(correlation[lag + 1] as number);
      if (value < before || value < after) continue;
      const position = block * WINDOW + lag + vertex(before, value, after);
      insert(peaks, { position, correlation: Math.min(1, value * this.#scale) });
    }
  }
}

/** Of the parabola through three points, −0.5 … 0.5 from the middle one, which is the highest. */
function vertex(before: number, value: number, after: number): number {
  const curvature = before - 2 * value + after;
  return curvature === 0 ? 0 : (0.5 * (before - after)) / curvature;
}

function insert(peaks: Peak[], peak: Peak): void {
  const near = peaks.findIndex((other) => Math.abs(other.position - peak.position) <= FLANK);
  if (near >= 0) {
    if ((peaks[near] as Peak).correlation >= peak.correlation) return;
    peaks.splice(near, 1);
  }
  const at = peaks.findIndex((other) => other.correlation < peak.correlation);
  peaks.splice(at < 0 ? peaks.length : at, 0, peak);
  if (peaks.length > PEAKS) peaks.length = PEAKS;
}
