/**
 * Runs and their calls as one CSV table (RFC 4180): a row for all sources together, one a run, one a call, told apart by `scope`.
 * Milliseconds, fractions of 1 and counts, with a point and without grouping; what was not measured is empty, never 0.
 */
import type { LatencySummary } from '../metrics.ts';
import { escapeControl } from '../../values/terminal.ts';
import type { CallRow } from '../run.ts';

/** One row; the members that a run and a call share. */
export interface CsvRow extends Partial<LatencySummary> {
  readonly scope: 'all' | 'run' | 'call';
  /** The file or URL; empty for all together. */
  readonly source: string;
  readonly id?: string | undefined;
  readonly name?: string | undefined;
  readonly state?: string | undefined;
  readonly started_at?: string | undefined;
  readonly duration_seconds?: number | undefined;
  readonly setup_ms?: number | null | undefined;
  readonly first_packet_ms?: number | null | undefined;
  readonly jitter_ms?: number | null | undefined;
  readonly r_factor?: number | null | undefined;
  readonly mos?: number | null | undefined;
  readonly sent?: number | undefined;
  readonly received?: number | undefined;
  readonly lost?: number | undefined;
  readonly late?: number | null | undefined;
  readonly in_flight?: number | undefined;
  readonly duplicates?: number | undefined;
  readonly reordered?: number | undefined;
}

const COLUMNS = [
  'scope',
  'source',
  'id',
  'name',
  'state',
  'started_at',
  'duration_seconds',
  'setup_ms',
  'first_packet_ms',
  'total_latencies',
  'p50_latency',
  'p95_latency',
  'p99_latency',
  'max_latency',
  'avg_latency',
  'late_ratio',
  'packet_loss_ratio',
  'sent',
  'received',
  'lost',
  'late',
  'in_flight',
  'duplicates',
  'reordered',
  'jitter_ms',
  'r_factor',
  'mos',
] as const satisfies readonly (keyof CsvRow)[];

export function callCsvRow(source: string, call: CallRow): CsvRow {
  const { counters, ...rest } = call;
  return {
    ...rest,
    scope: 'call',
    source,
    sent: counters?.sent,
    received: counters?.returned,
    lost: counters?.lost,
    late: counters?.late,
    in_flight: counters?.in_flight,
    duplicates: counters?.duplicates,
    reordered: counters?.reordered,
  };
}

export function renderCsv(rows: readonly CsvRow[]): string {
  const records = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => field(row[column])))];
  return records.map((record) => `${record.join(',')}\r\n`).join('');
}

function field(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  const shown = escapeControl(value);
  const text = isFormula(shown) ? `'${shown}` : shown;
  return [',', '"'].some((special) => text.includes(special)) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A spreadsheet would run it. A plus with digits behind it is a telephone number. */
function isFormula(text: string): boolean {
  const first = text.slice(0, 1);
  if (first === '=' || first === '@') return true;
  return (first === '+' || first === '-') && !isDigits(text.slice(1));
}

function isDigits(text: string): boolean {
  for (const c of text) if (c < '0' || c > '9') return false;
  return true;
}
