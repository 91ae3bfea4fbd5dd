/** What a probe shows: progress while it runs, and its result. */
import type { ChalkInstance } from 'chalk';
import type { ProbeProgress, ProbeResult } from '../core/probe/result.ts';
import type { GateResult } from '../core/report/gate/check.ts';
import { oneWayNote, oneWayRows } from '../core/report/render/one-way.ts';
import { formatCount, formatMs, formatRatio } from '../core/report/render/table.ts';
import type { Spread } from '../core/report/metrics.ts';
import type { RunDocument, RunSummary } from '../core/report/run.ts';
import { formatDurationNs } from '../core/values/duration.ts';
import type { CommandIo } from './io.ts';
import { widthOf } from './io.ts';
import { pairTable } from './table.ts';
import type { Pair } from './table.ts';

const REFRESH_MS = 200;
/** From this width on the percentiles fit on the line. */
const ROOMY_COLUMNS = 72;

/**
 * A line of progress on a terminal, rewritten as it goes.
 *
 * @returns what takes the line away.
 */
export function showProgress(io: CommandIo, progress: () => ProbeProgress): Promise<() => void> {
  return showLine(io, () => progressLine(progress(), widthOf(io.stderr)));
}

/** The same with any text. */
export async function showLine(io: CommandIo, line: () => string): Promise<() => void> {
  const { default: ora } = await import('ora');
  const { stderr } = io;
  const spinner = ora({
    stream: stderr as NodeJS.WriteStream,
    color: hasNoColour(io) ? false : 'cyan',
    // Reading the terminal is not its business: Ctrl-C has to reach the process as a signal.
    discardStdin: false,
    text: line(),
  }).start();
  const timer = setInterval(() => {
    spinner.text = line();
  }, REFRESH_MS);
  return () => {
    clearInterval(timer);
    spinner.stop();
  };
}

/** NO_COLOR is neither ora's nor chalk's to know. */
function hasNoColour(io: CommandIo): boolean {
  return (io.env['NO_COLOR'] ?? '') !== '';
}

export function progressLine(progress: ProbeProgress, columns: number): string {
  const done = progress.total === 0 ? 0 : Math.floor((100 * progress.sent) / progress.total);
  const counts = `${done} %  sent ${progress.sent}  received ${progress.received}  lost ${progress.lost}`;
  if (columns < ROOMY_COLUMNS) return counts;
  return `${counts}  p50 ${shortMs(progress.p50Ns)}  p99 ${shortMs(progress.p99Ns)}`;
}

function shortMs(ns: number | null): string {
  return ns === null ? '–' : `${(ns / 1e6).toFixed(2)} ms`;
}

/** The table of a finished probe. */
export function resultTable(result: ProbeResult, run: RunDocument, chalk: ChalkInstance, width: number): string {
  const { summary } = run;
  const { options } = result;
  const streams = `${options.streams} stream${options.streams === 1 ? '' : 's'}`;
  const rate = `${Number((1e9 / options.intervalNs).toFixed(2))} packets/s`;
  const target = String(run.options['target']);
  const alarm = (text: string, bad: boolean): string => (bad ? chalk.red(text) : text);
  const pairs: Pair[] = [
    ['streams', `${streams} × ${rate}, ${formatDurationNs(options.ptimeNs)} of PCMU each`],
    ['time', `${(result.durationNs / 1e9).toFixed(1)} s${result.aborted ? ' (ended early)' : ''}`],
    ['sent', formatCount(summary.sent)],
    ['received', formatCount(summary.received)],
    ['lost', alarm(`${formatCount(summary.lost)} (${formatRatio(summary.packet_loss_ratio)})`, summary.lost > 0)],
    ...(summary.in_flight > 0 ? [['in flight', formatCount(summary.in_flight)] as const] : []),
    [`late by more than ${formatDurationNs(options.lateThresholdNs)}`, `${formatCount(summary.late)} (${formatRatio(summary.late_ratio)})`],
    ['duplicates', formatCount(summary.duplicates)],
    ['reordered', formatCount(summary.reordered)],
    ['latency p50', chalk.bold(withMs(summary.p50_latency))],
    ['latency p95', withMs(summary.p95_latency)],
    ['latency p99', withMs(summary.p99_latency)],
    ['latency max', withMs(summary.max_latency)],
    ['latency mean', withMs(summary.avg_latency)],
    ...(run.one_way === undefined ? [] : oneWayRows(run.one_way)),
    ['jitter (RFC 3550)', withMs(summary.jitter_ms)],
    ['send error p50 / p99 / max', spreadText(summary.send_error_ms)],
    ['host delay p50 / p99 / max', spreadText(summary.host_delay_ms)],
    ['dropped in own buffers', alarm(formatCount(summary.socket_drops), (summary.socket_drops ?? 0) > 0)],
    ['R factor / MOS (G.107)', `${decimal(summary.r_factor, 1)} / ${decimal(summary.mos, 2)}`],
    ['clock', clockText(summary)],
  ];
  const note = run.one_way === undefined ? '' : `${oneWayNote(run.one_way)}\n`;
  return `${pairTable(`probe ${target}`, pairs, chalk, width)}${note}`;
}

export function spreadText(spread: Spread | null): string {
  return spread === null ? '–' : `${formatMs(spread.p50)} / ${formatMs(spread.p99)} / ${formatMs(spread.max)} ms`;
}

/** `kernel (12 of 500 packets by user clock), batch engine (recvmmsg and sendmmsg)` */
export function clockText(summary: Pick<RunSummary, 'clock' | 'unstamped' | 'received' | 'engine' | 'engine_reason'>): string {
  const { clock, unstamped, received, engine, engine_reason: reason } = summary;
  const but = (unstamped ?? 0) > 0 ? ` (${formatCount(unstamped)} of ${formatCount(received)} packets by user clock)` : '';
  return `${clock}${but}, ${engine} engine${reason === undefined ? '' : ` (${reason})`}`;
}

export function withMs(value: number | null): string {
  return value === null ? '–' : `${formatMs(value)} ms`;
}

export function decimal(value: number | null, digits: number): string {
  return value === null ? '–' : value.toFixed(digits);
}

/** One line a doubt, on standard error. */
export async function writeWarnings(io: CommandIo, warnings: readonly string[]): Promise<void> {
  if (warnings.length === 0) return;
  const { Chalk, chalkStderr } = await import('chalk');
  // Standard error may be a terminal where standard output is a file.
  const chalk = hasNoColour(io) ? new Chalk({ level: 0 }) : chalkStderr;
  for (const warning of warnings) io.stderr.write(`${chalk.yellow('Warning:')} ${warning}\n`);
}

/** The bounds below the result, or in words beside the document. */
export async function writeGate(io: CommandIo, gate: GateResult, beside: boolean): Promise<void> {
  const [{ boundTable, judgedLines }, { verdictTone }, { paint, renderTables }] = await Promise.all([
    import('../core/report/render/judged.ts'),
    import('../core/report/render/table.ts'),
    import('./report-view.ts'),
  ]);
  if (beside) {
    io.stderr.write(judgedLines({ sla: null, gate, baseline: null }));
    return;
  }
  const chalk = await io.chalk();
  io.stdout.write('\n');
  io.stdout.write(await renderTables([boundTable(gate)], { chalk, columns: widthOf(io.stdout) }));
  io.stdout.write(`verdict: ${paint(chalk, { text: gate.verdict, tone: verdictTone(gate.verdict) })}\n`);
}
