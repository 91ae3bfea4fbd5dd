/**
 * Resampling of a series whose neighbours are not independent: whole blocks are drawn, so that what neighbours have in common stays
 * together (circular block bootstrap, Politis & Romano 1992).
 */
import type { SeededRandom } from '../probe/random.ts';

export interface WeightedValue {
  /** Above 0: how many packets the value stands for. */
  readonly weight: number;
  readonly value: number;
}

/** What resampling says of an estimate. */
export interface Resampled {
  /** By how much each resample is off the estimate. */
  readonly deviations: Float64Array;
  /** Observations that may be held for independent, less one. */
  readonly degrees: number;
}

/**
 * As long as keeps the error of a variance least: it grows with the cube root of the series (Hall, Horowitz & Jing 1995). Two blocks
 * fit in at the least.
 */
export function blockLength(count: number): number {
  return Math.max(1, Math.min(Math.ceil(Math.cbrt(count)), Math.floor(count / 2)));
}

/**
 * Resamples the weighted mean of a series.
 *
 * @param series in the order of time, two at least.
 */
export function resampleMean(series: readonly WeightedValue[], resamples: number, random: SeededRandom): Resampled {
  const count = series.length;
  const length = blockLength(count);
  // Sums up to each place of the series written twice, so that a block may go on at the beginning.
  const weights = new Float64Array(2 * count + 1);
  const sums = new Float64Array(2 * count + 1);
  for (let i = 0; i < 2 * count; i++) {
    const { weight, value } = series[i % count] as WeightedValue;
    weights[i + 1] = (weights[i] as number) + weight;
    sums[i + 1] = (sums[i] as number) + weight * value;
  }
  const mean = (sums[count] as number) / (weights[count] as number);
  // Resamples of n blocks vary less than samples of n do, by (n − 1) / n.
  const widened = Math.sqrt(1 / (1 - length / count));
  const deviations = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    let weight = 0;
    let sum = 0;
    for (let drawn = 0; drawn < count; drawn += length) {
      const from = random.uint32() % count;
      const to = from + Math.min(length, count - drawn);
      weight += (weights[to] as number) - (weights[from] as number);
      sum += (sums[to] as number) - (sums[from] as number);
    }
    deviations[i] = widened * (sum / weight - mean);
  }
  return { deviations, degrees: count / length - 1 };
}

/**
 * Resamples the share of `observations` of which a fraction `share` lies on one side.
 *
 * @param observations one at least.
 */
export function resampleShare(share: number, observations: number, resamples: number, random: SeededRandom): Resampled {
  const bound = share * 2 ** 32;
  const deviations = new Float64Array(resamples);
  for (let i = 0; i < resamples; i++) {
    let below = 0;
    for (let n = 0; n < observations; n++) if (random.uint32() < bound) below += 1;
    deviations[i] = below / observations - share;
  }
  return { deviations, degrees: observations - 1 };
}

/** The root of the mean square of deviations. */
export function standardError(deviations: Float64Array): number {
  let squares = 0;
  for (const deviation of deviations) squares += deviation * deviation;
  return Math.sqrt(squares / deviations.length);
}

/** The least deviation that a fraction `p` of them does not exceed. */
export function percentileOf(deviations: Float64Array, p: number): number {
  const sorted = deviations.toSorted();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))] ?? Number.NaN;
}
