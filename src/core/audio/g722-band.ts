/**
 * One sub-band of G.722: the adaptive predictor and the adaptive step size, which encoder and decoder run alike (ITU-T G.722 §3.4
 * to §3.6, §5.3 to §5.6; names in brackets are its own). All arithmetic is in 16-bit integers, truncated by shifts as the
 * Recommendation has it, so that two implementations stay in step for ever.
 */

/** Limits of the logarithm of the step size (NBL, NBH), and the shift that turns it into the step (SCALEL, SCALEH). */
interface BandShape {
  readonly firstStep: number;
  readonly largestLog: number;
  readonly shift: number;
}

export const LOWER: BandShape = { firstStep: 32, largestLog: 18_432, shift: 8 };
export const HIGHER: BandShape = { firstStep: 8, largestLog: 22_528, shift: 10 };

/** Of the sixth-order section. */
const ZEROS = 6;
/** 2^(k/32) · 2048 (ILB). */
const ANTILOG: Int32Array = Int32Array.of(
  ...[2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834],
  ...[2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008],
);

export class Band {
  /** What the predictor expects of the next sample (SL, SH). */
  predicted = 0;
  /** The quantiser's scale factor (DETL, DETH). */
  step: number;
  readonly #shape: BandShape;
  #logStep = 0;
  /** What the zeros alone expect (SZ). */
  #fromZeros = 0;
  /** Coefficients of the two poles, and the reconstructed signal and partial sums one and two samples ago (A, RLT, PLT). */
  #pole1 = 0;
  #pole2 = 0;
  #rebuilt1 = 0;
  #sum1 = 0;
  #sum2 = 0;
  /** Coefficients of the zeros, and the differences that they weigh, the latest first (B, DLT). */
  readonly #zeros = new Int32Array(ZEROS);
  readonly #differences = new Int32Array(ZEROS);

  constructor(shape: BandShape) {
    this.#shape = shape;
    this.step = shape.firstStep;
  }

  /**
   * Takes the quantised difference of a sample in: `multiplier` is the quantiser's output level, in 1/32768 of the step, `logChange`
   * what it does to the logarithm of the step.
   *
   * @returns the difference itself (DLT, DH).
   */
  adapt(multiplier: number, logChange: number): number {
    const difference = (this.step * multiplier) >> 15;
    this.#scale(logChange);
    this.#predict(difference);
    return difference;
  }

  /** LOGSCL and SCALEL, LOGSCH and SCALEH. */
  #scale(logChange: number): void {
    const { largestLog, shift } = this.#shape;
    const log = Math.max(0, Math.min(largestLog, ((this.#logStep * 127) >> 7) + logChange));
    this.#logStep = log;
    const mantissa = ANTILOG[(log >> 6) & 31] as number;
    const down = shift - (log >> 11);
    this.step = (down < 0 ? mantissa << -down : mantissa >> down) << 2;
  }

  /** RECONS, PARREC, UPPOL1 and 2, UPZERO, FILTEP, FILTEZ, PREDIC. */
  #predict(difference: number): void {
    const rebuilt = saturate(this.predicted + difference);
    const sum = saturate(this.#fromZeros + difference);
    this.#adaptPoles(sum);
    this.#fromZeros = this.#filterZeros(difference);
    const twice1 = saturate(2 * rebuilt);
    const twice2 = saturate(2 * this.#rebuilt1);
    const fromPoles = saturate(((this.#pole1 * twice1) >> 15) + ((this.#pole2 * twice2) >> 15));
    this.predicted = saturate(fromPoles + this.#fromZeros);
    this.#rebuilt1 = rebuilt;
    this.#sum2 = this.#sum1;
    this.#sum1 = sum;
  }

  #adaptPoles(sum: number): void {
    const asBefore = sum >> 15 === this.#sum1 >> 15;
    const asTwoBefore = sum >> 15 === this.#sum2 >> 15;
    const quadruple = saturate(this.#pole1 * 4);
    const turned = asBefore ? Math.min(32_767, -quadruple) : quadruple;
    const second = (turned >> 7) + (asTwoBefore ? 128 : -128) + ((this.#pole2 * 32_512) >> 15);
    this.#pole2 = Math.max(-12_288, Math.min(12_288, second));
    const limit = saturate(15_360 - this.#pole2);
    const first = saturate((asBefore ? 192 : -192) + ((this.#pole1 * 32_640) >> 15));
    this.#pole1 = Math.max(-limit, Math.min(limit, first));
  }

  /** Adapts the coefficients, moves the differences on by one, and weighs them. */
  #filterZeros(difference: number): number {
    const zeros = this.#zeros;
    const differences = this.#differences;
    const growth = difference === 0 ? 0 : 128;
    const sign = difference >> 15;
    for (let i = 0; i < ZEROS; i++) {
      const change = (differences[i] as number) >> 15 === sign ? growth : -growth;
      zeros[i] = saturate(change + (((zeros[i] as number) * 32_640) >> 15));
    }
    differences.copyWithin(1, 0, ZEROS - 1);
    differences[0] = difference;
    let sum = 0;
    for (let i = 0; i < ZEROS; i++) sum += ((zeros[i] as number) * saturate(2 * (differences[i] as number))) >> 15;
    return saturate(sum);
  }
}

/** To 16 bits. */
export function saturate(value: number): number {
  if (value > 32_767) return 32_767;
  return value < -32_768 ? -32_768 : value;
}
