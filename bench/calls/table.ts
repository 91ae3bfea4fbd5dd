/** The runs of one number of calls as a table: a column a subject. */
import type { Spread } from '../../src/core/report/metrics.ts';
import type { Bars } from '../lib/bars.ts';
import type { CallsRun, ProcessName } from './run.ts';
import { isBusy, judge, otherCores } from './verdict.ts';
import type { Judgement } from './verdict.ts';

export interface Column {
  readonly name: string;
  readonly run: CallsRun;
}

export const PROCESSES: readonly ProcessName[] = ['asterisk', 'sipp', 'phones', 'ari-serve', 'echo'];

/** @param cores of the machine. */
export function tableOf(columns: readonly Column[], cores: number): string {
  const row = (name: string, cell: (run: CallsRun) => string): string =>
    `| ${[name, ...columns.map(({ run }) => cell(run))].join(' | ')} |`;
  const bounds = (columns[0]?.run.sla.checks ?? []).map(({ name, bound }, index) =>
    row(`\`${name}\` ≤ ${shown(name, bound)}`, (run) => judged(judge(run, cores)[index])),
  );
  return [
    `| | ${columns.map(({ name }) => name).join(' | ')} |`,
    `|---|${columns.map(() => '---|').join('')}`,
    row('**`/sla`**', ({ sla }) => `**${sla.verdict}**`),
    ...bounds,
    row('packets measured', ({ metrics }) => metrics.total_latencies.toLocaleString('en-US')),
    row('packets/s of a call from Asterisk', ({ packetsPerSecond: { least, most } }) => `${least.toFixed(1)}–${most.toFixed(1)}`),
    row('audio left over 3 ms late', ({ pacing }) => (pacing === null ? '–' : percent(pacing.late / pacing.sent))),
    row('late when it came from Asterisk', ({ metrics: { counters } }) => percent(counters.late_from_peer / counters.returned)),
    row('late when it came back', ({ metrics: { counters } }) => percent(counters.late / counters.returned)),
    row('clock', ({ metrics }) => `${metrics.clock}, ${metrics.engine} engine`),
    row('host delay of the relay p50 / p99 / max, ms', ({ metrics }) => spread(metrics.host_delay_ms)),
    row('host delay of the echo p50 / p99 / max, ms', ({ echo }) => spread(echo.hostDelayMs)),
    row('dropped by full buffers, relay / echo', ({ metrics, echo }) => `${metrics.socket_drops ?? '–'} / ${echo.socket_drops ?? '–'}`),
    ...PROCESSES.map((name) => row(`${name}: cores used / waited for`, (run) => usage(run, name))),
    row('other programs: cores used', (run) => otherCores(run).toFixed(2)),
    row(`busy of ${cores} cores`, (run) => `${run.usage.machine.busyCores.toFixed(2)}${isBusy(run, cores) ? ' **all of them**' : ''}`),
  ].join('\n');
}

/**
 * Holds a run against the bounds, as far as they are rtplat's to keep.
 *
 * @param stalls whether those count, too, which a single moment without a core violates: the maximum and the late packets.
 */
export function check(bars: Bars, { name, run }: Column, cores: number, stalls: boolean): void {
  for (const { check, owners, ourPart } of judge(run, cores)) {
    if (ourPart === null || owners.includes("the machine's")) continue;
    if (!stalls && (check.name === 'max_latency' || check.name === 'late_ratio')) continue;
    bars.atMost(`${name}: our part of ${check.name}`, ourPart, check.bound);
  }
}

function judged(judgement: Judgement | undefined): string {
  if (judgement === undefined) return '–';
  const { check, owners } = judgement;
  const value = check.value === null ? '–' : shown(check.name, check.value);
  return check.status === 'fail' ? `${value} **fail**, ${owners.join(' and ')}` : `${value} ${check.status}`;
}

function shown(name: string, value: number): string {
  return name.endsWith('_ratio') ? percent(value) : `${value.toFixed(value < 8 ? 2 : 1)} ms`;
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(3)} %`;
}

function spread(value: Spread | null): string {
  return value === null ? '–' : [value.p50, value.p99, value.max].map((ms) => ms.toFixed(2)).join(' / ');
}

function usage({ usage }: CallsRun, name: ProcessName): string {
  // SIPp's own audio has no phones.
  const used = Object.entries(usage.processes).find(([process]) => process === name)?.[1];
  return used === undefined ? '–' : `${used.cores.toFixed(2)} / ${used.waiting.toFixed(2)}`;
}
