/** What a call that is up takes of the heap: the difference between few and many of them, garbage collected. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { until } from '../../test/asterisk/kit/process.ts';
import type { Bars } from '../lib/bars.ts';
import { call } from './caller.ts';
import { startSipServe } from './servers.ts';
import type { SipServe } from './servers.ts';

const BAR_BYTES = 4000;
const HOOK = path.join(import.meta.dirname, '..', 'subjects', 'report-heap.ts');
/** Nobody is sent audio: there is none to send. */
const NO_AUDIO = 9;
/** RFC 3261 §17.2.1 has the transaction of an INVITE stay for 32 s after the answer. */
const TRANSACTION_MS = 33_000;
const SETTLE_MS = 500;
/** To end that many calls with BYE. */
const GOODBYES_MS = 30_000;

export interface HeldForm {
  /** Calls that the others are compared with: they have the code compiled, and tables grown. */
  readonly first: number;
  readonly calls: number;
  /** Whether it is also measured when their INVITE transactions have gone. */
  readonly waits: boolean;
}

interface Heap {
  readonly heapUsed: number;
  readonly arrayBuffers: number;
}

export interface HeldResult {
  readonly form: HeldForm;
  /** Bytes a call, on the heap and in buffers beside it: while the INVITE's transaction lasts, and after that. */
  readonly young: Heap;
  readonly old: Heap | null;
}

export async function measureHeld(form: HeldForm): Promise<HeldResult> {
  const server = await startSipServe({
    ...{
      port: 5070,
      httpPort: 8080,
      rtp: 10_000,
      level: 'warn',
      behavior: { mode: 'silence', auto_answer_delay_ms: 0, call_timeout_seconds: 3600 },
    },
    nodeArgs: ['--expose-gc', '--import', HOOK],
  });
  const stay = { port: server.port, callsPerSecond: 200, scenario: { audioPort: NO_AUDIO, holdMs: null } };
  const first = call({ ...stay, calls: form.first });
  await server.active(form.first);
  const fewYoung = await heapOf(server, SETTLE_MS);
  const fewOld = form.waits ? await heapOf(server, TRANSACTION_MS) : undefined;
  const rest = call({ ...stay, calls: form.calls, localPort: 5602 });
  await server.active(form.first + form.calls);
  const manyYoung = await heapOf(server, SETTLE_MS);
  const manyOld = form.waits ? await heapOf(server, TRANSACTION_MS) : undefined;
  await server.running.stop('SIGTERM', GOODBYES_MS);
  for (const { failed } of await Promise.all([first, rest])) if (failed > 0) throw new Error(`${failed} held calls failed`);
  const { calls } = form;
  // With the young ones of the first calls gone by then, of the rest everything is there.
  const before = fewOld ?? fewYoung;
  return {
    form,
    young: perCall(before, manyYoung, calls),
    old: manyOld === undefined ? null : perCall(before, manyOld, calls),
  };
}

function perCall(few: Heap, many: Heap, calls: number): Heap {
  return { heapUsed: (many.heapUsed - few.heapUsed) / calls, arrayBuffers: (many.arrayBuffers - few.arrayBuffers) / calls };
}

async function heapOf({ running, folder }: SipServe, afterMs: number): Promise<Heap> {
  await delay(afterMs);
  const file = path.join(folder, 'heap.json');
  rmSync(file, { force: true });
  process.kill(running.pid, 'SIGUSR2');
  await until('the heap of sip-serve', () => existsSync(file) || undefined);
  return JSON.parse(readFileSync(file, 'utf8')) as Heap;
}

export function heldTable({ form, young, old }: HeldResult, bars: Bars): string {
  const row = (when: string, { heapUsed, arrayBuffers }: Heap, verdict: string): string =>
    `| ${when} | ${heapUsed.toFixed(0)} | ${arrayBuffers.toFixed(0)} | ${verdict} |`;
  const lines = [
    `| ${form.calls} calls that are up, action \`silence\` | heap a call, bytes | buffers a call, bytes | bar |`,
    '|---|---|---|---|',
  ];
  // What is bound to go within half a minute is no part of a held call.
  const verdict = bars.atMost('heap of a call that is held, bytes', (old ?? young).heapUsed, BAR_BYTES);
  lines.push(row('with the transaction of the INVITE (32 s)', young, old === null ? verdict : ''));
  if (old !== null) lines.push(row('after that', old, verdict));
  return lines.join('\n');
}
