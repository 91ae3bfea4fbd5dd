/** The member `baseline` that a JSON document has when it was compared with one. Milliseconds and fractions of 1. */
import type { Comparison, QuantileComparison } from './compare.ts';
import { LEVEL, RESAMPLES } from './interval.ts';
import type { BaselineVerdict, Doubt } from './verdict.ts';

export const BASELINE_SCHEMA = 'rtplat.baseline/1';

/** Of the baseline, and of what was compared with it; null is not measured. */
interface Pair<T> {
  readonly baseline: T;
  readonly value: T;
}

export interface BaselineDocument {
  readonly schema: typeof BASELINE_SCHEMA;
  readonly verdict: BaselineVerdict;
  readonly quantiles: readonly QuantileDocument[];
  /** Shown, not judged. */
  readonly max_latency: Pair<number | null>;
  readonly runs: Pair<number>;
  readonly samples: Pair<number>;
  /** Whether there were runs enough to learn how much runs differ by themselves. */
  readonly between_runs: boolean;
  /** A fraction of the baseline. */
  readonly min_effect: number;
  /** What share of the resamples the intervals hold. */
  readonly level: number;
  readonly resamples: number;
  readonly seed: number;
  /** In what else the two differ, a sentence each. */
  readonly notes: readonly string[];
}

interface QuantileDocument extends Pair<number | null> {
  /** Its name in the run document. */
  readonly name: QuantileComparison['name'];
  /** value less baseline. */
  readonly difference: number | null;
  /** The interval of the difference. */
  readonly low: number | null;
  readonly high: number | null;
  /** What a difference must exceed to be one. */
  readonly margin: number | null;
  readonly verdict: BaselineVerdict;
  /** Why it is inconclusive, else null. */
  readonly reason: Doubt['reason'] | null;
  readonly detail: string | null;
}

export function baselineDocument({ quantiles, max, betweenRuns, minEffect, ...rest }: Comparison): BaselineDocument {
  const { verdict, runs, samples, seed, notes } = rest;
  return {
    schema: BASELINE_SCHEMA,
    verdict,
    quantiles: quantiles.map(({ doubt, ...quantile }) => ({
      ...quantile,
      reason: doubt?.reason ?? null,
      detail: doubt === null || doubt.detail === '' ? null : doubt.detail,
    })),
    max_latency: max,
    runs,
    samples,
    between_runs: betweenRuns,
    min_effect: minEffect,
    level: LEVEL,
    resamples: RESAMPLES,
    seed,
    notes,
  };
}
