/** One run: an Asterisk, an echo, an `ari-serve` and its callers, and what each of them says about it at the end. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { CallDocument, MetricsDocument, Spread } from '../../src/core/report/metrics.ts';
import type { ServiceLevelResult } from '../../src/core/stats/service-level.ts';
import { startAsterisk } from '../../test/asterisk/kit/asterisk.ts';
import { until } from '../../test/asterisk/kit/process.ts';
import { start } from '../lib/process.ts';
import type { Running } from '../lib/process.ts';
import { rtplatArgs } from '../lib/rtplat.ts';
import type { CallerKind, Pacing } from './callers.ts';
import { hasRealtimePriority, measureUsage } from './usage.ts';
import type { Stretch } from './usage.ts';

export interface Subject {
  readonly caller: CallerKind;
  readonly engine: 'batch' | 'portable';
}

export interface Load {
  readonly calls: number;
  readonly callsPerSecond: number;
  /** How long all calls are up before the numbers are taken. */
  readonly holdSeconds: number;
}

/** What the echo says when it ends. */
export interface EchoSummary {
  readonly packets: number;
  readonly send_errors: number;
  readonly socket_drops: number | null;
  /** null with the portable engine. */
  readonly hostDelayMs: Spread | null;
}

export type ProcessName = 'asterisk' | 'sipp' | 'phones' | 'ari-serve' | 'echo';

export interface CallsRun {
  readonly sla: ServiceLevelResult;
  readonly metrics: MetricsDocument;
  readonly echo: EchoSummary;
  readonly pacing: Pacing | null;
  /** While all calls were up. */
  readonly usage: Stretch<ProcessName>;
  /** Packets of a call per second that Asterisk sent while all were up: of the call with the fewest, and of the one with the most. */
  readonly packetsPerSecond: { readonly least: number; readonly most: number };
  readonly asterisk: {
    readonly version: string;
    /** Whether it had the real-time priority that it asks for when told to. */
    readonly realtime: boolean;
  };
}

/** Real-time priority, as Debian's unit starts it. Whoever starts it without the right to that gets an Asterisk without. */
const ASTERISK_ARGS = ['-p'];
const HTTP_PORT = 9090;
/** One for each call, and some over. */
const PORTS = '10000-10199';
/** To bring up the calls, on a busy machine. */
const SETUP_MS = 60_000;
/** Between two looks at the calls that come up. */
const LOOK_MS = 250;

let scratch: string | undefined;
let runs = 0;

/** A new folder outside of the tree; all of them go when this process ends. */
function newFolder(): string {
  if (scratch === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true, maxRetries: 3 }));
    scratch = made;
  }
  const folder = path.join(scratch, String(++runs));
  for (const name of ['asterisk', 'callers']) mkdirSync(path.join(folder, name), { recursive: true });
  return folder;
}

/** Sets everything up, measures, and takes it down again. @throws Error when a call fails. */
export async function runCalls({ caller, engine }: Subject, { calls, callsPerSecond, holdSeconds }: Load): Promise<CallsRun> {
  const folder = newFolder();
  const asterisk = await startAsterisk({ release: 'sid', dir: path.join(folder, 'asterisk'), args: ASTERISK_ARGS });
  try {
    const echo = await startEcho(engine);
    const service = await startService(engine, asterisk.ari);
    const target = `${asterisk.bindIp}:${asterisk.sipPort}`;
    const callers = await caller.start({ folder: path.join(folder, 'callers'), calls, callsPerSecond, target });
    const before = await Promise.race([callers.done.then(endedEarly), allSpeaking(calls)]);

    const pids = { asterisk: asterisk.pid(), ...callers.pids, 'ari-serve': service.pid, echo: echo.pid };
    const endOfStretch = measureUsage<ProcessName>(pids as Record<ProcessName, number>);
    const startMs = performance.now();
    await Promise.race([callers.done.then(endedEarly), delay(holdSeconds * 1e3)]);
    const usage = endOfStretch();
    const [sla, metrics] = await Promise.all([get<ServiceLevelResult>('/sla'), get<MetricsDocument>('/metrics')]);
    const after = await allCalls();
    const seconds = (performance.now() - startMs) / 1e3;
    const rates = after.map(({ id, counters }) => (counters.from_peer - (before.get(id) ?? 0)) / seconds);

    const pacing = await callers.silence();
    await service.stop('SIGINT');
    await callers.done;
    const told = await echo.stop('SIGINT');
    return {
      sla,
      metrics,
      echo: echoSummary(told),
      pacing,
      usage,
      packetsPerSecond: { least: Math.min(...rates), most: Math.max(...rates) },
      asterisk: {
        version: /^Asterisk (\S+)/m.exec(await asterisk.cli('core show version'))?.[1] ?? 'unknown',
        realtime: hasRealtimePriority(asterisk.pid()),
      },
    };
  } finally {
    await asterisk.stop();
  }
}

export function startEcho(engine: Subject['engine']): Promise<Running> {
  const args = ['--port', '4000', '--bind', '127.0.0.1', '--status-interval', '0', '--log-format', 'json', '--engine', engine];
  return start(process.execPath, rtplatArgs('echo', ...args), { readyLine: /echo listening on/ });
}

export async function startService(
  engine: Subject['engine'],
  ari: { readonly url: string; readonly user: string; readonly password: string },
): Promise<Running> {
  const args = ['--ari-url', ari.url, '--ari-user', ari.user, '--range', PORTS, '--http-port', String(HTTP_PORT), '--engine', engine];
  const service = await start(process.execPath, rtplatArgs('ari-serve', ...args, '--metrics-interval', '0s'), {
    readyLine: /Connected to Asterisk/,
    env: { ARI_PASS: ari.password },
  });
  await until('a healthy ari-serve', async () => ((await fetch(address('/health'))).ok ? true : undefined));
  return service;
}

/** @returns the packets that came from Asterisk so far, by call, once every call is up and has spoken. */
function allSpeaking(calls: number): Promise<ReadonlyMap<string, number>> {
  return until(
    `${calls} calls up and speaking`,
    async () => {
      const live = await allCalls();
      const speaking = live.filter(({ state, counters }) => state === 'up' && counters.returned > 0);
      if (speaking.length < calls) throw new Error(`${live.length} live, ${speaking.length} speaking`);
      return new Map(live.map(({ id, counters }) => [id, counters.from_peer]));
    },
    { timeoutMs: SETUP_MS, everyMs: LOOK_MS },
  );
}

async function allCalls(): Promise<readonly CallDocument[]> {
  return (await get<{ readonly channels: readonly CallDocument[] }>('/channels')).channels.filter(({ state }) => state !== 'ended');
}

function address(what: string): string {
  return `http://127.0.0.1:${HTTP_PORT}${what}`;
}

async function get<T>(what: string): Promise<T> {
  const response = await fetch(address(what), { headers: { accept: 'application/json' }, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`GET ${what}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

function endedEarly(): never {
  throw new Error('the callers were hung up before the numbers were taken');
}

/** The last line of an echo that logs in JSON. */
function echoSummary(told: string): EchoSummary {
  const last = JSON.parse(told.trim().split('\n').at(-1) ?? '') as {
    readonly packets: number;
    readonly send_errors: number;
    readonly socket_drops: number | null;
    readonly host_delay_p50_ms: number | null;
    readonly host_delay_p99_ms: number | null;
    readonly host_delay_max_ms: number | null;
  };
  const { packets, send_errors, socket_drops, host_delay_p50_ms: p50, host_delay_p99_ms: p99, host_delay_max_ms: max } = last;
  const hostDelayMs = p50 === null || p99 === null || max === null ? null : { p50, p99, max };
  return { packets, send_errors, socket_drops, hostDelayMs };
}
