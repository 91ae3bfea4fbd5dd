/**
 * Latency histograms: one configuration everywhere (3 significant digits, 1 µs to 60 s), so that merging histograms gives
 * exactly the histogram of all samples. Maximum, minimum and mean are exact, not bucketed. Values in nanoseconds.
 *
 * The buckets are HdrHistogram's. They are kept here, and not in hdr-histogram-js, for two reasons: recording is a few
 * instructions a packet, and the memory may be shared between threads, so that one records while others read.
 *
 *     unit:  0 … 2047   2048 … 4095   4096 … 8191   …      a unit is 512 ns
 *     scale:    0            1             2        …      a bucket is 2^scale units wide
 *     index: 0 … 2047   2048 … 3071   3072 … 4095   …      1024 buckets a scale, but 2048 of scale 0
 */
import hdr from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';
import { decodeHdr } from './hdr-decoder.ts';

/** Smallest value told apart from its neighbours, ns. */
export const LOWEST_NS = 1_000;
/** Values above are recorded as this; `maxNs` stays exact. */
export const HIGHEST_NS = 60_000_000_000;
export const SIGNIFICANT_DIGITS = 3;
const CONFIGURATION = { lowest: LOWEST_NS, highest: HIGHEST_NS, digits: SIGNIFICANT_DIGITS };

/** The largest power of two in {@link LOWEST_NS}, as HdrHistogram has it. */
const UNIT_NS = 512;
const HIGHEST_UNIT = Math.floor(HIGHEST_NS / UNIT_NS);
/** Buckets of a scale, as a power of two: half of the 2048 that resolve 3 digits. */
const SCALE_BITS = 10;
const FIRST_SCALE_MASK = 2_047;
/** 17 scales reach 60 s; the first one has twice the buckets. */
const BUCKETS = 18_432;
/** What 32 bits can count. */
const FULL = 2 ** 32 - 1;

/** Where each of the numbers lies. All are 0 in an empty histogram, so that fresh memory is one. */
const COUNT = 0;
const SUM_NS = 1;
const MIN_NS = 2;
const MAX_NS = 3;
/** The used buckets lie between these two, inclusive; they hold at least the buckets of minimum and maximum. */
const FIRST_INDEX = 4;
const LAST_INDEX = 5;
/** Six, up to a whole cache line: histograms side by side in one buffer then share none. */
const NUMBERS = 8;

const NUMBERS_BYTES = NUMBERS * Float64Array.BYTES_PER_ELEMENT;

/** What {@link histogramStorage} takes: 73,792, a multiple of 64. */
export const HISTOGRAM_BYTES: number = NUMBERS_BYTES + BUCKETS * Uint32Array.BYTES_PER_ELEMENT;

/** The memory of a histogram. */
export interface HistogramStorage {
  readonly numbers: Float64Array;
  readonly counts: Uint32Array;
}

/**
 * The {@link HISTOGRAM_BYTES} at `byteOffset` as the memory of a histogram. Zeros are an empty one; anything else must have been
 * written by a histogram.
 *
 * @throws RangeError when `byteOffset` is no multiple of 8, or the buffer ends too soon.
 */
export function histogramStorage(buffer: ArrayBuffer | SharedArrayBuffer, byteOffset: number): HistogramStorage {
  return {
    numbers: new Float64Array(buffer, byteOffset, NUMBERS),
    counts: new Uint32Array(buffer, byteOffset + NUMBERS_BYTES, BUCKETS),
  };
}

/** A histogram as a run file carries it: HdrHistogram V2, compressed, base64, beside what the buckets cannot say exactly. */
export interface EncodedHistogram {
  readonly encoding: 'hdr-v2-base64';
  readonly unit: 'ns';
  readonly count: number;
  /** null when there is no sample. */
  readonly minNs: number | null;
  readonly maxNs: number | null;
  /** Sum of all samples, for the exact mean. */
  readonly sumNs: number;
  readonly data: string;
}

/**
 * Several threads may each have a LatencyHistogram over the same storage. One of them writes ({@link record}, {@link merge},
 * {@link reset}), all may read at any time without disturbing it; nothing is locked. A reader may see a sample's bucket before its
 * minimum, maximum, sum and count, and two readings differ by the samples of the time between them. For numbers that belong
 * together, take them from a {@link snapshot}.
 */
export class LatencyHistogram {
  readonly #numbers: Float64Array;
  readonly #counts: Uint32Array;

  /** @param storage what it holds already counts. By default memory of its own, empty. */
  constructor(storage: HistogramStorage = histogramStorage(new ArrayBuffer(HISTOGRAM_BYTES), 0)) {
    this.#numbers = storage.numbers;
    this.#counts = storage.counts;
  }

  /**
   * Adds one sample, ns. A negative sample (a clock fault) counts as 0 in the buckets and shows in {@link minNs}. A bucket holds
   * 2^32 − 1 samples; a further one is left out altogether, so that the count remains that of the buckets.
   */
  record(valueNs: number): void {
    const index = indexOf(valueNs);
    const inBucket = this.#counts[index] as number;
    if (inBucket === FULL) return;
    this.#counts[index] = inBucket + 1;
    const numbers = this.#numbers;
    const count = numbers[COUNT] as number;
    // A new minimum or maximum is rare, and only it can lie outside of the used buckets.
    if (count === 0 || valueNs < (numbers[MIN_NS] as number)) {
      numbers[MIN_NS] = valueNs;
      numbers[FIRST_INDEX] = index;
    }
    if (count === 0 || valueNs > (numbers[MAX_NS] as number)) {
      numbers[MAX_NS] = valueNs;
      numbers[LAST_INDEX] = index;
    }
    numbers[SUM_NS] = (numbers[SUM_NS] as number) + valueNs;
    // Last: a reader that sees the count finds what it counts.
    numbers[COUNT] = count + 1;
  }

  get count(): number {
    return this.#number(COUNT);
  }

  /** Exact; null without samples. */
  get maxNs(): number | null {
    return this.count === 0 ? null : this.#number(MAX_NS);
  }

  get minNs(): number | null {
    return this.count === 0 ? null : this.#number(MIN_NS);
  }

  /** Exact; null without samples. */
  get meanNs(): number | null {
    const count = this.count;
    return count === 0 ? null : this.#number(SUM_NS) / count;
  }

  /**
   * The value at or below which `quantile` (0 … 1) of the samples lie, ns, to 3 significant digits and never above
   * {@link maxNs}; null without samples.
   */
  quantileNs(quantile: number): number | null {
    const [valueNs] = this.quantilesNs([quantile]);
    return valueNs ?? null;
  }

  /** {@link quantileNs} of several in one pass; none without samples. @param ascending each 0 … 1. */
  quantilesNs(ascending: readonly number[]): readonly number[] {
    const count = this.count;
    if (count === 0) return [];
    const minNs = this.#number(MIN_NS);
    const maxNs = this.#number(MAX_NS);
    const counts = this.#counts;
    const last = this.#number(LAST_INDEX);
    let index = this.#number(FIRST_INDEX) - 1;
    let reached = 0;
    const values: number[] = [];
    for (const quantile of ascending) {
      const rank = rankOf(quantile, count);
      while (reached < rank && index < last) {
        index += 1;
        reached += counts[index] as number;
      }
      const valueNs = quantile === 0 ? lowestNsAt(index) : highestNsAt(index);
      // The first only when another thread has emptied the buckets meanwhile.
      values.push(reached < rank ? maxNs : Math.max(minNs, Math.min(maxNs, valueNs)));
    }
    return values;
  }

  /** Number of samples at or below `valueNs`, to the resolution of the buckets. */
  countAtOrBelow(valueNs: number): number {
    let total = 0;
    for (const bucket of this.buckets()) {
      if (bucket.upToNs > valueNs) break;
      total += bucket.count;
    }
    return total;
  }

  /** The buckets that hold samples, ascending; `upToNs` is the highest value a bucket stands for. */
  *buckets(): Generator<{ readonly upToNs: number; readonly count: number }> {
    if (this.count === 0) return;
    const last = this.#number(LAST_INDEX);
    for (let index = this.#number(FIRST_INDEX); index <= last; index++) {
      const count = this.#counts[index] as number;
      if (count > 0) yield { upToNs: highestNsAt(index), count };
    }
  }

  /** Adds all samples of `other`, but for those that find their bucket full ({@link record}). */
  merge(other: LatencyHistogram): void {
    const count = other.count;
    if (count === 0) return;
    const sumNs = other.#number(SUM_NS);
    const first = other.#number(FIRST_INDEX);
    const last = other.#number(LAST_INDEX);
    this.#cover(other.#number(MIN_NS), other.#number(MAX_NS), first, last);
    let taken = 0;
    for (let index = first; index <= last; index++) {
      const before = this.#counts[index] as number;
      const after = Math.min(FULL, before + (other.#counts[index] as number));
      this.#counts[index] = after;
      taken += after - before;
    }
    // All are taken, and the ratio is exactly 1, unless a bucket is full or another thread records into `other` just now.
    this.#numbers[SUM_NS] = this.#number(SUM_NS) + sumNs * (taken / count);
    this.#numbers[COUNT] = this.count + taken;
  }

  /** A copy in memory of its own. Its count is that of its buckets, even when another thread records meanwhile. */
  snapshot(): LatencyHistogram {
    const copy = new LatencyHistogram();
    copy.merge(this);
    return copy;
  }

  /** Clears no more than was used. */
  reset(): void {
    const first = this.#number(FIRST_INDEX);
    const last = this.#number(LAST_INDEX);
    this.#numbers.fill(0);
    this.#counts.fill(0, first, last + 1);
  }

  encode(): EncodedHistogram {
    const copy = this.snapshot();
    return {
      encoding: 'hdr-v2-base64',
      unit: 'ns',
      count: copy.count,
      minNs: copy.minNs,
      maxNs: copy.maxNs,
      sumNs: copy.#number(SUM_NS),
      data: hdr.encodeIntoCompressedBase64(copy.#toHdr()),
    };
  }

  /**
   * @param into what it holds is forgotten; by default a new one. Empty when this throws.
   * @throws RangeError when the data is not a histogram of this configuration, or contradicts its own count.
   */
  static decode(encoded: EncodedHistogram, into: LatencyHistogram = new LatencyHistogram()): LatencyHistogram {
    into.reset();
    try {
      into.#fill(encoded);
    } catch (error) {
      into.#counts.fill(0);
      throw error;
    }
    return into;
  }

  #fill({ data, count, minNs, maxNs, sumNs }: EncodedHistogram): void {
    const { total, first, last } = decodeHdr(data, CONFIGURATION, this.#counts);
    if (total !== count) throw new RangeError(`the histogram holds ${total} samples but says ${count}`);
    if (count === 0) return;
    if (minNs === null || maxNs === null) throw new RangeError('the histogram has samples but no minimum or maximum');
    this.#cover(minNs, maxNs, first, last);
    this.#numbers[SUM_NS] = sumNs;
    this.#numbers[COUNT] = count;
  }

  #number(at: number): number {
    return this.#numbers[at] as number;
  }

  /**
   * Widens minimum, maximum and the range of used buckets, which takes in the buckets of the other two: a file may claim what it
   * likes, and another thread may be between the one and the other. The count is left to the caller.
   */
  #cover(minNs: number, maxNs: number, first: number, last: number): void {
    const numbers = this.#numbers;
    const empty = this.count === 0;
    numbers[MIN_NS] = empty ? minNs : Math.min(minNs, this.#number(MIN_NS));
    numbers[MAX_NS] = empty ? maxNs : Math.max(maxNs, this.#number(MAX_NS));
    numbers[FIRST_INDEX] = Math.min(first, indexOf(minNs), empty ? first : this.#number(FIRST_INDEX));
    numbers[LAST_INDEX] = Math.max(last, indexOf(maxNs), empty ? last : this.#number(LAST_INDEX));
  }

  #toHdr(): Histogram {
    const inner = hdr.build({
      lowestDiscernibleValue: LOWEST_NS,
      highestTrackableValue: HIGHEST_NS,
      numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
      bitBucketSize: 32,
      useWebAssembly: false,
    });
    for (const { upToNs, count } of this.buckets()) inner.recordValueWithCount(upToNs, count);
    return inner;
  }
}

/** The bucket of a value. It never falls when the value rises. */
function indexOf(valueNs: number): number {
  // To the nearest ns first, then down to the unit. Within 27 bits: integers from here on.
  const unit = valueNs <= 0 ? 0 : valueNs >= HIGHEST_NS ? HIGHEST_UNIT : ((valueNs + 0.5) / UNIT_NS) | 0;
  const scale = 31 - SCALE_BITS - Math.clz32(unit | FIRST_SCALE_MASK);
  return (scale << SCALE_BITS) + (unit >> scale);
}

/** The lowest value that a bucket stands for, ns. */
function lowestNsAt(index: number): number {
  const scale = scaleAt(index);
  return (index - (scale << SCALE_BITS)) * (UNIT_NS << scale);
}

/** The highest whole one, ns. */
function highestNsAt(index: number): number {
  return lowestNsAt(index) + (UNIT_NS << scaleAt(index)) - 1;
}

function scaleAt(index: number): number {
  return Math.max(0, (index >> SCALE_BITS) - 1);
}

/**
 * How many samples, counted from the least, `quantile` stands for: as HdrHistogram rounds it, up to a whole sample but for the last
 * bit of the product, which may be too high by its own rounding.
 */
function rankOf(quantile: number, count: number): number {
  const product = (Math.min(quantile * 100, 100) / 100) * count;
  const lastBit = 2 ** (Math.floor(Math.log2(product)) - 52);
  return Math.max(1, Math.ceil(product - lastBit));
}
