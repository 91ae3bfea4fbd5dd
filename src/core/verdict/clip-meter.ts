/**
 * Whether the peaks of what comes are flattened against what was sent. Of what is sent every sample is known, uniformly distributed and
 * independent of the others, so that any gain and any filter make what is heard at a sample grow in proportion to it on average: in the
 * highest quarter of the amplitudes 7/3 of what it is in the second quarter. A limit on the amplitude holds the highest quarter back.
 * Pure.
 */
import { REFERENCE_PEAK } from '../match/reference.ts';

/** The highest quarter's mean over the second one's, of what is proportional: 3.5 / 1.5. */
const PROPORTIONAL = 7 / 3;
const QUARTER = REFERENCE_PEAK / 4;
/** Samples of each quarter that a statement takes: a quarter of a second's; with so many noise as loud as the sound moves the ratio by 0.1. */
const ENOUGH = 500;
/** What is older than two seconds counts half. */
const HALVED_AT = 4_000;

export class ClipMeter {
  #second = 0;
  #secondCount = 0;
  #highest = 0;
  #highestCount = 0;

  /**
   * @param heard a ring whose length is a power of two, from slot 0 on.
   * @param sent the samples that were sent, from `at` on, each where it was heard.
   */
  add(heard: Int16Array, sent: Int16Array, at: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const reference = sent[at + i] as number;
      const size = Math.abs(reference);
      if (size > 3 * QUARTER) {
        this.#highest += reference > 0 ? (heard[i] as number) : -(heard[i] as number);
        this.#highestCount += 1;
      } else if (size > QUARTER && size <= 2 * QUARTER) {
        this.#second += reference > 0 ? (heard[i] as number) : -(heard[i] as number);
        this.#secondCount += 1;
      }
    }
    if (this.#highestCount < HALVED_AT) return;
    this.#second /= 2;
    this.#secondCount /= 2;
    this.#highest /= 2;
    this.#highestCount /= 2;
  }

  /**
   * How high the peaks are of what they should be, by what the lower amplitudes are: 1 is untouched, 0.86 a limit at three quarters
   * of the peak. undefined while too little was heard.
   */
  get peaks(): number | undefined {
    if (Math.min(this.#secondCount, this.#highestCount) < ENOUGH || this.#second === 0) return undefined;
    return this.#highest / this.#highestCount / (this.#second / this.#secondCount) / PROPORTIONAL;
  }
}
