/** A thousand calls a second, each hung up at once: what a call costs the server in processor time, and whether all of them work. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bars } from '../lib/bars.ts';
import { interleave, median, quantile, ratioOfMedians, spread } from '../lib/rounds.ts';
import { barChart } from '../lib/chart.ts';
import { call } from './caller.ts';
import type { CallerResult } from './caller.ts';
import { startSipServe, startSippServer } from './servers.ts';
import type { Called } from './servers.ts';

/** Processor time of a call, as a multiple of what SIPp's server takes for it, at most. */
const TIMES_SIPP = 3;
/** After the calls: until the last port is free again. */
const DRAIN_MS = 500;

interface Subject {
  readonly name: string;
  readonly start: () => Promise<Called>;
}

export interface LoadForm {
  readonly callsPerSecond: number;
  readonly rounds: number;
  /** Of a round, and of the one long load. */
  readonly seconds: number;
  readonly longSeconds: number;
}

interface Measured extends Pick<CallerResult, 'succeeded' | 'failed' | 'retransmissions'> {
  readonly cpuUsPerCall: number;
  /** Part of its core, 0 to 1. */
  readonly busy: number;
}

const sipServe = (level: 'info' | 'warn', port: number, httpPort: number, rtp: number): Subject => ({
  name: `rtplat, log level ${level}`,
  start: () => startSipServe({ port, httpPort, rtp, level, behavior: { mode: 'silence', auto_answer_delay_ms: 0 } }),
});
const OURS = sipServe('info', 5070, 8080, 10_000);
const QUIET = sipServe('warn', 5072, 8082, 20_000);
const SIPP: Subject = { name: 'SIPp -sn uas', start: () => startSippServer(5080) };
const SUBJECTS = [OURS, QUIET, SIPP];

export interface LoadResult {
  readonly form: LoadForm;
  readonly rounds: ReadonlyMap<string, readonly Measured[]>;
  readonly long: Measured;
}

export async function measureLoad(form: LoadForm): Promise<LoadResult> {
  const servers = new Map<Subject, Called>();
  for (const subject of SUBJECTS) servers.set(subject, await subject.start());
  const load = async (subject: Subject, seconds: number): Promise<Measured> => {
    const server = servers.get(subject);
    if (server === undefined) throw new Error(`${subject.name} is not running`);
    const { running, port } = server;
    const before = running.cpuNs();
    const startMs = performance.now();
    const calls = form.callsPerSecond * seconds;
    const { succeeded, failed, retransmissions } = await call({ port, callsPerSecond: form.callsPerSecond, calls, scenario: 'uac' });
    const tookNs = (performance.now() - startMs) * 1e6;
    await delay(DRAIN_MS);
    const cpuNs = running.cpuNs() - before;
    return { succeeded, failed, retransmissions, cpuUsPerCall: cpuNs / 1000 / calls, busy: cpuNs / tookNs };
  };
  const rounds = await interleave(SUBJECTS, form.rounds, (subject) => load(subject, form.seconds));
  const long = await load(OURS, form.longSeconds);
  for (const { running } of servers.values()) await running.stop();
  return { form, rounds: new Map([...rounds].map(([{ name }, all]) => [name, all])), long };
}

function cost(result: LoadResult, { name }: Subject): readonly number[] {
  return (result.rounds.get(name) ?? []).map(({ cpuUsPerCall }) => cpuUsPerCall);
}

export function loadTable(result: LoadResult, bars: Bars): string {
  const { form, rounds, long } = result;
  const lines = [
    `| ${form.callsPerSecond} calls/s, ${form.rounds} rounds of ${form.seconds} s | processor time a call, µs | spread | its core busy | calls | failed | sent again | over SIPp (95 %) | bar |`,
    '|---|---|---|---|---|---|---|---|---|',
  ];
  const sipp = cost(result, SIPP);
  for (const subject of SUBJECTS) {
    const all = rounds.get(subject.name) ?? [];
    const costs = cost(result, subject);
    const sum = (of: (measured: Measured) => number): number => all.reduce((total, measured) => total + of(measured), 0);
    const { ratio, low, high } = ratioOfMedians(costs, sipp);
    const against = subject === SIPP ? '' : `${ratio.toFixed(2)} (${low.toFixed(2)}–${high.toFixed(2)})`;
    const verdict = subject === SIPP ? '' : bars.atMost(`${subject.name}: processor time of a call over SIPp's`, ratio, TIMES_SIPP);
    const busy = `${(100 * median(all.map((measured) => measured.busy))).toFixed(0)} %`;
    const counts = [sum((m) => m.succeeded), sum((m) => m.failed), sum((m) => m.retransmissions)];
    lines.push(row([subject.name, median(costs).toFixed(0), `${(100 * spread(costs)).toFixed(1)} %`, busy, ...counts, against, verdict]));
  }
  const failed = bars.atMost(`calls that failed of ${form.longSeconds} s of ${form.callsPerSecond} calls/s`, long.failed, 0);
  const counts = [long.succeeded, long.failed, long.retransmissions];
  const busy = `${(100 * long.busy).toFixed(0)} %`;
  lines.push(row([`${OURS.name}, ${form.longSeconds} s`, long.cpuUsPerCall.toFixed(0), '', busy, ...counts, '', `failed ${failed}`]));
  return lines.join('\n');
}

function row(cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

export function loadChart(result: LoadResult): string {
  return barChart({
    title: 'Processor time of a call',
    unit: 'µs from INVITE to the answer to BYE, median and quartiles; less is better',
    groups: [
      {
        label: `${result.form.callsPerSecond} calls/s`,
        bars: SUBJECTS.map((subject) => {
          const costs = cost(result, subject);
          return { name: subject.name, value: median(costs), low: quantile(costs, 0.25), high: quantile(costs, 0.75) };
        }),
      },
    ],
    bar: { value: TIMES_SIPP * median(cost(result, SIPP)), label: `${TIMES_SIPP} × SIPp` },
  });
}
