/** What a probe through ARI shows. */
import type { ChalkInstance } from 'chalk';
import type { CallerResult } from '../core/caller/totals.ts';
import { doubts } from '../core/probe/doubts.ts';
import { budgetTable } from '../core/report/render/budget.ts';
import { ariLoadTables } from '../core/report/render/ari-load.ts';
import { formatCount, formatMs, formatSeconds } from '../core/report/render/table.ts';
import type { Cell, Table } from '../core/report/render/table.ts';
import type { CallRow, RunDocument } from '../core/report/run.ts';
import { mediaPairs, MOST_ROWS } from './probe-call-view.ts';
import { renderTables } from './report-view.ts';
import { pairTable } from './table.ts';

/** The calls, the load with both of its ends, and the media of those calls whose packets were matched. */
export async function ariTables(result: CallerResult, run: RunDocument, chalk: ChalkInstance, columns: number): Promise<string> {
  const load = run.ari === undefined ? [] : ariLoadTables(run.ari);
  const budget = run.budget === undefined ? [] : [budgetTable(run.budget, MOST_ROWS)];
  const tables = await renderTables([callTable(run), ...load, ...budget], { chalk, columns });
  if (result.media.sent === 0) return tables;
  return `${tables}\n${pairTable(`media of ${String(run.options['target'])}`, mediaPairs(result, run), chalk, columns)}`;
}

const LEFT_COLUMNS = ['call', 'result'] as const;
const OWN_COLUMNS = ['set-up', 'lasted', 'sent', 'came back'] as const;
const SERVICE_COLUMNS = ['in', 'out', 'lost', 'p50', 'p99'] as const;

function callTable({ calls, options, ari }: RunDocument): Table {
  const bad = (row: CallRow): boolean => row.state === 'failed';
  // Those that failed are what somebody looks for.
  const shown = calls.length <= MOST_ROWS ? calls : calls.toSorted((a, b) => Number(bad(b)) - Number(bad(a))).slice(0, MOST_ROWS);
  const joined = ari != null && ari.service !== null;
  const right = [...OWN_COLUMNS, ...(joined ? SERVICE_COLUMNS : [])];
  const notes = [
    ...(joined ? [`${SERVICE_COLUMNS.join(', ')} are the service's.`] : []),
    ...(shown.length < calls.length ? [`${formatCount(calls.length - shown.length)} more calls are in the run document (--out).`] : []),
  ];
  return {
    title: `probe ${String(options['target'])}: ${calls.length} call${calls.length === 1 ? '' : 's'}, times in ms`,
    columns: [
      ...LEFT_COLUMNS.map((name) => ({ name, align: 'left' as const })),
      ...right.map((name) => ({ name, align: 'right' as const })),
    ],
    rows: shown.map((row) => rowOf(row, joined)),
    note: notes.join(' '),
  };
}

function rowOf(row: CallRow, joined: boolean): readonly Cell[] {
  const { ari } = row;
  const failed = row.state === 'failed';
  const there = ari?.service;
  const texts = [
    row.id,
    failed ? 'failed' : row.end_reason === 'stopped' ? 'stopped' : 'ok',
    formatMs(row.setup_ms),
    row.duration_seconds === undefined ? '–' : formatSeconds(row.duration_seconds),
    formatCount(ari?.sent),
    formatCount(ari?.came_back),
    ...(joined
      ? [...[there?.from_peer, there?.to_peer, there?.lost].map(formatCount), formatMs(there?.p50_latency), formatMs(there?.p99_latency)]
      : []),
  ];
  return texts.map((text, i) => ({ text, tone: i === 1 && failed ? 'bad' : 'plain' }));
}

/** What a reader should know before believing the numbers. */
export function ariDoubts({ media }: CallerResult, { ari }: RunDocument): readonly string[] {
  if (ari === undefined) return [];
  const { left, agreement, service } = ari;
  return [
    ...(media.received === 0 ? [] : doubts(media)),
    ...(left === null ? ['Asterisk could not be asked whether anything of ours is left there'] : []),
    ...(left !== null && left > 0 ? [`${left} channels and bridges of ours are still in Asterisk: see 'core show channels'`] : []),
    ...(service?.trouble == null ? [] : [`the service at ${service.url}: ${service.trouble}`]),
    ...(agreement?.verdict === 'differ' ? ['the caller and the service have not counted the same: see the table'] : []),
  ];
}
