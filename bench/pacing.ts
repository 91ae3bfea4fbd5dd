/**
 * How far packets leave from the instant they are due: `rtplat probe` against a C program that sleeps to absolute deadlines
 * (bench/peers/pacer.c), both sending 1, 100 and 1000 streams of 50 packets/s. Each says itself how late its sends were; an echo
 * that looks on (bench/peers/sink.c) judges both by the kernel's stamps of the arrivals, so that neither is taken at its word.
 *
 *     scripts/in-netns.sh node bench/pacing.ts [--short] [--write] [--only STREAMS]
 *
 * Echo on core 0, the sender on cores 0 and 1. Bars: p50 at most 25 µs, p99 at most 1.5 times the C program's, drift at most 50 ppm.
 */
import path from 'node:path';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { compile } from './lib/peers.ts';
import { run } from './lib/process.ts';
import { record } from './lib/record.ts';
import { interleave, median, ratioOfMedians } from './lib/rounds.ts';
import type { ProbeReport } from './subjects/probe.ts';
import { startServer } from './subjects/server.ts';

const PACKETS_PER_SECOND = 50;
const STREAMS = [1, 100, 1000];
const ECHO_CPU = [0];
/** Sending and receiving 1000 streams takes more than one core in all: a sender with threads may use them where there is room. */
const SENDER_CPU = [0, 1];
const P50_BAR_US = 25;
const P99_TIMES_BAR = 1.5;
const DRIFT_BAR_PPM = 50;

/** Lateness at quantiles, µs. */
interface Lateness {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** What the sender says of itself. */
interface Sent extends Lateness {
  readonly sent: number;
}

/** What the echo saw of it. */
interface Seen extends Lateness {
  readonly received: number;
  /** How far two packets of a stream were from 20 ms apart, µs. */
  readonly gapP50: number;
  readonly gapP99: number;
  readonly driftPpm: number;
}

interface Measured {
  readonly said: Sent;
  readonly seen: Seen;
}

interface Sender {
  readonly name: string;
  send(port: number, streams: number, seconds: number): Promise<Sent>;
}

interface Subject {
  readonly sender: Sender;
  readonly streams: number;
}

type Values = ReadonlyMap<Subject, readonly Measured[]>;

let ourselves = '';

const ours: Sender = {
  name: 'rtplat probe',
  send: async (port, streams, seconds) => {
    const script = path.join(import.meta.dirname, 'subjects', 'probe.ts');
    const args = [script, ...[port, streams, PACKETS_PER_SECOND, seconds].map(String)];
    const report = JSON.parse(await run(process.execPath, args, { cpu: SENDER_CPU })) as ProbeReport;
    ourselves = `${report.engine} engine`;
    const { p50, p99, max } = report.sendError;
    return { sent: report.sent, p50: p50 / 1000, p99: p99 / 1000, max: max / 1000 };
  },
};

const pacer: Sender = {
  name: 'C, clock_nanosleep',
  send: async (port, streams, seconds) => {
    const said = numbers(await run(compile('pacer'), [port, streams, seconds].map(String), { cpu: SENDER_CPU }));
    return { sent: said('sent'), p50: said('p50_ns') / 1000, p99: said('p99_ns') / 1000, max: said('max_ns') / 1000 };
  },
};

await main(async () => {
  const { short, write, wants } = benchOptions(STREAMS.map(String));
  const machine = thisMachine();
  const [rounds, seconds] = short ? [2, 2] : [4, 8];
  const cases = STREAMS.filter((streams) => wants(String(streams)));
  const subjects = cases.flatMap((streams) => [ours, pacer].map((sender): Subject => ({ sender, streams })));
  process.stdout.write(`${machineLine(machine)}\n${subjects.length} cases, ${rounds + 1} rounds of ${seconds} s\n`);
  const values = await interleave(subjects, rounds, (subject) => measure(subject, seconds));

  const bars = new Bars(short);
  const tables = [
    `Actual less due time of sending, µs: as the sender says, and as the echo saw the arrivals; ${seconds} s of ${PACKETS_PER_SECOND}`,
    `packets/s a stream, medians of ${rounds} rounds. \`rtplat probe\`: ${ourselves}. The echo counts from the most punctual packet`,
    'of each stream, since it is not told when the packets were due.',
    '',
    '| streams | sender | said p50 / p99 / max | seen p50 / p99 / max | gaps off 20 ms, p50 / p99 | drift, ppm | not seen | p99 against C | bars |',
    '|---|---|---|---|---|---|---|---|---|',
    ...subjects.map((subject) => row(subject, values, bars)),
  ].join('\n');
  const chart = (quantile: 'p50' | 'p99') => ({
    file: `bench-pacing-${quantile}.svg`,
    alt: `Bar chart: ${quantile} of the pacing error by number of streams, of rtplat probe and of a C program`,
    svg: barChart({
      title: `Pacing error, ${quantile}`,
      unit: 'µs from the due time of a packet to its sending; less is better',
      groups: cases.map((streams) => ({
        label: `${streams} × ${PACKETS_PER_SECOND} packets/s`,
        bars: subjects
          .filter((subject) => subject.streams === streams)
          .map((subject) => ({ name: subject.sender.name, value: median(list(subject, values, ({ said }) => said[quantile])) })),
      })),
    }),
  });
  const raw = subjects.map((subject) => ({ case: subject.streams, subject: subject.sender.name, rounds: values.get(subject) }));
  record(
    'pacing',
    {
      title: 'Pacing',
      command: 'scripts/in-netns.sh node bench/pacing.ts',
      machine,
      tables,
      charts: [chart('p50'), chart('p99')],
      values: raw,
    },
    write,
  );
  bars.conclude();
});

async function measure({ sender, streams }: Subject, seconds: number): Promise<Measured> {
  const echo = await startServer('sink', [1e6 / PACKETS_PER_SECOND], ECHO_CPU);
  let told = '';
  let said: Sent;
  try {
    said = await sender.send(echo.port, streams, seconds);
  } finally {
    told = await echo.running.stop();
  }
  const seen = numbers(told.slice(told.indexOf('{')));
  return {
    said,
    seen: {
      received: seen('received'),
      p50: seen('late_p50_ns') / 1000,
      p99: seen('late_p99_ns') / 1000,
      max: seen('late_max_ns') / 1000,
      gapP50: seen('gap_p50_ns') / 1000,
      gapP99: seen('gap_p99_ns') / 1000,
      driftPpm: seen('drift_ppm'),
    },
  };
}

/** Reads the numbers of a flat JSON object by name. @throws Error when there is none of that name. */
function numbers(json: string): (name: string) => number {
  const values = new Map(Object.entries(JSON.parse(json) as object));
  return (name) => {
    const value: unknown = values.get(name);
    if (typeof value !== 'number') throw new Error(`no number ${name} in ${json}`);
    return value;
  };
}

function list(subject: Subject, values: Values, what: (measured: Measured) => number): readonly number[] {
  return (values.get(subject) ?? []).map((measured) => what(measured));
}

function row(subject: Subject, values: Values, bars: Bars): string {
  const { sender, streams } = subject;
  const middle = (what: (measured: Measured) => number): number => median(list(subject, values, what));
  const drift = middle(({ seen }) => Math.abs(seen.driftPpm));
  const verdicts: string[] = [];
  let against = '';
  if (sender === ours) {
    const peer = [...values.keys()].find((other) => other.streams === streams && other.sender === pacer) ?? subject;
    const p99 = ({ said }: Measured): number => said.p99;
    const { ratio, low, high } = ratioOfMedians(list(subject, values, p99), list(peer, values, p99));
    against = `${ratio.toFixed(2)}× (${low.toFixed(2)}–${high.toFixed(2)})`;
    const what = `of ${streams} streams`;
    verdicts.push(
      `p50 ${bars.atMostInFull(
        `p50 ${what}, µs`,
        middle(({ said }) => said.p50),
        P50_BAR_US,
      )}`,
    );
    verdicts.push(`p99 over C ${bars.atMostInFull(`p99 ${what} over C`, ratio, P99_TIMES_BAR)}`);
    verdicts.push(`drift ${bars.atMost(`drift ${what}, ppm`, drift, DRIFT_BAR_PPM)}`);
  }
  const three = (of: (measured: Measured) => Lateness): string =>
    (['p50', 'p99', 'max'] as const).map((quantile) => middle((measured) => of(measured)[quantile]).toFixed(0)).join(' / ');
  const gaps = `${middle(({ seen }) => seen.gapP50).toFixed(0)} / ${middle(({ seen }) => seen.gapP99).toFixed(0)}`;
  const missing = middle(({ said, seen }) => said.sent - seen.received).toFixed(0);
  const cells = [
    streams,
    sender.name,
    three(({ said }) => said),
    three(({ seen }) => seen),
    gaps,
    drift.toFixed(1),
    missing,
    against,
    verdicts.join(', '),
  ];
  return `| ${cells.join(' | ')} |`;
}
