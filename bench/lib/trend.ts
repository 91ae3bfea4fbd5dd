/** Whether something grows: the slope of a series, and how sure it is. */
import { quantile } from './rounds.ts';

export interface Trend {
  /** Per unit of x. */
  readonly slope: number;
  /** Its 95 % interval. */
  readonly low: number;
  readonly high: number;
}

const NORMAL_975 = 1.96;

/**
 * The median of the slopes of all pairs (Theil–Sen), which a few outliers do not move, and its interval by the variance of Kendall's S
 * (Sen 1968). Points that hang together make it narrower than it should be: give means of stretches, not every sample.
 */
export function trendOf(points: readonly { readonly x: number; readonly y: number }[]): Trend {
  const slopes: number[] = [];
  for (const [i, from] of points.entries())
    for (const to of points.slice(i + 1)) if (to.x !== from.x) slopes.push((to.y - from.y) / (to.x - from.x));
  const n = points.length;
  const reach = NORMAL_975 * Math.sqrt((n * (n - 1) * (2 * n + 5)) / 18);
  const share = slopes.length === 0 ? 0 : reach / slopes.length / 2;
  const at = (q: number): number => quantile(slopes, Math.min(1, Math.max(0, q)));
  return { slope: at(0.5), low: at(0.5 - share), high: at(0.5 + share) };
}
