/**
 * What a relayed call costs in processor time and adds in latency, against other relays, and what recording its measurements costs.
 *
 *     scripts/in-netns.sh node bench/relay.ts [--short] [--write] [--only closed|own-echo|open|recording]
 *
 * Callers (bench/peers/load-relay.c) and echo on core 0, the relay on core 1: a packet goes from its caller to the port of its
 * call, on to the echo, and the same way back. Ours measures every round trip; the C relay measures nothing.
 */
import { benchOptions } from './lib/args.ts';
import { Bars } from './lib/bars.ts';
import { barChart } from './lib/chart.ts';
import { checkFiles } from './lib/files.ts';
import { thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import type { Running } from './lib/process.ts';
import { record } from './lib/record.ts';
import { interleave, median, quantile, ratioOfMedians, spread } from './lib/rounds.ts';
import { closedLoop, openLoop } from './relay/load.ts';
import type { Measured, Path } from './relay/load.ts';
import { C_RELAY, ECHO_PORT, RTPENGINE, RTPLAT, RTPLAT_UNRECORDED, startEcho, startOwnEcho } from './relay/subjects.ts';
import type { RelayKind, RelaySubject } from './relay/subjects.ts';

/** Packets per CPU-second, as a multiple of the peer's, at least. */
const COST_BARS: ReadonlyMap<RelayKind, number> = new Map([
  [C_RELAY, 1],
  [RTPENGINE, 1.6],
]);
/** Packets of each call that are under way: enough to keep a relay busy, and few enough for the echo's receive buffer. */
const WINDOWS: ReadonlyMap<number, number> = new Map([
  [100, 16],
  [1000, 2],
  [2000, 2],
]);
/** Milliseconds that a relay may add to the median round trip, by calls of 50 packets/s. */
const ADDED_BARS: ReadonlyMap<number, number> = new Map([
  [1000, 0.3],
  [2000, 0.6],
]);
/** Part of those packets that it may lose: none, but a shared machine may take its core away for longer than buffers last. */
const LOST_BARS = { full: 0, short: 0.005 } as const;
/** Part of its processor time that recording may take. */
const RECORDING_BAR = 0.05;
/** The number of calls of the two other comparisons. */
const CALLS = 1000;
/** rtpengine opens a port for media and one for control on both sides of a call; there are a few files more. */
const FILES = { full: 4 * 2000 + 200, short: CALLS + 200 } as const;

/** What a kind of relay did, or the load straight to the echo: a value a round. */
type Results = ReadonlyMap<RelayKind | undefined, readonly Measured[]>;

const count = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const ms = (ns: number): string => (ns / 1e6).toFixed(3);

await main(async () => {
  const { short, write, wants } = benchOptions(['closed', 'own-echo', 'open', 'recording']);
  const machine = thisMachine();
  checkFiles(short ? FILES.short : FILES.full);
  const bars = new Bars(short);
  const rounds = short ? 3 : 5;
  const recordingRounds = short ? 3 : 9; // a few percent are to be told from noise
  const peers = short ? [C_RELAY] : [C_RELAY, RTPENGINE];
  const seconds = short ? 0.8 : 2;
  const tables: string[] = [];
  const charts: { file: string; alt: string; svg: string }[] = [];
  const values: Record<string, unknown> = {};

  const costs = async (start: () => Promise<Running>, kinds: readonly RelayKind[], calls: number, times = rounds): Promise<Results> =>
    compare(start, kinds, calls, times, async (path) => closedLoop({ ...path, seconds }, WINDOWS.get(calls) ?? 1));

  if (wants('closed')) {
    const cases = new Map<string, Results>();
    for (const calls of WINDOWS.keys()) {
      if (short && calls > CALLS) continue;
      cases.set(label(calls), await costs(startEcho, [RTPLAT, ...peers], calls));
    }
    tables.push(costTable('calls, as many packets as the relay can take', cases, bars));
    const title = 'Relay, measuring every packet: what a CPU-second buys';
    charts.push({ file: 'bench-relay.svg', alt: `${title}, a bar for each relay`, svg: costChart(title, cases) });
    values['closed'] = [...cases].map(([name, results]) => ({ case: name, results: storable(results) }));
  }

  if (wants('own-echo')) {
    const results = await costs(startOwnEcho, [RTPLAT, C_RELAY], CALLS);
    tables.push(costTable('the same with `rtplat echo` as the other side', new Map([[`${label(CALLS)}, its own echo`, results]]), bars));
    values['own-echo'] = storable(results);
  }

  if (wants('open')) {
    const cases = new Map<number, Results>();
    const length = short ? 1 : 3;
    for (const calls of ADDED_BARS.keys()) {
      if (short && calls > CALLS) continue;
      const kinds = [undefined, RTPLAT, ...peers];
      cases.set(calls, await compare(startEcho, kinds, calls, rounds, async (path) => openLoop({ ...path, seconds: length })));
    }
    tables.push(latencyTable(cases, bars, short ? LOST_BARS.short : LOST_BARS.full));
    const title = 'Relay of 50 packets/s a call: what it adds to the round trip';
    charts.push({ file: 'bench-relay-latency.svg', alt: `${title}, a bar for each relay`, svg: latencyChart(title, cases) });
    values['open'] = [...cases].map(([calls, results]) => ({ calls, results: storable(results) }));
  }

  if (wants('recording')) {
    const results = await costs(startEcho, [RTPLAT, RTPLAT_UNRECORDED], CALLS, recordingRounds);
    tables.push(recordingTable(results, bars));
    values['recording'] = storable(results);
  }

  const command = `scripts/in-netns.sh node bench/relay.ts${short ? ' --short' : ''}`;
  record('relay', { title: 'Relay', command, machine, tables: tables.join('\n\n'), charts, values }, write);
  bars.conclude();
});

/** Starts an echo and the relays, all of them with the same calls; measures them in turn; stops them. */
async function compare(
  startTheEcho: () => Promise<Running>,
  kinds: readonly (RelayKind | undefined)[],
  calls: number,
  rounds: number,
  measure: (path: Omit<Path, 'seconds'>) => Promise<Measured>,
): Promise<Results> {
  const echo = await startTheEcho();
  const subjects = new Map<RelayKind | undefined, RelaySubject | undefined>();
  for (const kind of kinds) subjects.set(kind, await kind?.start(calls, ECHO_PORT));
  const received = new Map<RelayKind | undefined, number>();
  const results = await interleave(kinds, rounds, async (kind) => {
    const measured = await measure({ subject: subjects.get(kind), echoPort: ECHO_PORT, calls });
    received.set(kind, (received.get(kind) ?? 0) + measured.received);
    return measured;
  });
  for (const [kind, subject] of subjects) {
    const relayed = received.get(kind) ?? 0;
    if (relayed === 0) {
      const said = await subject?.running.stop();
      throw new Error(`${nameOf(kind)}, ${label(calls)}: no packet ever came back; it said:\n${said?.slice(-2000) ?? ''}`);
    }
    await subject?.stop(relayed);
  }
  await echo.stop();
  return results;
}

function label(calls: number): string {
  return `${count.format(calls)} calls`;
}

function nameOf(kind: RelayKind | undefined): string {
  return kind?.name ?? 'straight to the echo';
}

function rate({ packetsPerCpuSecond }: Measured): number {
  return packetsPerCpuSecond;
}

function sum(all: readonly Measured[], of: (measured: Measured) => number): number {
  return all.reduce((total, measured) => total + of(measured), 0);
}

function costTable(heading: string, cases: ReadonlyMap<string, Results>, bars: Bars): string {
  const lines = [
    `| ${heading} | relay | packets there and back per CPU-second | spread | its core busy | lost | rtplat / it (95 %) | bar |`,
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const [name, results] of cases) {
    const ours = results.get(RTPLAT)?.map(rate) ?? [];
    for (const [kind, all] of results) {
      const rates = all.map(rate);
      const lost = percent(sum(all, ({ lostByRelay }) => lostByRelay) / sum(all, ({ sent }) => sent));
      const cells = [
        name,
        nameOf(kind),
        count.format(median(rates)),
        percent(spread(rates)),
        percent(median(all.map(({ busy }) => busy))),
        lost,
      ];
      const bar = kind === undefined ? undefined : COST_BARS.get(kind);
      if (bar === undefined) cells.push('', '');
      else {
        const { ratio, low, high } = ratioOfMedians(ours, rates);
        cells.push(
          `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`,
          bars.atLeast(`relay, ${name}, rtplat / ${nameOf(kind)}`, ratio, bar),
        );
      }
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function costChart(title: string, cases: ReadonlyMap<string, Results>): string {
  const groups = [...cases].map(([name, results]) => ({
    label: name,
    bars: [...results].map(([kind, all]) => {
      const rates = all.map(rate);
      return { name: nameOf(kind), value: median(rates), low: quantile(rates, 0.25), high: quantile(rates, 0.75) };
    }),
  }));
  return barChart({ title, unit: 'packets there and back per CPU-second, median and quartiles; more is better', groups });
}

/** What was measured, of the rounds in which something was. */
function known(values: readonly (number | null)[]): readonly number[] {
  return values.filter((value) => value !== null);
}

/** What the path through the relay took longer than the one without, ms, round by round. */
function added(results: Results, kind: RelayKind | undefined): readonly number[] {
  const straight = results.get(undefined) ?? [];
  const through = results.get(kind) ?? [];
  return known(
    through.map(({ p50Ns }, round) => {
      const without = straight[round]?.p50Ns ?? null;
      return p50Ns === null || without === null ? null : (p50Ns - without) / 1e6;
    }),
  );
}

function latencyTable(cases: ReadonlyMap<number, Results>, bars: Bars, lostBar: number): string {
  const lines = [
    '| 50 packets/s a call | relay | round trip p50 / p99, ms | added to p50, ms | its core busy | lost | load late p50 / p99, ms | bars |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const [calls, results] of cases) {
    for (const [kind, all] of results) {
      const mid = (of: (measured: Measured) => number | null): string => ms(median(known(all.map(of))));
      const lost = sum(all, ({ lostByRelay }) => lostByRelay);
      const sent = sum(all, ({ sent }) => sent);
      const extra = median(added(results, kind));
      const name = `relay, ${label(calls)} of 50 packets/s`;
      const verdicts =
        kind === RTPLAT
          ? [
              bars.atMost(`${name}, added to p50, ms`, extra, ADDED_BARS.get(calls) ?? Number.NaN, median(added(results, C_RELAY))),
              bars.atMost(`${name}, part lost`, lost / sent, lostBar, lostBy(results.get(C_RELAY) ?? [])),
            ]
          : [];
      const cells = [
        label(calls),
        nameOf(kind),
        `${mid(({ p50Ns }) => p50Ns)} / ${mid(({ p99Ns }) => p99Ns)}`,
        kind === undefined ? '' : extra.toFixed(3),
        kind === undefined ? '' : percent(median(all.map(({ busy }) => busy))),
        `${count.format(lost)} of ${count.format(sent)}`,
        `${mid(({ lateP50Ns }) => lateP50Ns)} / ${mid(({ lateP99Ns }) => lateP99Ns)}`,
        verdicts.join(', '),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

function lostBy(all: readonly Measured[]): number {
  return (
    sum(all, ({ lostByRelay }) => lostByRelay) /
    Math.max(
      1,
      sum(all, ({ sent }) => sent),
    )
  );
}

function latencyChart(title: string, cases: ReadonlyMap<number, Results>): string {
  const groups = [...cases].map(([calls, results]) => ({
    label: label(calls),
    bars: [...results].flatMap(([kind, all]) => {
      if (kind === undefined) return [];
      const extra = added(results, kind);
      const note = `${percent(sum(all, ({ lostByRelay }) => lostByRelay) / sum(all, ({ sent }) => sent))} lost`;
      return [{ name: kind.name, value: median(extra), low: quantile(extra, 0.25), high: quantile(extra, 0.75), note }];
    }),
  }));
  return barChart({ title, unit: 'ms added to the median round trip, median and quartiles; less is better', groups });
}

function recordingTable(results: Results, bars: Bars): string {
  const [recording, bare] = [RTPLAT, RTPLAT_UNRECORDED].map((kind) => (results.get(kind) ?? []).map(rate));
  const { ratio, low, high } = ratioOfMedians(bare ?? [], recording ?? []);
  const cost = `${percent(ratio - 1)} (${percent(low - 1)}–${percent(high - 1)})`;
  const verdict = bars.atMostInFull('relay, part of its processor time that recording takes', ratio - 1, RECORDING_BAR);
  return [
    `| ${label(CALLS)} | recording | not recording | processor time of recording (95 %) | bar |`,
    '|---|---|---|---|---|',
    `| packets there and back per CPU-second | ${count.format(median(recording ?? []))} | ${count.format(median(bare ?? []))} | ${cost} | ${verdict} |`,
  ].join('\n');
}

function storable(results: Results): unknown {
  return Object.fromEntries([...results].map(([kind, all]) => [nameOf(kind), all]));
}
