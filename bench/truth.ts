/**
 * How far the round trips that instruments report are from the true ones. Between an instrument and its server stands a program
 * that holds every packet for 5 to 6 ms, and knows from the kernel's stamps how long exactly it was until the answer left again
 * (bench/peers/hold-echo.c). What an instrument reports on top of that is its own, and the kernel's path to it.
 *
 *     scripts/in-netns.sh node bench/truth.ts [--short] [--write] [--only idle|busy]
 *
 * Holder and servers on core 0, the instrument on core 1; `busy`: a process that never sleeps has core 1, too. Bars, for the
 * error of `rtplat probe`: p50 at most 35 µs; p99 at most 100 µs idle and 125 µs busy, and 20 times less than irtt's.
 */
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { compile } from './lib/peers.ts';
import { start } from './lib/process.ts';
import type { Running } from './lib/process.ts';
import { record } from './lib/record.ts';
import { interleave, median, ratioOfMedians, spread } from './lib/rounds.ts';
import { startServer } from './subjects/server.ts';
import { dgramClient, irtt, PACKET_BYTES, PACKETS_PER_SECOND, probe, sockperf, stampClient } from './truth/instruments.ts';
import type { Instrument } from './truth/instruments.ts';
import { errorsOf, summarize } from './truth/pairing.ts';
import type { ErrorSummary } from './truth/pairing.ts';

const HOLD_US = 5000;
const SPREAD_US = 1000;
const SERVER_CPU = [0];
const INSTRUMENT_CPU = [1];
/** Longer than any measurement: the busy process ends by itself should nobody end it. */
const BUSY_SECONDS = 60;
const P50_BAR_US = 35;
const TIMES_BETTER_BAR = 20;

const CONDITIONS = [
  { name: 'idle', label: 'idle', p99BarUs: 100 },
  { name: 'busy', label: 'core shared with a busy process', p99BarUs: 125 },
] as const;

type Values = ReadonlyMap<Subject, readonly ErrorSummary[]>;

interface Subject {
  readonly instrument: Instrument;
  readonly condition: (typeof CONDITIONS)[number];
}

await main(async () => {
  const { short, write, wants } = benchOptions(CONDITIONS.map(({ name }) => name));
  const machine = thisMachine();
  const [rounds, seconds] = short ? [2, 2] : [5, 4];
  let ourselves = '';
  const ours = probe(({ engine, clock }) => (ourselves = `${engine} engine, ${clock} clock`));
  const instruments = short ? [ours, dgramClient, stampClient] : [ours, irtt, sockperf, dgramClient, stampClient];
  const conditions = CONDITIONS.filter(({ name }) => wants(name));
  const subjects = conditions.flatMap((condition) => instruments.map((instrument): Subject => ({ instrument, condition })));
  process.stdout.write(`${machineLine(machine)}\n${subjects.length} cases, ${rounds + 1} rounds of ${seconds} s\n`);
  const values = await interleave(subjects, rounds, (subject) => measure(subject, seconds));

  const bars = new Bars(short);
  const rows = subjects.map((subject) => row(subject, values, bars));
  const tables = [
    `Measured less true round trip, µs, of ${PACKETS_PER_SECOND} packets/s for ${seconds} s; medians of ${rounds} rounds (± half of the`,
    `spread of the middle half). \`rtplat probe\`: ${ourselves}. *C, kernel stamps* is what can be known at best on this machine.`,
    '',
    '| | instrument | p50 | p99 | p99 against ours | bars |',
    '|---|---|---|---|---|---|',
    ...rows,
  ].join('\n');
  const chart = (quantile: 'p50' | 'p99') => ({
    file: `bench-truth-${quantile}.svg`,
    alt: `Bar chart: ${quantile} of the measured less the true round trip, by instrument`,
    svg: barChart({
      title: `Error of a measured round trip, ${quantile}`,
      unit: 'µs more than the truth, which the kernel’s stamps tell; less is better',
      groups: conditions.map((condition) => ({
        label: condition.label,
        bars: subjects
          .filter((subject) => subject.condition === condition)
          .map((subject) => ({ name: subject.instrument.name, value: of(subject, values, quantile).middle })),
      })),
    }),
  });
  const raw = subjects.map((subject) => ({
    case: subject.condition.name,
    subject: subject.instrument.name,
    rounds: values.get(subject),
  }));
  record(
    'truth',
    {
      title: 'Measured against true round trip',
      command: 'scripts/in-netns.sh node bench/truth.ts',
      machine,
      tables,
      charts: [chart('p50'), chart('p99')],
      values: raw,
    },
    write,
  );
  bars.conclude();
});

async function measure({ instrument, condition }: Subject, seconds: number): Promise<ErrorSummary> {
  const others: Running[] = [];
  try {
    const server = await instrument.startServer(SERVER_CPU);
    others.push(server.running);
    if (condition.name === 'busy') {
      others.push(await start(compile('busy'), [String(BUSY_SECONDS)], { cpu: INSTRUMENT_CPU, readyLine: /^busy$/ }));
    }
    const { offset, bytes } = instrument.key;
    const holder = await startServer('hold-echo', [server.port, HOLD_US, SPREAD_US, PACKET_BYTES, offset, bytes], SERVER_CPU);
    let told = '';
    let measuredNs: readonly (number | null)[];
    try {
      measuredNs = await instrument.measure(holder.port, seconds, INSTRUMENT_CPU);
    } finally {
      told = await holder.running.stop();
    }
    return summarize(errorsOf(measuredNs, trueRoundTrips(told)));
  } finally {
    await Promise.all(others.map((running) => running.stop()));
  }
}

/** What the holder prints: a ready line, then nanoseconds, or -1 for what was not answered. */
function trueRoundTrips(told: string): readonly (number | null)[] {
  const lines = told.trim().split('\n').slice(1);
  return lines.map((line) => (line === '-1' ? null : Number(line)));
}

/** A quantile of a subject's errors, µs: by round, and the median of the rounds. */
function of(subject: Subject, values: Values, quantile: 'p50' | 'p99'): { readonly byRound: readonly number[]; readonly middle: number } {
  const byRound = (values.get(subject) ?? []).map((summary) => summary[quantile]);
  return { byRound, middle: median(byRound) };
}

function row(subject: Subject, values: Values, bars: Bars): string {
  const { instrument, condition } = subject;
  const [p50, p99] = [of(subject, values, 'p50'), of(subject, values, 'p99')];
  const ours = [...values.keys()].find((other) => other.condition === condition) ?? subject;
  const verdicts: string[] = [];
  let against = '';
  if (subject === ours) {
    verdicts.push(`p50 ${bars.atMost(`p50 of rtplat probe, ${condition.name}, µs`, p50.middle, P50_BAR_US)}`);
    verdicts.push(`p99 ${bars.atMost(`p99 of rtplat probe, ${condition.name}, µs`, p99.middle, condition.p99BarUs)}`);
  } else {
    const { ratio, low, high } = ratioOfMedians(p99.byRound, of(ours, values, 'p99').byRound);
    against = `${ratio.toFixed(1)}× (${low.toFixed(1)}–${high.toFixed(1)})`;
    if (instrument === irtt)
      verdicts.push(`p99 over ours ${bars.atLeast(`p99 of irtt over ours, ${condition.name}`, ratio, TIMES_BETTER_BAR)}`);
  }
  const cells = [condition.label, instrument.name, shown(p50), shown(p99), against, verdicts.join(', ')];
  return `| ${cells.join(' | ')} |`;
}

function shown({ byRound, middle }: { readonly byRound: readonly number[]; readonly middle: number }): string {
  return `${middle.toFixed(1)} ± ${((spread(byRound) * middle) / 2).toFixed(1)}`;
}
