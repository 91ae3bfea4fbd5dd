/** Verdicts counted, and how sure their rates are. */
import { BASELINE_VERDICTS } from '../../src/core/report/baseline/verdict.ts';
import type { BaselineVerdict } from '../../src/core/report/baseline/verdict.ts';

export type Tally = Readonly<Record<BaselineVerdict, number>>;

export function tallyOf(verdicts: readonly BaselineVerdict[]): Tally {
  const count = (wanted: BaselineVerdict): number => verdicts.filter((verdict) => verdict === wanted).length;
  return { better: count('better'), same: count('same'), worse: count('worse'), inconclusive: count('inconclusive') };
}

export function totalOf(tally: Tally): number {
  return BASELINE_VERDICTS.reduce((sum, verdict) => sum + tally[verdict], 0);
}

/** Of a two-sided interval of 95 %. */
const Z = 1.959964;

/** The 95 % interval of a rate (Wilson 1927): it says something of 0 events, too. */
export function rateInterval(events: number, of: number): readonly [low: number, high: number] {
  if (of === 0) return [0, 1];
  const rate = events / of;
  const scale = 1 + Z ** 2 / of;
  const centre = (rate + Z ** 2 / (2 * of)) / scale;
  const half = (Z / scale) * Math.sqrt((rate * (1 - rate)) / of + Z ** 2 / (4 * of ** 2));
  return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
