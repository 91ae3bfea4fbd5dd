/**
 * Real calls against the service-level table: SIPp, Asterisk 22, `rtplat ari-serve` and `rtplat echo`, all on this machine.
 *
 *     scripts/peers.sh && scripts/in-netns.sh node bench/calls.ts [--short] [--write] [--only 100|150]
 *
 * The relay's latency runs from the kernel's stamp as a packet leaves for the echo to its stamp as it comes back, so a violated
 * bound has an owner: rtplat; who sent the audio late; Asterisk, which got it on time and passed it on late; or the machine, when
 * no core was free. How long relay and echo waited for a core stands beside it as host delay.
 *
 * The phones (bench/peers/phones.c) send at absolute deadlines. SIPp's `rtp_stream` does not, and is there to be compared. Asterisk
 * runs with `-p`, as Debian's unit starts it. With real-time priority both are on time even when cores are short, which asks for
 * root; the table's head says whether they had it.
 *
 * Status 3 when rtplat (batch engine, phones) violates a bound by itself; `--short`, 30 calls, by a factor of two, and not for
 * the two that one stall of a shared machine decides: the maximum and the late packets.
 */
import { PHONES, SIPP_STREAM } from './calls/callers.ts';
import { runCalls } from './calls/run.ts';
import type { CallsRun, Subject } from './calls/run.ts';
import { PROCESSES, check, tableOf } from './calls/table.ts';
import type { Column } from './calls/table.ts';
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';

const FULL = { calls: [100, 150], holdSeconds: 40 };
const SHORT = { calls: [30], holdSeconds: 15 };
const CALLS_PER_SECOND = 25;

/** Whose bounds are the bars. */
const OURS: Subject = { caller: PHONES, engine: 'batch' };
const SUBJECTS: readonly Subject[] = [OURS, { caller: SIPP_STREAM, engine: 'batch' }, { caller: PHONES, engine: 'portable' }];

interface Group {
  readonly calls: number;
  readonly columns: readonly Column[];
}

await main(async () => {
  const { short, write, wants } = benchOptions(FULL.calls.map(String));
  const machine = thisMachine();
  const { calls: sizes, holdSeconds } = short ? SHORT : FULL;
  const subjects = short ? SUBJECTS.slice(0, 2) : SUBJECTS;
  const wanted = sizes.filter((calls) => short || wants(String(calls)));
  process.stdout.write(`${machineLine(machine)}\n${wanted.length * subjects.length} runs of ${holdSeconds} s\n`);

  const bars = new Bars(short);
  const groups: Group[] = [];
  const values: { readonly case: string; readonly subject: string; readonly run: CallsRun }[] = [];
  for (const calls of wanted) {
    const columns: Column[] = [];
    for (const subject of subjects) {
      const name = nameOf(subject);
      const run = await runCalls(subject, { calls, callsPerSecond: CALLS_PER_SECOND, holdSeconds });
      process.stdout.write(`${calls} calls, ${name}: ${run.sla.verdict}\n`);
      columns.push({ name, run });
      values.push({ case: String(calls), subject: name, run });
      if (subject === OURS) check(bars, { name: `${calls} calls, ${name}`, run }, machine.cores, !short);
    }
    groups.push({ calls, columns });
  }
  const tables = groups.map(({ calls, columns }) => [`**${calls} calls**`, '', tableOf(columns, machine.cores)].join('\n'));
  record(
    'calls',
    {
      title: 'Real calls against the service-level table',
      command: 'scripts/in-netns.sh node bench/calls.ts',
      machine,
      tables: [
        head(
          values.map(({ run }) => run),
          holdSeconds,
        ),
        ...tables,
      ].join('\n\n'),
      charts: [
        { file: 'bench-calls.svg', alt: 'Bar chart: cores that Asterisk, the callers, ari-serve and the echo use', svg: chart(groups) },
      ],
      values,
    },
    write,
  );
  bars.conclude();
});

function nameOf({ caller, engine }: Subject): string {
  return engine === 'batch' ? caller.name : `${caller.name}, ${engine} engine`;
}

function head(runs: readonly CallsRun[], holdSeconds: number): string {
  const realtime = (has: boolean): string => (has ? 'real-time' : 'ordinary');
  const asterisk = runs[0]?.asterisk;
  const phones = runs.find(({ pacing }) => pacing !== null)?.pacing;
  return [
    `Asterisk ${asterisk?.version} of ${realtime(asterisk?.realtime === true)} priority, phones of ${realtime(phones?.realtime === true)} priority.`,
    `${CALLS_PER_SECOND} calls/s until all are up, then ${holdSeconds} s; \`/sla\` and the latencies cover both, cores the ${holdSeconds} s. *Waited for*: threads`,
    'that wanted to run and had no core, on average.',
  ].join('\n');
}

function chart(groups: readonly Group[]): string {
  return barChart({
    title: 'Who uses the processor',
    unit: 'cores, while all calls are up',
    groups: groups.flatMap(({ calls, columns }) =>
      columns.map(({ name, run }) => ({
        label: `${calls} calls, ${name}`,
        bars: PROCESSES.flatMap((process) => {
          const used = Object.entries(run.usage.processes).find(([known]) => known === process)?.[1];
          return used === undefined ? [] : [{ name: process, value: used.cores }];
        }),
      })),
    ),
  });
}
