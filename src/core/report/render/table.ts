/**
 * Tables as rows of strings, with what the eye should be led to; widths, lines and colours are the terminal's business. A number
 * that was not measured is `–`.
 */
import { escapeControl } from '../../values/terminal.ts';
import { isAmiss, VERDICT_SIGNS, verdictSign } from '../call-verdict.ts';
import type { CallVerdictMembers } from '../call-verdict.ts';
import { peakChannels } from '../merge.ts';
import type { LatencySummary, MetricsDocument } from '../metrics.ts';
import type { AnsweredCalls } from '../read-metrics.ts';
import type { CallRow, RunDocument, RunSummary } from '../run.ts';
import type { ReportCheck } from '../verdict.ts';

export type Tone = 'plain' | 'good' | 'bad' | 'doubt';

export interface Cell {
  readonly text: string;
  readonly tone: Tone;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** A line below the table; empty when there is nothing to add. */
  readonly note: string;
}

export interface Column {
  readonly name: string;
  readonly align: 'left' | 'right';
}

const NOT_MEASURED = '–';

/** A latency: milliseconds with microseconds behind the point. */
export function formatMs(ms: number | null | undefined): string {
  return ms === null || ms === undefined ? NOT_MEASURED : ms.toFixed(3);
}

/** A ratio in per cent. What is above zero never shows as zero. */
export function formatRatio(ratio: number | null | undefined): string {
  if (ratio === null || ratio === undefined) return NOT_MEASURED;
  const percent = ratio * 100;
  return percent > 0 && percent < 0.001 ? '<0.001 %' : `${percent.toFixed(3)} %`;
}

/** A count, its thousands apart. */
export function formatCount(count: number | null | undefined): string {
  if (count === null || count === undefined) return NOT_MEASURED;
  const digits = String(count);
  let grouped = '';
  for (let i = 0; i < digits.length; i++) grouped += (i > 0 && (digits.length - i) % 3 === 0 ? ',' : '') + (digits[i] ?? '');
  return grouped;
}

/** Seconds as `12.3 s`, `4 min 05 s` or `3 h 07 min`. */
export function formatSeconds(seconds: number | undefined): string {
  if (seconds === undefined) return NOT_MEASURED;
  if (seconds < 99.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor((whole % 3600) / 60))} min`;
}

function twoDigits(part: number): string {
  return String(part).padStart(2, '0');
}

/** What heads the report of a run: the command, its target, when and for how long. */
export function runTitle(name: string, run: RunDocument): string {
  const target = run.options['target'];
  const what = typeof target === 'string' ? `${run.command} ${target}` : run.command;
  return escapeControl(`${name}: ${what}, ${run.started_at}, ${formatSeconds(run.duration_seconds)}, on ${run.host.hostname}`);
}

export function latencyTable(summary: LatencySummary): Table {
  return {
    title: 'Latency, ms',
    columns: [right('samples'), right('p50'), right('p95'), right('p99'), right('max'), right('avg')],
    rows: [
      [
        plain(formatCount(summary.total_latencies)),
        plain(formatMs(summary.p50_latency)),
        plain(formatMs(summary.p95_latency)),
        plain(formatMs(summary.p99_latency)),
        plain(formatMs(summary.max_latency)),
        plain(formatMs(summary.avg_latency)),
      ],
    ],
    note: summary.total_latencies === 0 ? 'No packet came back: there is no latency to show.' : '',
  };
}

/** The counts of packets that runs and services share. */
export interface PacketRow {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly late: number | null;
  readonly in_flight: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Of relayed calls: packets that were late already when they came. */
  readonly late_from_peer?: number;
}

export function packetTable(packets: PacketRow, ratios: LatencySummary): Table {
  return {
    title: 'Packets',
    columns: ['sent', 'returned', 'lost', 'loss', 'late', 'late ratio', 'in flight', 'dup', 'reord'].map(right),
    rows: [
      [
        plain(formatCount(packets.sent)),
        plain(formatCount(packets.received)),
        doubtful(formatCount(packets.lost), packets.lost > 0),
        doubtful(formatRatio(ratios.packet_loss_ratio), packets.lost > 0),
        plain(formatCount(packets.late)),
        plain(formatRatio(ratios.late_ratio)),
        plain(formatCount(packets.in_flight)),
        plain(formatCount(packets.duplicates)),
        plain(formatCount(packets.reordered)),
      ],
    ],
    note:
      packets.late_from_peer === undefined || packets.late_from_peer === 0
        ? ''
        : `${formatCount(packets.late_from_peer)} packets were late already when they came from the peer: so much of the lateness is the sender's.`,
  };
}

/** Channels and the quality of their streams. */
export function streamTable(summary: RunSummary): Table {
  return {
    title: 'Streams',
    columns: ['channels', 'at once', 'jitter, ms', 'R factor', 'MOS'].map(right),
    rows: [
      [
        plain(formatCount(summary.total_channels)),
        plain(formatCount(peakChannels(summary))),
        plain(formatMs(summary.jitter_ms)),
        plain(summary.r_factor === null ? NOT_MEASURED : summary.r_factor.toFixed(1)),
        plain(summary.mos === null ? NOT_MEASURED : summary.mos.toFixed(2)),
      ],
    ],
    note: '',
  };
}

/** The instrument's own doubts. */
export function instrumentTable(summary: RunSummary): Table {
  const { send_error_ms: sendError, host_delay_ms: hostDelay } = summary;
  return {
    title: 'Instrument (send error: actual minus due time, ms)',
    columns: [
      right('p50'),
      right('p99'),
      right('max'),
      right('host delay p99'),
      right('socket drops'),
      left('clock'),
      left('engine'),
      left('match'),
    ],
    rows: [
      [
        plain(formatMs(sendError?.p50)),
        plain(formatMs(sendError?.p99)),
        plain(formatMs(sendError?.max)),
        plain(formatMs(hostDelay?.p99)),
        doubtful(formatCount(summary.socket_drops), (summary.socket_drops ?? 0) > 0),
        plain(summary.clock),
        plain(escapeControl(summary.engine)),
        plain(summary.match === null ? NOT_MEASURED : escapeControl(summary.match)),
      ],
    ],
    note: '',
  };
}

/** What a live service says about itself. */
export function serviceTable(metrics: MetricsDocument): Table {
  return {
    title: 'Service',
    columns: ['up', 'calls', 'active', 'at most', 'refused', 'failed', 'ports free', 'of', 'socket drops'].map(right),
    rows: [
      [
        plain(formatSeconds(metrics.uptime_seconds)),
        plain(formatCount(metrics.total_channels)),
        plain(formatCount(metrics.active_channels)),
        plain(formatCount(metrics.peak_channels)),
        doubtful(formatCount(metrics.calls_refused), metrics.calls_refused > 0),
        doubtful(formatCount(metrics.calls_failed), metrics.calls_failed > 0),
        doubtful(formatCount(metrics.ports.free), metrics.ports.free === 0 && metrics.ports.total > 0),
        plain(formatCount(metrics.ports.total)),
        doubtful(formatCount(metrics.socket_drops), (metrics.socket_drops ?? 0) > 0),
      ],
    ],
    note: '',
  };
}

/** All calls of a service that answers by itself, relayed or not. */
function answeredTable(calls: AnsweredCalls, note: string): Table {
  return {
    title: 'Answered calls',
    columns: ['taken', 'active', 'at most', 'completed', 'cancelled', 'rejected', 'failed', 'refused', 'digits'].map(right),
    rows: [
      [
        ...[calls.taken, calls.active, calls.peak, calls.completed, calls.cancelled, calls.rejected].map((count) =>
          plain(formatCount(count)),
        ),
        doubtful(formatCount(calls.failed), calls.failed > 0),
        doubtful(formatCount(calls.refused), calls.refused > 0),
        plain(formatCount(calls.digits)),
      ],
    ],
    note,
  };
}

/** Everything that is shown of a service, live or at its end. @param answered of one that answers calls by itself. */
export function serviceTables(metrics: MetricsDocument, calls: readonly CallRow[], answered?: AnsweredCalls): readonly Table[] {
  // No ports for the relay: its zeros would be those of nothing.
  if (answered !== undefined && metrics.ports.total === 0)
    return [answeredTable(answered, 'No call is relayed: there is no latency to show.'), callTable(calls)];
  return [
    ...(answered === undefined ? [] : [answeredTable(answered, 'Below: the relayed calls alone.')]),
    serviceTable(metrics),
    latencyTable(metrics),
    packetTable({ ...metrics.counters, received: metrics.counters.returned }, metrics),
    callTable(calls),
  ];
}

/** Rows beyond this many are counted, not shown. */
const MAX_CALL_ROWS = 50;

/** What a call was like to its listener. */
export function verdictCell(verdict: CallVerdictMembers | null | undefined): Cell {
  return verdict == null ? plain(NOT_MEASURED) : { text: escapeControl(verdictSign(verdict)), tone: isAmiss(verdict) ? 'bad' : 'plain' };
}

/** One row a call; `calls` in the order to show. */
export function callTable(calls: readonly CallRow[]): Table {
  const more = calls.length - MAX_CALL_ROWS;
  const judged = calls.some(({ verdict }) => verdict !== undefined);
  const amiss = calls.some(({ verdict }) => verdict != null && isAmiss(verdict));
  const notes = [...(more > 0 ? [`and ${formatCount(more)} more calls; --json has them all`] : []), ...(amiss ? [VERDICT_SIGNS] : [])];
  return {
    title: 'Calls (latencies in ms)',
    columns: [
      ...[left('id'), left('state'), ...['port', 'setup ms', 'first ms', 'sent', 'lost', 'p50', 'p95', 'p99', 'max'].map(right)],
      ...(judged ? [left('verdict')] : []),
    ],
    rows: calls.slice(0, MAX_CALL_ROWS).map((call) => {
      const cells = [
        plain(escapeControl(call.id)),
        plain(call.state === undefined ? NOT_MEASURED : escapeControl(call.state)),
        plain(call.port === undefined || call.port === null ? NOT_MEASURED : String(call.port)),
        plain(formatMs(call.setup_ms)),
        plain(formatMs(call.first_packet_ms)),
        plain(formatCount(call.counters?.sent)),
        doubtful(formatCount(call.counters?.lost), (call.counters?.lost ?? 0) > 0),
        plain(formatMs(call.p50_latency)),
        plain(formatMs(call.p95_latency)),
        plain(formatMs(call.p99_latency)),
        plain(formatMs(call.max_latency)),
      ];
      return judged ? cells.concat(verdictCell(call.verdict)) : cells;
    }),
    note: notes.join('. '),
  };
}

/** Runs beyond this many are counted, not shown. */
const MAX_RUN_ROWS = 100;

/** Several runs side by side, the merged one last. */
export function comparisonTable(runs: readonly { readonly name: string; readonly summary: RunSummary }[], merged: RunSummary): Table {
  const more = runs.length - MAX_RUN_ROWS;
  return {
    title: 'Runs (latencies in ms)',
    columns: [left('run'), ...['samples', 'p50', 'p95', 'p99', 'max', 'late', 'loss'].map(right)],
    rows: [...runs.slice(0, MAX_RUN_ROWS).map(({ name, summary }) => comparisonRow(name, summary)), comparisonRow('all, merged', merged)],
    note: more > 0 ? `all, merged: with ${formatCount(more)} more runs; --format csv has them all` : '',
  };
}

function comparisonRow(name: string, summary: RunSummary): readonly Cell[] {
  return [
    plain(escapeControl(name)),
    plain(formatCount(summary.total_latencies)),
    plain(formatMs(summary.p50_latency)),
    plain(formatMs(summary.p95_latency)),
    plain(formatMs(summary.p99_latency)),
    plain(formatMs(summary.max_latency)),
    plain(formatRatio(summary.late_ratio)),
    doubtful(formatRatio(summary.packet_loss_ratio), summary.lost > 0),
  ];
}

const CHECK_TONES: Readonly<Record<ReportCheck['status'], Tone>> = {
  pass: 'good',
  fail: 'bad',
  insufficient: 'doubt',
  inconclusive: 'doubt',
};

/** The service-level checks, one row each. */
export function checkTable(checks: readonly ReportCheck[], channels: number): Table {
  return {
    title: `Service level for ${formatCount(channels)} ${channels === 1 ? 'channel' : 'channels'}`,
    columns: [left('check'), right('bound'), right('value'), left('status')],
    rows: checks.map(({ name, bound, value, status, samples, needed }) => {
      const format = name.endsWith('_ratio')
        ? formatRatio
        : (ms: number | null): string => (ms === null ? NOT_MEASURED : `${formatMs(ms)} ms`);
      const missing = needed === undefined ? '' : ` (${formatCount(samples)} of ${formatCount(needed)} samples)`;
      return [plain(name), plain(format(bound)), plain(format(value)), { text: `${status}${missing}`, tone: CHECK_TONES[status] }];
    }),
    note: '',
  };
}

export function verdictTone(verdict: ReportCheck['status']): Tone {
  return CHECK_TONES[verdict];
}

function plain(text: string): Cell {
  return { text, tone: 'plain' };
}

function doubtful(text: string, doubt: boolean): Cell {
  return { text, tone: doubt ? 'doubt' : 'plain' };
}

function left(name: string): Column {
  return { name, align: 'left' };
}

function right(name: string): Column {
  return { name, align: 'right' };
}
