/** When the packets of one stream left by the kernel's clock: a window over the latest of them. */

/** A host that looks this late still finds what it needs. */
const STALL_NS = 1e9;
const LEAST_WINDOW = 64;
/** Sequence numbers tell no more packets apart. */
const MOST_WINDOW = 65_536;

export interface KernelTimesOptions {
  /** Between two packets. */
  readonly intervalNs: number;
  /** An echo that takes longer asks for nothing. */
  readonly timeoutNs: number;
  readonly durationNs: number;
}

export class KernelTimes {
  readonly #atNs: Float64Array;
  /** Which packet a place is about: a later one may have taken it. */
  readonly #index: Int32Array;

  constructor({ intervalNs, timeoutNs, durationNs }: KernelTimesOptions) {
    const wanted = Math.ceil(Math.min(durationNs, timeoutNs + STALL_NS) / intervalNs) + 1;
    let window = LEAST_WINDOW;
    while (window < wanted && window < MOST_WINDOW) window *= 2;
    this.#atNs = new Float64Array(window);
    this.#index = new Int32Array(window).fill(-1);
  }

  /** Packet `index` is new: nothing is known of it. */
  forget(index: number): void {
    const place = index & (this.#index.length - 1);
    this.#index[place] = index;
    this.#atNs[place] = Number.NaN;
  }

  /** @param atNs when packet `index` left; NaN when that is not known. */
  put(index: number, atNs: number): void {
    const place = index & (this.#index.length - 1);
    if (this.#index[place] === index) this.#atNs[place] = atNs;
  }

  /** When packet `index` left, ns; NaN when that is not known, or no more. */
  of(index: number): number {
    const place = index & (this.#index.length - 1);
    return this.#index[place] === index ? (this.#atNs[place] as number) : Number.NaN;
  }
}
