/**
 * What an echo adds to the round trip of a packet, between two stamps of the kernel, against the shortest echo in C.
 *
 *     scripts/in-netns.sh node bench/echo-latency.ts [--short] [--write] [--only 1x50|100x50]
 */
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { prepare, stampedLatency } from './lib/echo-load.ts';
import type { LoadResult } from './lib/echo-load.ts';
import { C_SINGLE, DGRAM, RTPLAT, RTPLAT_BUSY } from './lib/echo-subjects.ts';
import type { EchoSubject } from './lib/echo-subjects.ts';
import { thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { interleave, median, quantile, ratioOfMedians, spread } from './lib/rounds.ts';

interface Case {
  readonly label: string;
  readonly sources: number;
  readonly seconds: number;
  readonly shortSeconds: number;
  /** The median of each, as a multiple of the C echo's, at most. */
  readonly bars: ReadonlyMap<EchoSubject, number>;
}

const CASES: ReadonlyMap<string, Case> = new Map([
  [
    '1x50',
    {
      label: '1 source × 50 packets/s',
      sources: 1,
      seconds: 6,
      shortSeconds: 2,
      bars: new Map([
        [RTPLAT, 1.4],
        [RTPLAT_BUSY, 0.3],
      ]),
    },
  ],
  [
    '100x50',
    {
      label: '100 sources × 50 packets/s',
      sources: 100,
      seconds: 3,
      shortSeconds: 1,
      bars: new Map([
        [RTPLAT, 1.1],
        [RTPLAT_BUSY, 0.3],
      ]),
    },
  ],
]);

type Results = ReadonlyMap<EchoSubject, readonly LoadResult[]>;

await main(async () => {
  const { short, write, wants } = benchOptions([...CASES.keys()]);
  const machine = thisMachine();
  const bars = new Bars(short);
  const subjects = [RTPLAT, RTPLAT_BUSY, C_SINGLE, DGRAM];
  prepare(subjects);

  const results = new Map<Case, Results>();
  for (const [name, one] of CASES) {
    if (!wants(name)) continue;
    const load = { sources: one.sources, seconds: short ? one.shortSeconds : one.seconds };
    results.set(one, await interleave(subjects, short ? 2 : 5, (subject) => stampedLatency(subject, load)));
  }

  const title = 'Echo: latency between two stamps of the kernel';
  record(
    'echo-latency',
    {
      title,
      command: `scripts/in-netns.sh node bench/echo-latency.ts${short ? ' --short' : ''}`,
      machine,
      tables: table(results, bars),
      charts: [{ file: 'bench-echo-latency.svg', alt: `${title}, a bar for each server`, svg: chart(title, results) }],
      values: Object.fromEntries(
        [...results].map(([{ label }, all]) => [label, Object.fromEntries([...all].map(([subject, values]) => [subject.name, values]))]),
      ),
    },
    write,
  );
  bars.conclude();
});

function medianUs({ p50Ns }: LoadResult): number {
  return p50Ns / 1000;
}

/** A hundred packets of a source are too few to judge by: a core that wakes up late decides them. */
function judge(bars: Bars, sources: number, what: string, ratio: number, limit: number): string {
  return sources === 1 ? bars.atMostInFull(what, ratio, limit) : bars.atMost(what, ratio, limit);
}

function table(results: ReadonlyMap<Case, Results>, bars: Bars): string {
  const lines = ['| load | server | p50, µs | p99, µs | spread of p50 | it / C (95 %) | bar |', '|---|---|---|---|---|---|---|'];
  for (const [{ label, sources, bars: limits }, all] of results) {
    const yardstick = all.get(C_SINGLE)?.map(medianUs) ?? [];
    for (const [subject, rounds] of all) {
      const p50 = rounds.map(medianUs);
      const { ratio, low, high } = ratioOfMedians(p50, yardstick);
      const limit = limits.get(subject);
      const cells = [
        label,
        subject.name,
        median(p50).toFixed(1),
        median(rounds.map(({ p99Ns }) => p99Ns / 1000)).toFixed(0),
        `${(100 * spread(p50)).toFixed(1)} %`,
        subject === C_SINGLE ? '' : `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
        limit === undefined ? '' : judge(bars, sources, `echo latency, ${label}, ${subject.name} / C`, ratio, limit),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function chart(title: string, results: ReadonlyMap<Case, Results>): string {
  const groups = [...results].map(([{ label }, all]) => ({
    label,
    bars: [...all].map(([subject, rounds]) => {
      const p50 = rounds.map(medianUs);
      return { name: subject.name, value: median(p50), low: quantile(p50, 0.25), high: quantile(p50, 0.75) };
    }),
  }));
  return barChart({ title, unit: 'µs, median of the rounds’ medians, and quartiles; less is better', groups });
}
