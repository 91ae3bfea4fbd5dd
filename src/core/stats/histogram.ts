/**
 * Latency histograms: one configuration everywhere (3 significant digits, 1 µs to 60 s), so that merging histograms gives
 * exactly the histogram of all samples. Maximum, minimum and mean are exact, not bucketed. Values in nanoseconds.
 */
import hdr from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';

/** Smallest value told apart from its neighbours, ns. */
export const LOWEST_NS = 1_000;
/** Values above are recorded as this; `maxNs` stays exact. */
export const HIGHEST_NS = 60_000_000_000;
export const SIGNIFICANT_DIGITS = 3;

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

export class LatencyHistogram {
  readonly #hdr: Histogram;
  #count = 0;
  #sumNs = 0;
  #minNs = Number.POSITIVE_INFINITY;
  #maxNs = Number.NEGATIVE_INFINITY;

  constructor(inner: Histogram = emptyHdr()) {
    this.#hdr = inner;
  }

  /** Adds one sample, ns. A negative sample (a clock fault) counts as 0 in the buckets and shows in {@link minNs}. */
  record(valueNs: number): void {
    this.#hdr.recordValue(valueNs < 0 ? 0 : valueNs > HIGHEST_NS ? HIGHEST_NS : Math.round(valueNs));
    this.#count += 1;
    this.#sumNs += valueNs;
    if (valueNs < this.#minNs) this.#minNs = valueNs;
    if (valueNs > this.#maxNs) this.#maxNs = valueNs;
  }

  get count(): number {
    return this.#count;
  }

  /** Exact; null without samples. */
  get maxNs(): number | null {
    return this.#count === 0 ? null : this.#maxNs;
  }

  get minNs(): number | null {
    return this.#count === 0 ? null : this.#minNs;
  }

  /** Exact; null without samples. */
  get meanNs(): number | null {
    return this.#count === 0 ? null : this.#sumNs / this.#count;
  }

  /**
   * The value at or below which `quantile` (0 … 1) of the samples lie, ns, to 3 significant digits and never above
   * {@link maxNs}; null without samples.
   */
  quantileNs(quantile: number): number | null {
    if (this.#count === 0) return null;
    return Math.max(this.#minNs, Math.min(this.#maxNs, this.#hdr.getValueAtPercentile(quantile * 100)));
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
    const inner = this.#hdr as Histogram & RecordedValues;
    const iterator = inner.recordedValuesIterator;
    iterator.reset();
    while (iterator.hasNext()) {
      const value = iterator.next();
      yield { upToNs: value.valueIteratedTo, count: value.countAddedInThisIterationStep };
    }
  }

  /** Adds all samples of `other`. */
  merge(other: LatencyHistogram): void {
    this.#hdr.add(other.#hdr);
    this.#count += other.#count;
    this.#sumNs += other.#sumNs;
    this.#minNs = Math.min(this.#minNs, other.#minNs);
    this.#maxNs = Math.max(this.#maxNs, other.#maxNs);
  }

  reset(): void {
    this.#hdr.reset();
    this.#count = 0;
    this.#sumNs = 0;
    this.#minNs = Number.POSITIVE_INFINITY;
    this.#maxNs = Number.NEGATIVE_INFINITY;
  }

  encode(): EncodedHistogram {
    return {
      encoding: 'hdr-v2-base64',
      unit: 'ns',
      count: this.#count,
      minNs: this.minNs,
      maxNs: this.maxNs,
      sumNs: this.#sumNs,
      data: hdr.encodeIntoCompressedBase64(this.#hdr),
    };
  }

  /** @throws RangeError when the data is not a histogram of this configuration, or contradicts its own count. */
  static decode(encoded: EncodedHistogram): LatencyHistogram {
    let inner: Histogram;
    try {
      inner = hdr.decodeFromCompressedBase64(encoded.data, 32);
    } catch (error) {
      throw new RangeError('the histogram data cannot be decoded', { cause: error });
    }
    if (inner.totalCount !== encoded.count) {
      throw new RangeError(`the histogram holds ${inner.totalCount} samples but says ${encoded.count}`);
    }
    const { lowestDiscernibleValue, highestTrackableValue, numberOfSignificantValueDigits } = inner as Histogram & Configuration;
    if (
      lowestDiscernibleValue !== LOWEST_NS ||
      highestTrackableValue !== HIGHEST_NS ||
      numberOfSignificantValueDigits !== SIGNIFICANT_DIGITS
    ) {
      throw new RangeError('the histogram has another range or precision than 1 µs to 60 s with 3 digits');
    }
    if (encoded.count > 0 && (encoded.minNs === null || encoded.maxNs === null)) {
      throw new RangeError('the histogram has samples but no minimum or maximum');
    }
    const histogram = new LatencyHistogram(inner);
    histogram.#count = encoded.count;
    histogram.#sumNs = encoded.sumNs;
    histogram.#minNs = encoded.minNs ?? Number.POSITIVE_INFINITY;
    histogram.#maxNs = encoded.maxNs ?? Number.NEGATIVE_INFINITY;
    return histogram;
  }
}

/** Members that the declarations of hdr-histogram-js leave out. */
interface Configuration {
  readonly lowestDiscernibleValue: number;
  readonly highestTrackableValue: number;
  readonly numberOfSignificantValueDigits: number;
}

interface RecordedValues {
  readonly recordedValuesIterator: {
    reset(): void;
    hasNext(): boolean;
    next(): { readonly valueIteratedTo: number; readonly countAddedInThisIterationStep: number };
  };
}

function emptyHdr(): Histogram {
  return hdr.build({
    lowestDiscernibleValue: LOWEST_NS,
    highestTrackableValue: HIGHEST_NS,
    numberOfSignificantValueDigits: SIGNIFICANT_DIGITS,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
}
