/** What a probe of calls shows. */
import type { ChalkInstance } from 'chalk';
import type { CallerProgress } from '../core/caller/caller.ts';
import type { CallerOptions } from '../core/caller/options.ts';
import type { SettledCall } from '../core/caller/outcome.ts';
import { isMatched, matchOf } from '../core/caller/totals.ts';
import type { CallerResult } from '../core/caller/totals.ts';
import { doubts } from '../core/probe/doubts.ts';
import { budgetTable } from '../core/report/render/budget.ts';
import { setUpTable } from '../core/report/render/set-up.ts';
import { formatCount, formatMs, formatRatio, formatSeconds } from '../core/report/render/table.ts';
import type { Cell, Table } from '../core/report/render/table.ts';
import type { CallRow, RunDocument } from '../core/report/run.ts';
import { matchTable } from './probe-match-view.ts';
import { rtcpTable } from './probe-rtcp-view.ts';
import { clockText, decimal, spreadText, withMs } from './probe-view.ts';
import { renderTables } from './report-view.ts';
import { pairTable } from './table.ts';
import type { Pair } from './table.ts';

/** Rows of the table of calls: all are in the run document. */
export const MOST_ROWS = 40;

export function progressOfCalls({ total, placed, up, ended, failed, sent, received }: CallerProgress): string {
  const troubles = failed === 0 ? '' : `, ${failed} failed`;
  return `${placed}${total === null ? '' : ` of ${total}`} calls placed, ${up} up, ${ended} ended${troubles}  sent ${sent}  received ${received}`;
}

/** The calls, how they were matched where that is a question, what far ends said by RTCP, their set-up, and the media of those that were measured. */
export async function callsTables(result: CallerResult, run: RunDocument, chalk: ChalkInstance, columns: number): Promise<string> {
  const budget = run.budget === undefined ? undefined : budgetTable(run.budget, MOST_ROWS);
  const more = [matchTable(run, MOST_ROWS), rtcpTable(run, MOST_ROWS), budget].flatMap((table) => table ?? []);
  const setUp = run.sip === undefined ? [] : [setUpTable(run.sip)];
  const tables = await renderTables([callTable(result, run), ...more, ...setUp], { chalk, columns });
  if (result.media.sent === 0) return tables;
  const media = pairTable(`media of ${String(run.options['target'])}`, mediaPairs(result, run), chalk, columns);
  return `${tables}\n${media}`;
}

const CALL_COLUMNS = [
  ...(['call', 'result', 'codec'] as const).map((name) => ({ name, align: 'left' as const })),
  ...(['set-up', 'lasted', 'sent', 'lost', 'loss', 'p50', 'p99', 'jitter', 'MOS'] as const).map((name) => ({
    name,
    align: 'right' as const,
  })),
  { name: 'matched', align: 'left' as const },
];

function callTable({ calls }: CallerResult, run: RunDocument): Table {
  // Those that failed are what somebody looks for.
  const shown =
    calls.length <= MOST_ROWS
      ? calls
      : calls.toSorted((a, b) => Number(b.problem !== null) - Number(a.problem !== null)).slice(0, MOST_ROWS);
  return {
    title: `probe ${String(run.options['target'])}: ${calls.length} call${calls.length === 1 ? '' : 's'}, times in ms`,
    columns: CALL_COLUMNS,
    rows: shown.map((call) => rowOf(call, run.calls[calls.indexOf(call)])),
    note: shown.length < calls.length ? `${formatCount(calls.length - shown.length)} more calls are in the run document (--out).` : '',
  };
}

function rowOf(call: SettledCall, row: CallRow | undefined): readonly Cell[] {
  const failed = call.problem !== null;
  const texts = [
    String(call.number),
    resultOf(call),
    call.codec ?? '–',
    formatMs(call.answeredMs),
    row?.duration_seconds === undefined ? '–' : formatSeconds(row.duration_seconds),
    formatCount(row?.counters?.sent),
    formatCount(row?.counters?.lost),
    formatRatio(row?.packet_loss_ratio),
    formatMs(row?.p50_latency),
    formatMs(row?.p99_latency),
    formatMs(row?.jitter_ms),
    decimal(row?.mos ?? null, 2),
    row?.match ?? '–',
  ];
  return texts.map((text, i) => ({ text, tone: i === 1 && failed ? 'bad' : 'plain' }));
}

/** In a word or two; the line on standard error says more. */
export function resultOf({ status, problem, stopped, media }: SettledCall): string {
  if (problem === null) return stopped ? 'stopped' : 'ok';
  if (status !== null && status !== 200) return `failed (${status})`;
  return media !== null && !isMatched(media) ? 'not matched' : 'failed';
}

export function mediaPairs({ calls }: CallerResult, { summary }: RunDocument): readonly Pair[] {
  const measured = calls.filter((call) => call.media !== null && call.media.received > 0).length;
  return [
    ['calls measured', `${formatCount(measured)} of ${formatCount(calls.length)}, at most ${formatCount(summary.peak_channels)} at once`],
    ['matched by', summary.match ?? '–'],
    ['sent', formatCount(summary.sent)],
    ['received', formatCount(summary.received)],
    summary.match?.includes('audio') === true
      ? ['lost or not found', formatCount(summary.lost)]
      : ['lost', `${formatCount(summary.lost)} (${formatRatio(summary.packet_loss_ratio)})`],
    ...(summary.in_flight > 0 ? [['in flight', formatCount(summary.in_flight)] as const] : []),
    ['round trip p50', withMs(summary.p50_latency)],
    ['round trip p95', withMs(summary.p95_latency)],
    ['round trip p99', withMs(summary.p99_latency)],
    ['round trip max', withMs(summary.max_latency)],
    ['round trip mean', withMs(summary.avg_latency)],
    ['jitter (RFC 3550)', withMs(summary.jitter_ms)],
    ['late', `${formatCount(summary.late)} (${formatRatio(summary.late_ratio)})`],
    ['send error p50 / p99 / max', spreadText(summary.send_error_ms)],
    ['host delay p50 / p99 / max', spreadText(summary.host_delay_ms)],
    ['R factor / MOS (G.107)', `${decimal(summary.r_factor, 1)} / ${decimal(summary.mos, 2)}`],
    ['clock', clockText(summary)],
  ];
}

/** Whoever reads the signalling has the keys of SRTP. */
export function keyDoubts({ srtp, target }: Pick<CallerOptions, 'srtp' | 'target'>): readonly string[] {
  if (srtp.length === 0 || target.transport === 'tls') return [];
  return [`the keys of SRTP went over ${target.transport.toUpperCase()} for all to read: --transport tls, or sips:, hides them`];
}

/** What a reader should know before believing the numbers; that nothing came back is said of each call already. */
export function callDoubts({ media, calls }: CallerResult): readonly string[] {
  if (media.received === 0) return [];
  const kinds = calls.map((call) => (call.media === null ? null : matchOf(call.media)));
  const partly = calls.filter(({ media: each }, i) => kinds[i] === 'header' && each !== null && each.otherSsrc > 0).length;
  // Of those that were matched by audio nobody knows what was lost.
  const heard = kinds.includes('audio');
  const sum = (of: 'unauthenticated' | 'replayed'): number => calls.reduce((total, call) => total + (call.media?.srtp?.[of] ?? 0), 0);
  const [forged, replayed] = [sum('unauthenticated'), sum('replayed')];
  return [
    ...doubts(heard ? { ...media, lost: 0 } : media),
    ...(heard && media.lost > 0
      ? [`${media.lost} of ${media.sent} packets were lost, or their audio was not found; the percentiles are those of the others`]
      : []),
    ...(forged === 0 ? [] : [`${forged} packets that came are not authentic (SRTP): they are in no other number`]),
    ...(replayed === 0 ? [] : [`${replayed} packets came once more (SRTP): they are in no other number`]),
    ...(partly === 0
      ? []
      : [`in ${partly} calls some packets came back with another SSRC: those are not matched by header, and count as lost`]),
  ];
}
