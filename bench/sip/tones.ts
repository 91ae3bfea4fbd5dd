/** A tone in each of many calls at once, everything of sip-serve on one core: how punctual its packets are, and its memory. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Spread } from '../../src/core/report/metrics.ts';
import type { Bars } from '../lib/bars.ts';
import { dropsAt } from '../lib/drops.ts';
import { startServer } from '../subjects/server.ts';
import { call } from './caller.ts';
import { startSipServe } from './servers.ts';
import type { Memory } from './servers.ts';

const PACING_BAR_MS = 5;
const START_BAR_MB = 80;
const CALL_BAR_KB = 50;
const PTIME_US = 20_000;
const PACKETS_PER_SECOND = 50;
/** Where the audio goes: beside the callers. */
const SINK_CPU = [0];
const SETTLE_MS = 1000;

export interface TonesForm {
  readonly calls: number;
  readonly callsPerSecond: number;
  /** With all calls up. */
  readonly plateauSeconds: number;
}

export interface TonesResult {
  readonly form: TonesForm;
  readonly failed: number;
  readonly sent: number;
  readonly received: number;
  /** By the buffer of the one that received. */
  readonly sinkDrops: number;
  /** Left out because they were far too late, and refused by the kernel. */
  readonly skipped: number;
  readonly sendErrors: number;
  /** How far behind their time packets were handed to the kernel, as sip-serve says; and came, as the receiver saw; ms. */
  readonly said: Spread;
  readonly seen: Spread;
  /** Of one core, while all calls were up. */
  readonly busy: number;
  /** After the start, and with all calls up. */
  readonly atStart: Memory;
  readonly whenUp: Memory;
}

interface Seen {
  readonly received: number;
  readonly late_p50_ns: number;
  readonly late_p99_ns: number;
  readonly late_max_ns: number;
}

export async function measureTones(form: TonesForm): Promise<TonesResult> {
  const { calls, callsPerSecond, plateauSeconds } = form;
  const toneSeconds = Math.ceil(calls / callsPerSecond) + plateauSeconds;
  const behavior = { mode: 'tone', auto_answer_delay_ms: 0, tone_duration_seconds: toneSeconds };
  const server = await startSipServe({ port: 5070, httpPort: 8080, rtp: 10_000, level: 'info', behavior });
  const atStart = server.memory();
  const sink = await startServer('sink', [PTIME_US, 'silent'], SINK_CPU);
  const called = call({ port: server.port, callsPerSecond, calls, scenario: { audioPort: sink.port, holdMs: null } });
  await server.active(calls);
  const [cpuNs, startMs] = [server.running.cpuNs(), performance.now()];
  // Before the first tone ends.
  await delay((plateauSeconds * 1000) / 2);
  const busy = (server.running.cpuNs() - cpuNs) / ((performance.now() - startMs) * 1e6);
  const whenUp = server.memory();
  const { failed } = await called;
  await delay(SETTLE_MS);
  const { sent, skipped, send_errors: sendErrors, pacing_error_ms: said } = (await server.metrics()).media;
  if (said === null) throw new Error('sip-serve says nothing about its pacing error');
  const sinkDrops = dropsAt(sink.port);
  const told = await sink.running.stop();
  await server.running.stop();
  const { received, ...late } = JSON.parse(told.slice(told.indexOf('{'))) as Seen;
  const seen = { p50: late.late_p50_ns / 1e6, p99: late.late_p99_ns / 1e6, max: late.late_max_ns / 1e6 };
  return { form, failed, sent, received, sinkDrops, skipped, sendErrors, said, seen, busy, atStart, whenUp };
}

export function tonesTable(result: TonesResult, bars: Bars): string {
  const { form, said, seen, sinkDrops, skipped, sendErrors, atStart, whenUp } = result;
  const lost = result.sent - result.received - sinkDrops + skipped + sendErrors;
  const perCallKb = (whenUp.all - atStart.all) / form.calls / 1000;
  const startMb = atStart.all / 1e6;
  const three = ({ p50, p99, max }: Spread): string => [p50, p99, max].map((ms) => ms.toFixed(2)).join(' / ');
  const what = `${form.calls} tones`;
  const rows: readonly (readonly [string, string, string])[] = [
    ['pacing error p50 / p99 / max, ms, as sip-serve says', three(said), bars.atMost(`${what}: p99 said, ms`, said.p99, PACING_BAR_MS)],
    ['the same as the receiver saw it', three(seen), bars.atMost(`${what}: p99 seen, ms`, seen.p99, PACING_BAR_MS)],
    [
      'packets sent / lost (left out, refused or gone) / dropped at the receiver',
      `${result.sent} / ${lost} / ${sinkDrops}`,
      bars.atMost(`${what}: packets lost`, lost, 0),
    ],
    ['calls that failed', String(result.failed), bars.atMost(`${what}: calls that failed`, result.failed, 0)],
    ['its core busy', `${(100 * result.busy).toFixed(0)} %`, ''],
    ['resident memory after the start, MB', startMb.toFixed(1), bars.atMost('memory after the start, MB', startMb, START_BAR_MB)],
    ['of it not from files, which processes share', (atStart.own / 1e6).toFixed(1), ''],
    ['what a call added, kB', perCallKb.toFixed(1), bars.atMost('memory a tone adds, kB', perCallKb, CALL_BAR_KB)],
  ];
  const head = `${form.calls} calls with a tone, ${form.calls * PACKETS_PER_SECOND} packets/s, on one core`;
  return [`| ${head} | | bar |`, '|---|---|---|', ...rows.map((cells) => `| ${cells.join(' | ')} |`)].join('\n');
}
