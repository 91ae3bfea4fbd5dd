/**
 * Where windows of what was heard lie in the reference: the candidates that the packets of a window are judged by. Looks around the
 * last known place first, and everywhere when nothing is there.
 */
import type { AudioCorrelator, Peak } from './audio-correlator.ts';
import { WINDOW } from './audio-correlator.ts';
import { BlockStore } from './audio-blocks.ts';
import type { NoiseReference } from './reference.ts';

/** Windows whose candidates are kept: a packet's own, at most three, and one on either side. */
const WINDOWS_KEPT = 5;
/** Blocks that a search looks at beyond the longest delay: a window is looked at so much after it came. */
const BLOCKS_MORE = 4;
/** Two windows whose lags differ by less, in samples, have found the same. */
const SAME_LAG = 4;
/**
 * What may be wrong with a place, in samples: the parabola through a peak that is no parabola (0.12, more where a filter narrows the band),
 * and a clock that is 100 ppm off across a window (0.1); then what noise adds, three standard deviations.
 */
const PLACE_ERROR = 0.35;
const NOISE_ERROR = 1.5;

/** By how much places of what was heard are ahead of those in the reference, in samples. */
export interface Candidate {
  readonly lag: number;
  /** Of the lag, in samples. */
  readonly error: number;
}

export class WindowSearch {
  readonly #correlator: AudioCorrelator;
  readonly #blocks: BlockStore;
  readonly #longest: number;
  /** By number of the window; only the last ones. */
  readonly #candidates = new Map<number, readonly Candidate[]>();
  #lag: number | undefined;

  /** @param longest delay, in samples. */
  constructor(correlator: AudioCorrelator, reference: NoiseReference, longest: number) {
    this.#correlator = correlator;
    this.#longest = longest;
    this.#blocks = new BlockStore(correlator, reference, Math.ceil(longest / WINDOW) + BLOCKS_MORE + 3);
  }

  /**
   * Looks for a window.
   *
   * @param number of the window: it begins at `number * WINDOW` of what was heard.
   * @param present how many of its samples came, and `energy`, the sum of their squares.
   * @param sent samples of the reference that have been sent.
   * @returns whether it was found.
   */
  search(number: number, window: Int16Array, present: number, energy: number, sent: number): boolean {
    this.#correlator.load(window, present, energy);
    const start = number * WINDOW;
    const peaks: Peak[] = [];
    if (this.#lag !== undefined) this.#searchNear(start - this.#lag, peaks);
    if (peaks.length === 0) this.#searchAll(sent, peaks);
    const [best] = peaks;
    if (best === undefined) return false;
    this.#lag = start - best.position;
    const candidates = peaks.map(({ position, correlation }) => ({
      lag: start - position,
      error: PLACE_ERROR + NOISE_ERROR / (correlation * Math.sqrt(present)),
    }));
    for (const old of this.#candidates.keys()) if (old <= number - WINDOWS_KEPT) this.#candidates.delete(old);
    this.#candidates.set(number, candidates);
    return true;
  }

  /** For a packet in the windows `first … last`: their candidates, and then those of the window before and of that behind; each lag once. */
  candidatesOf(first: number, last: number): readonly Candidate[] {
    const found: Candidate[] = [];
    const add = (window: number): void => {
      for (const candidate of this.#candidates.get(window) ?? []) {
        if (found.every(({ lag }) => Math.abs(lag - candidate.lag) > SAME_LAG)) found.push(candidate);
      }
    };
    for (let window = first; window <= last; window++) add(window);
    add(first - 1);
    add(last + 1);
    return found;
  }

  /** What was heard begins anew, with window 0. */
  restart(): void {
    this.#candidates.clear();
    this.#lag = undefined;
  }

  /** In the block where the window should begin, and in the nearer one of its neighbours: 128 ms on either side at the least. */
  #searchNear(position: number, peaks: Peak[]): void {
    const block = Math.floor(position / WINDOW);
    const neighbour = position - block * WINDOW < WINDOW / 2 ? block - 1 : block + 1;
    this.#correlator.search(this.#blocks.get(block), this.#blocks.get(neighbour), peaks);
  }

  /** In all that has been sent within the longest delay. The first block begins before the reference: so may the window. */
  #searchAll(sent: number, peaks: Peak[]): void {
    const newest = Math.floor(sent / WINDOW);
    const oldest = Math.max(-1, Math.floor((sent - this.#longest) / WINDOW) - BLOCKS_MORE + 1);
    for (let block = newest; block >= oldest; block -= 2) {
      this.#correlator.search(this.#blocks.get(block), this.#blocks.get(Math.max(oldest, block - 1)), peaks);
    }
  }
}
