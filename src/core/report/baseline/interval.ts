/**
 * The interval of a difference between the quantiles of two sides, each of one run or several.
 *
 * Packets within a second, and seconds of one run, are not independent, and two runs differ by the mood of their machine. So packets
 * are never resampled one by one:
 *
 * - within a run, blocks of seconds are: of each second the share of packets at or below the run's quantile; the mean of a resample,
 *   read back on the run's whole histogram, is a quantile that the run might as well have had (Woodruff 1952, with blocks for clusters);
 * - between runs, whole runs are: by how much the quantile of each was off the mean of its side, both sides in one pool.
 *
 * Whichever makes the interval wider is used. Of few observations a bootstrap's percentiles are too narrow (Hesterberg 2015), so at
 * each end the farther of two counts: the percentile of the resamples, and Student's t times their standard error.
 */
import type { SeededRandom } from '../../probe/random.ts';
import { percentileOf, resampleMean, resampleShare, standardError } from '../../stats/bootstrap.ts';
import type { Resampled, WeightedValue } from '../../stats/bootstrap.ts';
import { studentQuantile } from '../../stats/student.ts';
import { sharesBySecond } from './shape.ts';
import type { RunShape } from './shape.ts';

/** The share of the resamples within the interval. Three quantiles, each with half of the rest on the bad side: 0.75 % in all. */
export const LEVEL = 0.995;
export const RESAMPLES = 4_000;

/** Seconds that a series must have: of fewer nothing can be said about how seconds differ. */
const LEAST_SECONDS = 5;
/** Without them: packets of so many seconds are held for one observation. */
const ASSUMED_SECONDS = 0.1;
const MOST_ASSUMED = 1_000;
/** Of them so many must lie on either side of a quantile. */
const LEAST_BEYOND = 5;
/** Student's t of fewer degrees of freedom is so large that nothing was ever different. */
const LEAST_DEGREES = 4;

export interface Interval {
  readonly lowNs: number;
  readonly highNs: number;
  /** Whether it says how much runs differ by themselves: three a side, or as many in all. */
  readonly betweenRuns: boolean;
}

/**
 * @param differenceNs new less baseline.
 * @returns undefined when a run is too short to say anything, and there are too few runs to do without.
 */
export function differenceInterval(
  differenceNs: number,
  sides: { readonly baseline: readonly RunShape[]; readonly now: readonly RunShape[] },
  quantile: number,
  random: SeededRandom,
): Interval | undefined {
  const [ours, theirs] = [withinRuns(sides.now, quantile, random), withinRuns(sides.baseline, quantile, random)];
  const within = ours === undefined || theirs === undefined ? undefined : subtract(ours, theirs);
  const between = betweenRuns(sides, quantile, random);
  const isKnown = between !== undefined && between.degrees >= LEAST_DEGREES;
  if (within === undefined && !isKnown) return undefined;
  const [widest] = [within, between].filter((each) => each !== undefined).toSorted((a, b) => reach(b) - reach(a));
  if (widest === undefined) return undefined;
  const tail = (1 - LEVEL) / 2;
  return {
    lowNs: differenceNs + Math.min(-reach(widest), percentileOf(widest.deviations, tail)),
    highNs: differenceNs + Math.max(reach(widest), percentileOf(widest.deviations, 1 - tail)),
    betweenRuns: isKnown,
  };
}

function reach({ deviations, degrees }: Resampled): number {
  return studentQuantile((1 + LEVEL) / 2, Math.max(degrees, LEAST_DEGREES)) * standardError(deviations);
}

/** Each run counts by its packets; undefined when one of them is too short. */
function withinRuns(runs: readonly RunShape[], quantile: number, random: SeededRandom): Resampled | undefined {
  const weights = sharesOf(runs);
  const deviations = new Float64Array(RESAMPLES);
  const parts: { readonly variance: number; readonly degrees: number }[] = [];
  for (const [i, run] of runs.entries()) {
    const made = withinRun(run, quantile, random);
    if (made === undefined) return undefined;
    const weight = weights[i] as number;
    for (let n = 0; n < RESAMPLES; n++) deviations[n] = (deviations[n] as number) + weight * (made.deviations[n] as number);
    parts.push({ variance: (weight * standardError(made.deviations)) ** 2, degrees: made.degrees });
  }
  return { deviations, degrees: degreesOf(parts) };
}

function withinRun(run: RunShape, quantile: number, random: SeededRandom): Resampled | undefined {
  const { curve, durationSeconds } = run;
  const estimateNs = curve.quantileNs(quantile);
  const shares = resampleShares(sharesBySecond(run, quantile), quantile, observationsOf(curve.count, durationSeconds), random);
  if (shares === undefined) return undefined;
  const { deviations, degrees } = shares;
  // Where more packets lie at or below the value, the quantile lies lower.
  return { deviations: deviations.map((deviation) => curve.quantileNs(quantile - deviation) - estimateNs), degrees };
}

function resampleShares(
  seconds: readonly WeightedValue[],
  quantile: number,
  observations: number,
  random: SeededRandom,
): Resampled | undefined {
  if (seconds.length >= LEAST_SECONDS) return resampleMean(seconds, RESAMPLES, random);
  if (observations * Math.min(quantile, 1 - quantile) < LEAST_BEYOND) return undefined;
  return resampleShare(quantile, observations, RESAMPLES, random);
}

function observationsOf(packets: number, durationSeconds: number): number {
  return Math.max(1, Math.min(packets, MOST_ASSUMED, Math.floor(durationSeconds / ASSUMED_SECONDS)));
}

/** undefined of one run a side: there is nothing to learn it from. */
function betweenRuns(
  { baseline, now }: { readonly baseline: readonly RunShape[]; readonly now: readonly RunShape[] },
  quantile: number,
  random: SeededRandom,
): Resampled | undefined {
  const pool = [baseline, now].flatMap((runs) => residualsOf(runs, quantile));
  if (pool.length === 0) return undefined;
  const [ours, theirs] = [sharesOf(now), sharesOf(baseline)];
  const deviations = new Float64Array(RESAMPLES);
  const draw = (weights: readonly number[]): number =>
    weights.reduce((sum, weight) => sum + weight * (pool[random.uint32() % pool.length] as number), 0);
  for (let n = 0; n < RESAMPLES; n++) deviations[n] = draw(ours) - draw(theirs);
  const degrees = [baseline, now].reduce((sum, runs) => sum + Math.max(0, runs.length - 1), 0);
  return { deviations, degrees };
}

/** By how much each run is off the mean of its side, ns, made as large as it is expected to be with the true mean. */
function residualsOf(runs: readonly RunShape[], quantile: number): readonly number[] {
  if (runs.length < 2) return [];
  const values = runs.map(({ curve }) => curve.quantileNs(quantile));
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const widened = Math.sqrt(values.length / (values.length - 1));
  return values.map((value) => widened * (value - mean));
}

function sharesOf(runs: readonly RunShape[]): readonly number[] {
  const total = runs.reduce((sum, { curve }) => sum + curve.count, 0);
  return runs.map(({ curve }) => curve.count / total);
}

function subtract(a: Resampled, b: Resampled): Resampled {
  const parts = [a, b].map(({ deviations, degrees }) => ({ variance: standardError(deviations) ** 2, degrees }));
  return { deviations: a.deviations.map((deviation, i) => deviation - (b.deviations[i] as number)), degrees: degreesOf(parts) };
}

/** Of a sum of independent parts (Welch 1947, Satterthwaite 1946). */
function degreesOf(parts: readonly { readonly variance: number; readonly degrees: number }[]): number {
  const total = parts.reduce((sum, { variance }) => sum + variance, 0);
  const squares = parts.reduce((sum, { variance, degrees }) => sum + variance ** 2 / Math.max(degrees, Number.EPSILON), 0);
  return squares === 0 ? LEAST_DEGREES : total ** 2 / squares;
}
