/**
 * A run, or several as one, against a baseline: p50, p95 and p99, or those of them that were asked for, each by the interval of its difference.
 *
 *     worse       the whole interval lies above the least effect
 *     better      the whole interval lies below its negative
 *     same        the whole interval lies between the two
 *     inconclusive  anything else, or the instrument may have made the difference itself
 *
 * The maximum is one packet and is only shown.
 */
import { SeededRandom } from '../../probe/random.ts';
import { LatencyHistogram } from '../../stats/histogram.ts';
import { samplesNeeded } from '../../stats/service-level.ts';
import { toMs } from '../latency-summary.ts';
import { mergeRuns } from '../merge.ts';
import type { NamedRun } from '../merge.ts';
import { differenceInterval } from './interval.ts';
import type { Interval } from './interval.ts';
import { doubtOf, leastTimeMs } from './instrument.ts';
import type { Side } from './instrument.ts';
import { shapeOf } from './shape.ts';
import type { RunShape } from './shape.ts';
import { FEW_RUNS_FACTOR, gravest } from './verdict.ts';
import type { BaselineVerdict, Doubt } from './verdict.ts';

export const COMPARED_QUANTILES = ['p50_latency', 'p95_latency', 'p99_latency'] as const;
const QUANTILES = [0.5, 0.95, 0.99] as const;
export type ComparedQuantile = (typeof COMPARED_QUANTILES)[number];

/** All times in milliseconds; null is not measured, or not to be told. */
export interface QuantileComparison {
  readonly name: ComparedQuantile;
  readonly baseline: number | null;
  readonly value: number | null;
  /** value less baseline. */
  readonly difference: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** The least effect: what a difference must exceed to be one. */
  readonly margin: number | null;
  readonly verdict: BaselineVerdict;
  /** Of `inconclusive`, else null. */
  readonly doubt: Doubt | null;
}

export interface Comparison {
  readonly verdict: BaselineVerdict;
  readonly quantiles: readonly QuantileComparison[];
  /** ms; shown and not judged. */
  readonly max: { readonly baseline: number | null; readonly value: number | null };
  readonly runs: { readonly baseline: number; readonly value: number };
  readonly samples: { readonly baseline: number; readonly value: number };
  /** Of each side, its runs merged. */
  readonly histograms: { readonly baseline: LatencyHistogram; readonly value: LatencyHistogram };
  /** Whether runs were enough to learn how much they differ by themselves. */
  readonly betweenRuns: boolean;
  /** A fraction of the baseline. */
  readonly minEffect: number;
  readonly seed: number;
  /** In what the two sides differ beside their latencies, a sentence each. */
  readonly notes: readonly string[];
}

export interface ComparisonOptions {
  /** Those that decide, and are shown; all when left out. */
  readonly quantiles?: readonly ComparedQuantile[];
  readonly minEffect: number;
  readonly seed: number;
}

interface MeasuredSide extends Side {
  readonly shapes: readonly RunShape[];
  readonly latency: LatencyHistogram;
}

/** @throws RangeError without a run on either side. */
export function compareRuns(baseline: readonly NamedRun[], now: readonly NamedRun[], options: ComparisonOptions): Comparison {
  const [before, after] = [sideOf(baseline), sideOf(now)];
  const random = new SeededRandom(options.seed);
  const asked = options.quantiles ?? COMPARED_QUANTILES;
  const found = COMPARED_QUANTILES.flatMap((name, i) =>
    asked.includes(name) ? [compareQuantile(name, QUANTILES[i] ?? 0, { before, after }, options, random)] : [],
  );
  const quantiles = found.map(({ comparison }) => comparison);
  return {
    verdict: gravest(quantiles.map(({ verdict }) => verdict)),
    quantiles,
    max: { baseline: before.summary.max_latency, value: after.summary.max_latency },
    runs: { baseline: baseline.length, value: now.length },
    samples: { baseline: before.summary.total_latencies, value: after.summary.total_latencies },
    histograms: { baseline: before.latency, value: after.latency },
    betweenRuns: found.every(({ interval }) => interval?.betweenRuns === true),
    minEffect: options.minEffect,
    seed: options.seed,
    notes: differencesOfLoad(baseline, now),
  };
}

function sideOf(named: readonly NamedRun[]): MeasuredSide {
  const merged = mergeRuns(named);
  return {
    summary: merged.summary,
    runs: named.map(({ run }) => run.summary),
    // A run without a single echo has no place among the others; what it lost is in the summary.
    shapes: named.map(({ run }) => shapeOf(run)).filter(({ curve }) => curve.count > 0),
    latency: LatencyHistogram.decode(merged.histogram),
  };
}

function compareQuantile(
  name: QuantileComparison['name'],
  quantile: number,
  sides: { readonly before: MeasuredSide; readonly after: MeasuredSide },
  { minEffect }: ComparisonOptions,
  random: SeededRandom,
): { readonly comparison: QuantileComparison; readonly interval: Interval | undefined } {
  const { before, after } = sides;
  const [beforeNs, afterNs] = [before.latency.quantileNs(quantile), after.latency.quantileNs(quantile)];
  const values = { name, baseline: toMs(beforeNs), value: toMs(afterNs) };
  const samples = Math.min(before.latency.count, after.latency.count);
  const needed = samplesNeeded(quantile);
  const nothing = { ...values, difference: null, low: null, high: null, margin: null, verdict: 'inconclusive' } as const;
  if (beforeNs === null || afterNs === null)
    return { comparison: { ...nothing, doubt: { reason: 'samples', detail: 'no packet came back' } }, interval: undefined };
  const differenceNs = afterNs - beforeNs;
  const marginMs = Math.max(minEffect * toMs(beforeNs), leastTimeMs(before, after, quantile));
  const measured = { ...values, difference: toMs(differenceNs), margin: marginMs };
  const inconclusive = (doubt: Doubt, interval?: Interval): ReturnType<typeof compareQuantile> => ({
    comparison: { ...measured, ...endsOf(interval), verdict: 'inconclusive', doubt },
    interval,
  });
  if (samples < needed) return inconclusive({ reason: 'samples', detail: `${samples} of ${needed}` });
  const interval = differenceInterval(differenceNs, { baseline: before.shapes, now: after.shapes }, quantile, random);
  if (interval === undefined) return inconclusive({ reason: 'samples', detail: 'a run is too short: 5 s at the least' });
  const judged = judge(interval, marginMs);
  const doubt = doubtOf({
    before,
    after,
    quantile,
    differenceMs: toMs(differenceNs),
    judged: judged.verdict,
    fewRuns: !interval.betweenRuns,
  });
  if (doubt !== null) return inconclusive(doubt, interval);
  return { comparison: { ...measured, ...endsOf(interval), ...judged }, interval };
}

function endsOf(interval: Interval | undefined): Pick<QuantileComparison, 'low' | 'high'> {
  return interval === undefined ? { low: null, high: null } : { low: toMs(interval.lowNs), high: toMs(interval.highNs) };
}

function judge({ lowNs, highNs, betweenRuns }: Interval, marginMs: number): Pick<QuantileComparison, 'verdict' | 'doubt'> {
  const [low, high] = [toMs(lowNs), toMs(highNs)];
  const beyond = betweenRuns ? marginMs : FEW_RUNS_FACTOR * marginMs;
  if (low > beyond) return { verdict: 'worse', doubt: null };
  if (high < -beyond) return { verdict: 'better', doubt: null };
  if (low >= -marginMs && high <= marginMs) return { verdict: 'same', doubt: null };
  const isFew = low > marginMs || high < -marginMs;
  return { verdict: 'inconclusive', doubt: { reason: isFew ? 'runs' : 'spread', detail: '' } };
}

/** Options that make the load what it is; a difference in them may be all there is. */
const LOAD_OPTIONS = ['streams', 'rate_pps', 'ptime_ms', 'duration_seconds', 'timeout_ms'] as const;

function differencesOfLoad(baseline: readonly NamedRun[], now: readonly NamedRun[]): readonly string[] {
  const notes = LOAD_OPTIONS.flatMap((name) => {
    const [before, after] = [baseline, now].map((runs) => listOf(runs.map(({ run }) => run.options[name])));
    return before === after ? [] : [`${name} is ${after ?? ''}, and ${before ?? ''} in the baseline`];
  });
  const [there, here] = [baseline, now].map((runs) => listOf(runs.map(({ run }) => run.host.hostname)));
  return there === here ? notes : [...notes, `measured on ${here ?? ''}, the baseline on ${there ?? ''}`];
}

function listOf(values: readonly unknown[]): string {
  return [...new Set(values.map((value) => (value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value))))]
    .toSorted()
    .join(', ');
}
