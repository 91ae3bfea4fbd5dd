/** The short form: the stored runs of the full form, each compared with each, and what must hold of so few. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compareRuns } from '../../src/core/report/baseline/compare.ts';
import type { ComparisonOptions } from '../../src/core/report/baseline/compare.ts';
import type { BaselineVerdict } from '../../src/core/report/baseline/verdict.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import { LOADS } from './measure.ts';
import type { Load, Round } from './measure.ts';
import { tallyOf } from './tally.ts';

export const STORED = 'runs.json';
/** What a run of 1,000 packets must find. */
const FOUND_MS = 2;

/** A run as it is stored. */
interface StoredRun {
  readonly load: Load;
  /** null where it is one over the path as it was. */
  readonly shiftMs: number | null;
  readonly run: unknown;
}

export function renderStored(rounds: readonly Round[]): string {
  const stored = rounds.flatMap(({ before, again, shiftMs, shifted }): readonly StoredRun[] =>
    [
      { runs: before, by: null },
      { runs: again, by: null },
      { runs: shifted, by: shiftMs },
    ].flatMap(({ runs, by }) => [...runs].map(([load, run]) => ({ load, shiftMs: by, run }))),
  );
  return `${JSON.stringify(stored)}\n`;
}

/**
 * @returns what was counted, a line a load.
 * @throws Error when one path is called worse or better than itself, when a longer one is called the same or better, or most of those
 * are not found.
 */
export function checkStored(options: ComparisonOptions): string {
  const file = path.join(import.meta.dirname, STORED);
  if (!existsSync(file)) throw new Error(`${file} is missing: the full form with --write makes it`);
  const stored = JSON.parse(readFileSync(file, 'utf8')) as readonly StoredRun[];
  return LOADS.map(({ name }) => `${name}: ${checkLoad(stored, name, options)}\n`).join('');
}

function checkLoad(stored: readonly StoredRun[], load: Load, options: ComparisonOptions): string {
  const runsOf = (fits: (shiftMs: number | null) => boolean): readonly RunDocument[] =>
    stored.filter((each) => each.load === load && fits(each.shiftMs)).map(({ run }) => parseRun(JSON.stringify(run), STORED));
  const alike = runsOf((shiftMs) => shiftMs === null);
  const longer = runsOf((shiftMs) => shiftMs !== null && shiftMs >= FOUND_MS);
  const verdict = (baseline: RunDocument, now: RunDocument): BaselineVerdict =>
    compareRuns([{ name: 'baseline', run: baseline }], [{ name: 'now', run: now }], options).verdict;
  const same = tallyOf(alike.flatMap((a, i) => alike.slice(i + 1).map((b) => verdict(a, b))));
  if (same.worse + same.better > 0) throw new Error(`${load}: ${JSON.stringify(same)} of runs over one path`);
  const found = tallyOf(longer.flatMap((now) => alike.map((baseline) => verdict(baseline, now))));
  if (found.same + found.better > 0 || found.worse <= found.inconclusive) {
    throw new Error(`${load}: ${JSON.stringify(found)} of a path that is longer`);
  }
  const back = tallyOf(longer.flatMap((baseline) => alike.map((now) => verdict(baseline, now))));
  if (back.worse + back.same > 0) throw new Error(`${load}: ${JSON.stringify(back)} of a path that is shorter`);
  for (const run of alike) if (verdict(run, run) === 'worse') throw new Error(`${load}: a run is worse than itself`);
  return `alike ${JSON.stringify(same)}, longer ${JSON.stringify(found)}, shorter ${JSON.stringify(back)}`;
}
