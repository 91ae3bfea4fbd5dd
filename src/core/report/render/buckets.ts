/**
 * Buckets of Prometheus and OpenTelemetry, counted out of the finer ones of an HdrHistogram. One of those that straddles a bound counts
 * as if all of it lay above: at most 0.1 % of the value away, or 0.5 µs below 1 ms. Where each of them goes follows from it alone, so
 * that the sum over instances is what one histogram of all samples gives. Pure.
 */
import type { HistogramPoint } from './families.ts';

/**
 * 32 buckets for each power of two, so that a bound is 2.2 % above the one before it: the bounds of the service level, 10 % apart, are
 * told apart well. Prometheus and OpenTelemetry take up to 8 and 20, and make it coarser where they want less.
 */
export const EXPONENTIAL_SCHEMA = 5;

/** What is not above this is not told from zero, seconds: the bound that is next to the resolution of the histograms. */
export const ZERO_THRESHOLD_SECONDS: number = 2 ** -20;

export interface ExponentialBuckets {
  /** How many values are up to {@link ZERO_THRESHOLD_SECONDS}. */
  readonly zeroCount: number;
  /**
   * Those that hold values, ascending. The bucket `index` is above 2^((index − 1) / 2^schema) seconds and up to 2^(index / 2^schema).
   */
  readonly buckets: readonly (readonly [index: number, count: number])[];
}

export function exponentialBuckets({ histogram, scale }: HistogramPoint): ExponentialBuckets {
  let zeroCount = 0;
  const counts = new Map<number, number>();
  for (const { upToNs, count } of histogram.buckets()) {
    const seconds = (upToNs * scale) / 1e9;
    if (seconds <= ZERO_THRESHOLD_SECONDS) {
      zeroCount += count;
      continue;
    }
    const index = Math.ceil(Math.log2(seconds) * 2 ** EXPONENTIAL_SCHEMA);
    counts.set(index, (counts.get(index) ?? 0) + count);
  }
  return { zeroCount, buckets: [...counts] };
}

/** How many values are at or below each bound. */
export function cumulativeBuckets({ histogram, scale }: HistogramPoint, boundsNs: readonly number[]): readonly number[] {
  const counts: number[] = [];
  let total = 0;
  let next = 0;
  for (const bucket of histogram.buckets()) {
    const upToNs = bucket.upToNs * scale;
    for (let boundNs = boundsNs[next]; boundNs !== undefined && upToNs > boundNs; boundNs = boundsNs[++next]) counts.push(total);
    total += bucket.count;
  }
  while (counts.length < boundsNs.length) counts.push(total);
  return counts;
}
