/**
 * An hour at fifty calls: `rtplat probe ari:` keeps them up, `rtplat ari-serve` relays them to `rtplat echo`. Does memory grow, are files or
 * threads left open, does latency drift?
 *
 *     scripts/peers.sh && scripts/in-netns.sh node bench/soak.ts [--short] [--write]
 *
 * Each call lasts two minutes, then another one takes its place. The first quarter is warm-up. Once a minute each program collects its
 * garbage and tells what it holds. Status 3 when a call fails, when that grows by more than a megabyte an hour (of probe, by more than it
 * has to report of each call) and that is not noise, when there are more open files at the end, or when the median
 * latency drifts by more than a tenth of it in an hour and that is not noise. `--short`: a minute, of which only the counts are judged.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { CallDocument, MetricsDocument } from '../src/core/report/metrics.ts';
import type { RunDocument } from '../src/core/report/run.ts';
import { startAsterisk } from '../test/asterisk/kit/asterisk.ts';
import { heldEnvironment, heldMemory } from '../test/asterisk/kit/held-memory.ts';
import type { HeldMemory } from '../test/asterisk/kit/held-memory.ts';
import { start } from '../test/asterisk/kit/process.ts';
import { startEcho, startService } from './calls/run.ts';
import { Bars } from './lib/bars.ts';
import { benchOptions } from './lib/args.ts';
import { machineLine, thisMachine } from './lib/machine.ts';
import { main } from './lib/main.ts';
import { record } from './lib/record.ts';
import { median } from './lib/rounds.ts';
import { rtplatArgs } from './lib/rtplat.ts';
import { trendOf } from './lib/trend.ts';
import type { Trend } from './lib/trend.ts';

const CALLS = 50;
const FULL = { minutes: 60, callSeconds: 120, lookEveryMs: 60_000 };
const SHORT = { minutes: 1, callSeconds: 10, lookEveryMs: 5_000 };
const POLL_MS = 5_000;
const WARM_UP = 0.25;
const MOST_MB_AN_HOUR = 1;
/** A probe reports each of its calls at its end: what it knows of one, kB. */
const MOST_KB_A_CALL = 6;
const MOST_DRIFT = 0.1;
/** Connections of HTTP that are not closed yet. */
const FEW_FILES = 4;
const PROGRAMS = ['ari-serve', 'echo', 'probe'] as const;
type Program = (typeof PROGRAMS)[number];

interface Look {
  readonly atS: number;
  readonly programs: Readonly<Record<Program, State>>;
}

interface State extends HeldMemory {
  readonly files: number;
  readonly threads: number;
}

await main(async () => {
  const { short, write } = benchOptions([]);
  const machine = thisMachine();
  const form = short ? SHORT : FULL;
  const { minutes, callSeconds } = form;
  process.stdout.write(`${machineLine(machine)}\n${CALLS} calls at once for ${minutes} minutes, ${callSeconds} s each\n`);
  const soaked = await soak(form);
  const bars = new Bars(short);
  const { run, looks, latencies, metrics } = soaked;
  const fromS = minutes * 60 * WARM_UP;
  const warm = looks.filter(({ atS }) => atS >= fromS);
  const { calls_placed: placed = Number.NaN, calls_succeeded: succeeded = Number.NaN } = run.ari ?? {};
  const callsKept = bars.atMost('calls that failed', placed - succeeded, 0);
  const { sent, returned, lost, in_flight: inFlight } = metrics.counters;
  const countsKept = bars.atMost('packets that are in no count', Math.abs(sent - returned - lost - inFlight), 0);
  const rows = PROGRAMS.map((program) => {
    const memory = hourly(warm.map(({ atS, programs }) => ({ x: atS, y: programs[program].heldMb })));
    const first = warm[0]?.programs[program];
    const last = warm.at(-1)?.programs[program];
    const resident = hourly(warm.map(({ atS, programs }) => ({ x: atS, y: programs[program].rssMb })));
    const most = Math.max(...looks.map(({ programs }) => programs[program].rssMb));
    // What may be noise is not growth.
    const aCall = (memory.low * 1024) / ((placed * 60) / minutes);
    const memoryKept =
      program === 'probe'
        ? `${aCall.toFixed(1)} kB a call ${bars.atMostInFull('memory of probe, kB a call at least', aCall, MOST_KB_A_CALL)}`
        : bars.atMostInFull(`memory of ${program}, MB an hour at least`, memory.low, MOST_MB_AN_HOUR);
    const filesKept = bars.atMost(
      `open files of ${program}, more than after the warm-up`,
      (last?.files ?? Number.NaN) - (first?.files ?? Number.NaN),
      FEW_FILES,
    );
    return `| ${program} | ${first?.heldMb.toFixed(1)} → ${last?.heldMb.toFixed(1)} | ${interval(memory)} | ${memoryKept} | ${first?.rssMb.toFixed(1)} → ${last?.rssMb.toFixed(1)}, ${most.toFixed(1)} at the most | ${interval(resident)} | ${first?.files} → ${last?.files} | ${filesKept} | ${first?.threads} → ${last?.threads} |`;
  });
  const warmCalls = latencies.filter(({ atS }) => atS >= fromS);
  const p50 = warmCalls.map(({ atS, p50Ms }) => ({ x: atS, y: p50Ms }));
  const p99 = warmCalls.map(({ atS, p99Ms }) => ({ x: atS, y: p99Ms }));
  const drift = hourly(p50);
  const typical = median(p50.map(({ y }) => y));
  const driftKept = bars.atMostInFull(
    'drift of the median latency in an hour, at least, share of it',
    Math.max(drift.low, -drift.high, 0) / typical,
    MOST_DRIFT,
  );
  record(
    'soak',
    {
      title: short ? 'A minute at fifty calls' : 'An hour at fifty calls',
      command: 'scripts/in-netns.sh node bench/soak.ts',
      machine,
      tables: [
        'Slopes are medians of those of all pairs of minutes after the first quarter (Theil–Sen), with their 95 % intervals; a bar is for the end of the',
        'interval that is nearer to none. Memory is that after a garbage collection: what the main thread holds, and what of the process is resident.',
        '',
        '| | | bar |',
        '|---|---|---|',
        `| calls that succeeded | ${succeeded.toLocaleString('en-US')} of ${placed.toLocaleString('en-US')} | all ${callsKept} |`,
        `| packets sent to the echo, lost | ${sent.toLocaleString('en-US')}, ${lost.toLocaleString('en-US')} | in no count ${countsKept} |`,
        `| median latency of a call, ms | ${typical.toFixed(4)} | |`,
        `| its drift, ms an hour | ${interval(drift)} | share ${driftKept} |`,
        `| p99 of a call's latency, median of calls, ms | ${median(p99.map(({ y }) => y)).toFixed(3)} | |`,
        `| its drift, ms an hour | ${interval(hourly(p99))} | |`,
        '',
        '| program | held after the warm-up → at the end, MB | MB an hour | bar | resident, MB | MB an hour | open files | more, bar | threads |',
        '|---|---|---|---|---|---|---|---|---|',
        ...rows,
      ].join('\n'),
      charts: [],
      values: { looks, latencies },
    },
    write,
  );
  bars.conclude();
});

interface Soaked {
  readonly run: RunDocument;
  readonly looks: readonly Look[];
  /** Of calls, by their end. */
  readonly latencies: readonly { readonly atS: number; readonly p50Ms: number; readonly p99Ms: number }[];
  readonly metrics: MetricsDocument;
}

async function soak({ minutes, callSeconds, lookEveryMs }: typeof FULL): Promise<Soaked> {
  const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
  // Asterisk does not mind.
  Object.assign(process.env, heldEnvironment(folder));
  mkdirSync(path.join(folder, 'asterisk'));
  const asterisk = await startAsterisk({ release: 'sid', dir: path.join(folder, 'asterisk'), more: { modules: ['func_timeout'] } });
  try {
    const echo = await startEcho('batch');
    const service = await startService('batch', asterisk.ari);
    const args = ['ari:Local/600@callers', '--ari-url', asterisk.ari.url, '--ari-user', asterisk.ari.user, '--json', '--match', 'header'];
    args.push('--for', `${minutes}m`, '--concurrency', String(CALLS), '--cps', '5', '--duration', `${callSeconds}s`);
    const [document, errors] = [path.join(folder, 'run.json'), path.join(folder, 'probe.err')];
    const env = { ARI_PASS: asterisk.ari.password };
    const probe = start(process.execPath, rtplatArgs('probe', ...args), document, { env, errorPath: errors });
    const pids: Readonly<Record<Program, number>> = { 'ari-serve': service.pid, echo: echo.pid, probe: probe.pid };
    const looks: Look[] = [];
    const latencies = new Map<string, { readonly atS: number; readonly p50Ms: number; readonly p99Ms: number }>();
    const startMs = performance.now();
    let over = false;
    void probe.ended.then(() => (over = true));
    const ended = (): boolean => over;
    while (!ended()) {
      const atS = (performance.now() - startMs) / 1e3;
      for (const { id, state, p50_latency: p50Ms, p99_latency: p99Ms } of await calls()) {
        if (state === 'ended' && p50Ms != null && p99Ms != null && !latencies.has(id)) latencies.set(id, { atS, p50Ms, p99Ms });
      }
      // Not before the program is up: the signal would end it. And calls that end are none of the soak.
      if (atS < minutes * 60 && atS * 1e3 >= (looks.length + 1) * lookEveryMs) looks.push({ atS, programs: await lookAt(folder, pids) });
      await new Promise((resolve) => {
        setTimeout(resolve, POLL_MS);
      });
    }
    const metrics = await get<MetricsDocument>('/metrics');
    const text = readFileSync(document, 'utf8');
    if (text === '') throw new Error(`rtplat probe has no result: ${readFileSync(errors, 'utf8')}`);
    await service.stop('SIGINT');
    await echo.stop('SIGINT');
    return { run: JSON.parse(text) as RunDocument, looks, latencies: [...latencies.values()], metrics };
  } finally {
    await asterisk.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

async function calls(): Promise<readonly CallDocument[]> {
  return (await get<{ readonly channels: readonly CallDocument[] }>('/channels')).channels;
}

async function get<T>(what: string): Promise<T> {
  const response = await fetch(`http://127.0.0.1:9090${what}`, {
    headers: { accept: 'application/json' },
    signal: AbortSignal.timeout(10_000),
  });
  return (await response.json()) as T;
}

async function lookAt(folder: string, pids: Readonly<Record<Program, number>>): Promise<Look['programs']> {
  const states = await Promise.all(PROGRAMS.map(async (program) => [program, await stateOf(folder, pids[program])] as const));
  return Object.fromEntries(states) as Record<Program, State>;
}

async function stateOf(folder: string, pid: number): Promise<State> {
  const memory = await heldMemory(folder, pid);
  const threads = Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return { ...memory, files: readdirSync(`/proc/${pid}/fd`).length, threads };
}

interface Point {
  /** Seconds. */
  readonly x: number;
  readonly y: number;
}

/** The trend of an hour. Samples that follow each other within a minute say the same thing: it is that of their means. */
function hourly(points: readonly Point[]): Trend {
  const means = [...Map.groupBy(points, ({ x }) => Math.floor(x / 60))].map(([minute, of]) => ({
    x: minute / 60,
    y: of.reduce((sum, { y }) => sum + y, 0) / of.length,
  }));
  return trendOf(means);
}

function interval({ slope, low, high }: Trend): string {
  return `${slope.toPrecision(2)} (${low.toPrecision(2)} … ${high.toPrecision(2)})`;
}
