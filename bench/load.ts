/**
 * A load on a real Asterisk: `rtplat probe ari:` places calls through ARI, `rtplat ari-serve` takes them and relays them to `rtplat echo`;
 * beside it SIPp places as many calls with RTP to the same extension. All on this machine.
 *
 *     scripts/peers.sh && scripts/in-netns.sh node bench/load.ts [--short] [--write]
 *
 * Fifty calls of a minute, three times each. Status 3 when a call of `probe ari:` fails, or when the caller, a capture of Asterisk's legs
 * (dumpcap, counted by tshark) and the service have not counted the same packets, call by call and both ways. `--short`: ten calls of
 * ten seconds, once, with the same bars.
 */
import { Bars } from './lib/bars.ts';
import { benchOptions } from './lib/args.ts';
import { barChart } from './lib/chart.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { PROBE, SIPP } from './load/callers.ts';
import type { Load } from './load/callers.ts';
import { runLoad } from './load/run.ts';
import type { LoadRun, ProcessName } from './load/run.ts';

const FULL = { rounds: 3, load: { calls: 50, callsPerSecond: 10, holdSeconds: 60 } };
const SHORT = { rounds: 1, load: { calls: 10, callsPerSecond: 10, holdSeconds: 10 } };
const KINDS = [PROBE, SIPP] as const;
const PROCESSES: readonly ProcessName[] = ['caller', 'asterisk', 'service', 'echo'];

interface Row {
  readonly name: string;
  readonly round: number;
  readonly run: LoadRun;
}

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  const { rounds, load } = short ? SHORT : FULL;
  process.stdout.write(`${machineLine(machine)}\n${rounds * KINDS.length} runs of ${load.calls} calls, ${load.holdSeconds} s each\n`);
  const bars = new Bars(short);
  const rows: Row[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const kind of KINDS) {
      const run = await runLoad(kind, load);
      rows.push({ name: kind.name, round, run });
      process.stdout.write(`round ${round}, ${kind.name}: ${run.succeeded} of ${run.calls} calls\n`);
      for (const problem of run.problems) process.stdout.write(`  ${problem}\n`);
      if (kind !== PROBE) continue;
      bars.atMost(`round ${round}: calls that failed`, run.calls - run.succeeded, 0);
      bars.atMost(`round ${round}: packets that caller, capture and service count differently`, run.apart ?? Number.POSITIVE_INFINITY, 0);
    }
  }
  record(
    'load',
    {
      title: 'A load through ARI',
      command: 'scripts/in-netns.sh node bench/load.ts',
      machine,
      tables: `${head(rows, load)}\n\n${tableOf(rows)}`,
      charts: [{ file: 'bench-load.svg', alt: 'Bar chart: processor time of a call, by program', svg: chart(rows) }],
      values: rows,
    },
    write,
  );
  bars.conclude();
});

function head(rows: readonly Row[], { calls, callsPerSecond, holdSeconds }: Load): string {
  return [
    `Asterisk ${rows[0]?.run.asterisk}. ${calls} calls of ${holdSeconds} s, ${callsPerSecond} begun in a second, PCMU of 20 ms. Packets are those of the capture, between the`,
    'caller and Asterisk. *Apart*: by how many packets the caller, the capture and the service differ, all calls together. Processor time is',
    'all that a program used from the first call to the end of the last one, by the call.',
  ].join('\n');
}

function tableOf(rows: readonly Row[]): string {
  const times = (one: number | null, other: number | null): string =>
    one === null || other === null ? '–' : `${one.toFixed(2)} / ${other.toFixed(2)}`;
  return [
    '| caller | calls that succeeded | packets there / back | apart | set-up p50 / p95, ms | round trip p50 / p99, ms | processor time of a call, ms: caller / Asterisk / ari-serve / echo |',
    '|---|---|---|---|---|---|---|',
    ...rows.map(({ name, run }) =>
      [
        `| ${name}`,
        `${run.succeeded} of ${run.calls}`,
        `${run.there.toLocaleString('en-US')} / ${run.back.toLocaleString('en-US')}`,
        run.apart === null ? '–' : String(run.apart),
        times(run.setUpP50Ms, run.setUpP95Ms),
        times(run.roundTripP50Ms, run.roundTripP99Ms),
        `${PROCESSES.map((process) => (run.cpuMs[process] / run.calls).toFixed(0)).join(' / ')} |`,
      ].join(' | '),
    ),
  ].join('\n');
}

function chart(rows: readonly Row[]): string {
  return barChart({
    title: 'Processor time of a call',
    unit: 'ms, the median of the rounds',
    groups: KINDS.map(({ name }) => ({
      label: name,
      bars: PROCESSES.map((process) => ({
        name: process,
        value: median(rows.filter((row) => row.name === name).map(({ run }) => run.cpuMs[process] / run.calls)),
      })),
    })),
  });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
