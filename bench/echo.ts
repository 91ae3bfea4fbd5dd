/**
 * What an echoed packet costs in processor time, against other echo servers, and what is lost at a high rate.
 *
 *     scripts/in-netns.sh node bench/echo.ts [--short] [--write] [--only sources|trains|open]
 */
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { openLoop, prepare, serverCosts } from './lib/echo-load.ts';
import type { LoadResult, ServerCost } from './lib/echo-load.ts';
import { C_BATCH, DGRAM, GO, RTPLAT, SIPP, SOCKPERF } from './lib/echo-subjects.ts';
import type { EchoSubject } from './lib/echo-subjects.ts';
import { thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { interleave, median, quantile, ratioOfMedians, spread } from './lib/rounds.ts';

/** Packets per CPU-second, as a multiple of the peer's, at least. */
const BARS: ReadonlyMap<EchoSubject, number> = new Map([
  [C_BATCH, 0.97],
  [SIPP, 1.25],
  [SOCKPERF, 1.25],
  [GO, 1.8],
  [DGRAM, 2.5],
]);
/** The same against the C echo, by packets in a train. */
const TRAIN_BARS: ReadonlyMap<number, number> = new Map([
  [2, 1.5],
  [4, 3],
  [16, 12],
]);
/** Part of the packets that may be lost. */
const LOSS_BAR = 0.001;
const OPEN_LOOP = { sources: 100, rate: 150_000, burst: 16 } as const;

type Costs = ReadonlyMap<EchoSubject, readonly ServerCost[]>;

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;

await main(async () => {
  const { short, write, wants } = benchOptions(['sources', 'trains', 'open']);
  const machine = thisMachine();
  const bars = new Bars(short);
  const slices = short ? { rounds: 4, seconds: 0.2 } : { rounds: 25, seconds: 0.4 };
  const tables: string[] = [];
  const charts: { file: string; alt: string; svg: string }[] = [];
  const values: Record<string, unknown> = {};

  const few = short ? [RTPLAT, C_BATCH, DGRAM] : [RTPLAT, C_BATCH];
  const many = short ? few : [RTPLAT, C_BATCH, SIPP, SOCKPERF, GO, DGRAM];
  prepare(many);

  if (wants('sources')) {
    const cases = new Map<string, Costs>();
    for (const sources of short ? [1, 100] : [1, 100, 1000]) {
      const subjects = sources === 1000 ? few : many; // the cost hardly depends on it, and the whole takes long enough
      const label = sources === 1 ? '1 source' : `${sources} sources`;
      cases.set(label, await serverCosts(subjects, { sources, train: 1, ...slices }));
    }
    tables.push(costTable('sources', cases, bars, (subject) => BARS.get(subject)));
    const title = 'Echo of 172-byte packets: what a CPU-second buys';
    charts.push({ file: 'bench-echo.svg', alt: `${title}, a bar for each server`, svg: costChart(title, cases) });
    values['sources'] = storable(cases);
  }

  if (wants('trains')) {
    const cases = new Map<string, Costs>();
    const barOf = new Map<string, number>();
    for (const [train, bar] of TRAIN_BARS) {
      const label = `trains of ${train}`;
      barOf.set(label, bar);
      cases.set(label, await serverCosts([RTPLAT, C_BATCH], { sources: 1, train, ...slices }));
    }
    tables.push(costTable('packets together', cases, bars, (_subject, label) => barOf.get(label)));
    const title = 'Echo of packets that arrive together: what a CPU-second buys';
    charts.push({ file: 'bench-echo-trains.svg', alt: `${title}, a bar for each server`, svg: costChart(title, cases) });
    values['trains'] = storable(cases);
  }

  if (wants('open')) {
    const load = { ...OPEN_LOOP, seconds: short ? 1 : 5 };
    const results = await interleave([RTPLAT, C_BATCH], 3, (subject) => openLoop(subject, load));
    tables.push(lossTable(results, bars));
    values['open'] = Object.fromEntries([...results].map(([subject, all]) => [subject.name, all]));
  }

  const command = `scripts/in-netns.sh node bench/echo.ts${short ? ' --short' : ''}`;
  record('echo', { title: 'Echo', command, machine, tables: tables.join('\n\n'), charts, values }, write);
  bars.conclude();
});

function rate({ packetsPerCpuSecond }: ServerCost): number {
  return packetsPerCpuSecond;
}

/** A row for each server in each case; `barOf` gives the bar of rtplat against it. */
function costTable(
  heading: string,
  cases: ReadonlyMap<string, Costs>,
  bars: Bars,
  barOf: (subject: EchoSubject, label: string) => number | undefined,
): string {
  const lines = [
    `| ${heading} | server | packets per CPU-second | spread | its core busy | rtplat / it (95 %) | bar |`,
    '|---|---|---|---|---|---|---|',
  ];
  for (const [label, costs] of cases) {
    const ours = costs.get(RTPLAT)?.map(rate) ?? [];
    for (const [subject, all] of costs) {
      const rates = all.map(rate);
      const cells = [
        label,
        subject.name,
        count.format(median(rates)),
        percent(spread(rates)),
        percent(median(all.map(({ busy }) => busy))),
      ];
      if (subject === RTPLAT) cells.push('', '');
      else {
        const { ratio, low, high } = ratioOfMedians(ours, rates);
        const bar = barOf(subject, label);
        cells.push(
          `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
          bar === undefined ? '' : bars.atLeast(`echo, ${label}, rtplat / ${subject.name}`, ratio, bar),
        );
      }
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function costChart(title: string, cases: ReadonlyMap<string, Costs>): string {
  const groups = [...cases].map(([label, costs]) => ({
    label,
    bars: [...costs].map(([subject, all]) => {
      const rates = all.map(rate);
      return { name: subject.name, value: median(rates), low: quantile(rates, 0.25), high: quantile(rates, 0.75) };
    }),
  }));
  return barChart({ title, unit: 'packets per CPU-second, median and quartiles; more is better', groups });
}

/** What was lost on the way through the server: not in the load's own buffer. The median round counts. */
function lossTable(results: ReadonlyMap<EchoSubject, readonly LoadResult[]>, bars: Bars): string {
  const { rate, sources, burst } = OPEN_LOOP;
  const lines = [
    `| ${count.format(rate)} packets/s, ${sources} sources | packets | lost | load late by at most | bar |`,
    '|---|---|---|---|---|',
  ];
  const lostBy = (all: readonly LoadResult[]): number => median(all.map((result) => (result.lost - result.ownDrops) / result.sent));
  const peer = lostBy(results.get(C_BATCH) ?? []);
  for (const [subject, all] of results) {
    const lost = lostBy(all);
    const sent = all.reduce((sum, result) => sum + result.sent, 0);
    const lateMs = Math.max(...all.map(({ lateMaxNs }) => lateMaxNs)) / 1e6;
    const verdict =
      subject === RTPLAT ? bars.atMost(`echo, ${count.format(rate)} packets/s in bursts of ${burst}, lost`, lost, LOSS_BAR, peer) : '';
    lines.push(`| ${subject.name} | ${count.format(sent)} | ${(100 * lost).toFixed(3)} % | ${lateMs.toFixed(1)} ms | ${verdict} |`);
  }
  return lines.join('\n');
}

function storable(cases: ReadonlyMap<string, Costs>): unknown {
  const rows = [...cases].map(
    ([label, costs]) => [label, Object.fromEntries([...costs].map(([subject, all]) => [subject.name, all]))] as const,
  );
  return Object.fromEntries(rows);
}
