/** How long a caller waits for 180 Ringing, and for the answer to its BYE, as SIPp sees it; with SIPp's own server beside it. */
import type { Bars } from '../lib/bars.ts';
import { barChart } from '../lib/chart.ts';
import { interleave, median, quantile } from '../lib/rounds.ts';
import { startServer } from '../subjects/server.ts';
import { call } from './caller.ts';
import type { CallerResult } from './caller.ts';
import { startSipServe, startSippServer } from './servers.ts';
import type { Called } from './servers.ts';

const BAR_MS = 5;
const PTIME_US = 20_000;
const HOLD_MS = 500;
const ANSWER_MS = 100;

export interface DelaysForm {
  readonly callsPerSecond: number;
  readonly rounds: number;
  readonly seconds: number;
}

interface Subject {
  readonly name: string;
  readonly start: () => Promise<Called>;
}

const OURS: Subject = {
  name: 'rtplat',
  start: () =>
    startSipServe({ port: 5070, httpPort: 8080, rtp: 10_000, level: 'info', behavior: { mode: 'tone', auto_answer_delay_ms: ANSWER_MS } }),
};
const SIPP: Subject = { name: 'SIPp -sn uas', start: () => startSippServer(5080) };
const SUBJECTS = [OURS, SIPP];
const WAITS = [
  ['INVITE to 180', (result: CallerResult) => result.ringingMs],
  ['BYE to 200', (result: CallerResult) => result.endingMs],
] as const;

export interface DelaysResult {
  readonly form: DelaysForm;
  readonly rounds: ReadonlyMap<string, readonly CallerResult[]>;
}

export async function measureDelays(form: DelaysForm): Promise<DelaysResult> {
  const sink = await startServer('sink', [PTIME_US, 'silent'], [0]);
  const servers = new Map<Subject, Called>();
  for (const subject of SUBJECTS) servers.set(subject, await subject.start());
  const rounds = await interleave(SUBJECTS, form.rounds, async (subject) => {
    const port = servers.get(subject)?.port ?? 0;
    const calls = form.callsPerSecond * form.seconds;
    return call({ port, callsPerSecond: form.callsPerSecond, calls, scenario: { audioPort: sink.port, holdMs: HOLD_MS } });
  });
  for (const { running } of servers.values()) await running.stop();
  await sink.running.stop();
  return { form, rounds: new Map([...rounds].map(([{ name }, all]) => [name, all])) };
}

/** Of each round, the quantile of the waits. */
function quantiles(
  { rounds }: DelaysResult,
  { name }: Subject,
  of: (result: CallerResult) => readonly number[],
  q: number,
): readonly number[] {
  return (rounds.get(name) ?? []).map((result) => quantile(of(result), q));
}

export function delaysTable(result: DelaysResult, bars: Bars): string {
  const { form, rounds } = result;
  const lines = [
    `| ${form.callsPerSecond} calls/s with a tone, ${form.rounds} rounds of ${form.seconds} s | server | p50 / p99 / max, ms | calls | failed | bar |`,
    '|---|---|---|---|---|---|',
  ];
  for (const [what, of] of WAITS) {
    for (const subject of SUBJECTS) {
      const all = rounds.get(subject.name) ?? [];
      const p99 = median(quantiles(result, subject, of, 0.99));
      const peer = median(quantiles(result, SIPP, of, 0.99));
      const three = [median(quantiles(result, subject, of, 0.5)), p99, Math.max(...quantiles(result, subject, of, 1))];
      const measured = all.reduce((sum, round) => sum + of(round).length, 0);
      const failed = all.reduce((sum, round) => sum + round.failed, 0);
      const verdict = subject === OURS ? bars.atMost(`${what}: p99, ms`, p99, BAR_MS, peer) : '';
      lines.push(`| ${[what, subject.name, three.map((ms) => ms.toFixed(2)).join(' / '), measured, failed, verdict].join(' | ')} |`);
    }
  }
  return lines.join('\n');
}

export function delaysChart(result: DelaysResult): string {
  return barChart({
    title: 'What a caller waits',
    unit: 'ms, 99th percentile, median of the rounds and quartiles; less is better',
    groups: WAITS.map(([label, of]) => ({
      label: `${label}, ${result.form.callsPerSecond} calls/s`,
      bars: SUBJECTS.map((subject) => {
        const all = quantiles(result, subject, of, 0.99);
        return { name: subject.name, value: median(all), low: quantile(all, 0.25), high: quantile(all, 0.75) };
      }),
    })),
    bar: { value: BAR_MS, label: `${BAR_MS} ms` },
  });
}

/** For the results: what there was, without every single wait. */
export function storableDelays(result: DelaysResult): unknown {
  return SUBJECTS.map((subject) => ({
    subject: subject.name,
    rounds: (result.rounds.get(subject.name) ?? []).map(({ succeeded, failed, retransmissions, ringingMs, endingMs }) => ({
      succeeded,
      failed,
      retransmissions,
      ringingMs: [0.5, 0.99, 1].map((q) => quantile(ringingMs, q)),
      endingMs: [0.5, 0.99, 1].map((q) => quantile(endingMs, q)),
    })),
  }));
}
