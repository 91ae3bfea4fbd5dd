/**
 * How often `rtplat report --baseline` is wrong: pairs of runs over the same path, of which none should be called worse, and over a
 * path that is 1, 2 or 5 ms longer, by an echo that really holds every packet (bench/peers/delay-echo.c). Other work comes and
 * goes on the machine meanwhile, as it does on a runner that is shared.
 *
 *     scripts/in-netns.sh node bench/verdict.ts [--short] [--write]
 *
 * Bars: of pairs over the same path at most 1 % are called worse; of those 2 ms longer at least 99 % are found in 1,000 packets. The
 * full form takes half an hour. The short form measures nothing: it compares the stored runs of the last `--write`, all
 * with all.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { compareRuns } from '../src/core/report/baseline/compare.ts';
import type { BaselineVerdict } from '../src/core/report/baseline/verdict.ts';
import type { NamedRun } from '../src/core/report/merge.ts';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { LOADS, measureRounds, SECONDS, SHIFTS_MS } from './verdict/measure.ts';
import type { Load, Round } from './verdict/measure.ts';
import { checkStored, renderStored, STORED } from './verdict/stored.ts';
import { rateInterval, tallyOf, totalOf } from './verdict/tally.ts';
import type { Tally } from './verdict/tally.ts';

const ROUNDS = 500;
const STORED_ROUNDS = 6;
const FALSE_ALARMS_PERCENT = 1;
const POWER_PERCENT = 99;
/** What a user has who types nothing else. */
const OPTIONS = { minEffect: 0.05, seed: 1 };

interface Case {
  readonly load: Load;
  readonly runsPerSide: number;
  readonly shiftMs: number;
  readonly verdicts: readonly BaselineVerdict[];
}

await main(async () => {
  const { short, write } = benchOptions([]);
  const bars = new Bars(short);
  if (short) {
    process.stdout.write(checkStored(OPTIONS));
    return;
  }
  const machine = thisMachine();
  process.stdout.write(`${machineLine(machine)}\n${ROUNDS} rounds of 3 × ${SECONDS} s\n`);
  const rounds = await measureRounds(ROUNDS, (done) => {
    if (done % 10 === 0) process.stdout.write(`${done} rounds\n`);
  });
  const cases = LOADS.flatMap(({ name: load }) =>
    [1, 3].flatMap((runsPerSide) => [0, ...SHIFTS_MS].map((shiftMs): Case => compareAll(rounds, { load, runsPerSide, shiftMs }))),
  );
  const tables = [
    `Runs of ${SECONDS} s over a path of 5 ms, and of 1, 2 or 5 ms more, with other work coming and going on the machine. Least effect 5 %.`,
    'Rates with their 95 % interval (Wilson). p50, p95 and p99 are compared: 1,000 packets are too few for the last two, and the other work',
    'makes them too uneven in 10,000, so that no pair of equal paths is called the same.',
    '',
    '| packets of a run | runs a side | longer by | pairs | worse | inconclusive | same | better | called worse (95 %) | bar |',
    '|---|---|---|---|---|---|---|---|---|---|',
    ...cases.map((each) => row(each, bars)),
  ].join('\n');
  const values = cases.map(({ load, runsPerSide, shiftMs, verdicts }) => ({ load, runsPerSide, shiftMs, tally: tallyOf(verdicts) }));
  record(
    'verdict',
    { title: 'Verdicts against a baseline', command: 'scripts/in-netns.sh node bench/verdict.ts', machine, tables, charts: [], values },
    write,
  );
  if (write) writeFileSync(path.join(import.meta.dirname, 'verdict', STORED), renderStored(rounds.slice(0, STORED_ROUNDS)));
  bars.conclude();
});

/** Each run stands in one pair of a case only: pairs are independent but for the hour. */
function compareAll(rounds: readonly Round[], { load, runsPerSide, shiftMs }: Omit<Case, 'verdicts'>): Case {
  const pairs = rounds.flatMap(({ before, again, shifted, ...round }) => {
    if (shiftMs !== 0 && round.shiftMs !== shiftMs) return [];
    const [earlier, now] = [before.get(load), (shiftMs === 0 ? again : shifted).get(load)];
    return earlier === undefined || now === undefined ? [] : [{ earlier, now }];
  });
  const verdicts: BaselineVerdict[] = [];
  for (let first = 0; first + runsPerSide <= pairs.length; first += runsPerSide) {
    const chunk = pairs.slice(first, first + runsPerSide);
    const side = (which: 'earlier' | 'now'): readonly NamedRun[] => chunk.map((pair, i) => ({ name: String(i), run: pair[which] }));
    verdicts.push(compareRuns(side('earlier'), side('now'), OPTIONS).verdict);
  }
  return { load, runsPerSide, shiftMs, verdicts };
}

function row({ load, runsPerSide, shiftMs, verdicts }: Case, bars: Bars): string {
  const tally = tallyOf(verdicts);
  const total = totalOf(tally);
  const percent = (100 * tally.worse) / total;
  const what = `${load}, ${runsPerSide} a side, +${shiftMs} ms: % called worse`;
  let bar = '';
  if (shiftMs === 0) bar = bars.atMost(what, percent, FALSE_ALARMS_PERCENT);
  else if (shiftMs >= 2) bar = bars.atLeast(what, percent, POWER_PERCENT);
  const cells = [
    load,
    runsPerSide,
    shiftMs === 0 ? 'nothing' : `${shiftMs} ms`,
    total,
    ...countsOf(tally),
    rateOf(tally.worse, total),
    bar,
  ];
  return `| ${cells.join(' | ')} |`;
}

function countsOf({ worse, inconclusive, same, better }: Tally): readonly number[] {
  return [worse, inconclusive, same, better];
}

function rateOf(events: number, of: number): string {
  const [low, high] = rateInterval(events, of).map((rate) => (100 * rate).toFixed(1));
  return `${((100 * events) / of).toFixed(1)} % (${low}–${high})`;
}
