/** What was judged, bound by bound, in words: for tables, plain lines and JUnit alike. */
import type { Comparison } from '../baseline/compare.ts';
import type { Finding, GateCheck, GateResult } from '../gate/check.ts';
import type { FieldKind } from '../gate/fields.ts';
import { worst } from '../merge.ts';
import type { Verdict } from '../run.ts';
import type { ReportCheck, ReportVerdict } from '../verdict.ts';
import { escapeControl } from '../../values/terminal.ts';
import { comparedRows, STATUS_OF_BASELINE } from './compared.ts';
import { formatCount, formatMs, formatRatio, verdictTone } from './table.ts';
import type { Cell, Column, Table } from './table.ts';

export interface Judged {
  /** null when it was not asked for. */
  readonly sla: ReportVerdict | null;
  readonly gate: GateResult | null;
  readonly baseline: Comparison | null;
}

export interface JudgedRow {
  readonly group: 'service level' | 'bounds' | 'baseline';
  readonly name: string;
  /** What had to hold: `at most 8.000 ms`, or the bound itself. */
  readonly expected: string;
  readonly value: string;
  readonly status: Verdict;
  /** By how much it is missed, what it lacks, or whose value it is; empty when there is nothing to add. */
  readonly detail: string;
  /** Each run or call that violates it, the worst first, with its value; of a bound on all together there are none. */
  readonly violations: readonly string[];
}

export function isJudged({ sla, gate, baseline }: Judged): boolean {
  return sla !== null || gate !== null || baseline !== null;
}

export function verdictOf({ sla, gate, baseline }: Judged): Verdict {
  return worst([
    ...(sla === null ? [] : [sla.verdict]),
    ...(gate === null ? [] : [gate.verdict]),
    ...(baseline === null ? [] : [STATUS_OF_BASELINE[baseline.verdict]]),
  ]);
}

export function judgedRows({ sla, gate, baseline }: Judged): readonly JudgedRow[] {
  return [...(sla?.checks ?? []).map(slaRow), ...(gate?.checks ?? []).map(gateRow), ...(baseline === null ? [] : comparedRows(baseline))];
}

/** Plain lines for the eye of whoever pipes the document away: what does not hold, and the verdict. */
export function judgedLines(judged: Judged): string {
  const open = judgedRows(judged).filter(({ status }) => status !== 'pass');
  return [
    ...open.map(({ group, name, expected, value, status, detail }) =>
      escapeControl(`${name}: ${status}: ${value}${group === 'bounds' ? '' : `, ${expected}`}${detail === '' ? '' : `, ${detail}`}`),
    ),
    `verdict: ${verdictOf(judged)}`,
    '',
  ].join('\n');
}

/** Bounds of a user's own, one row each. */
export function boundTable(gate: GateResult): Table {
  const column = (name: string): Column => ({ name, align: name === 'value' ? 'right' : 'left' });
  const plain = (text: string): Cell => ({ text: escapeControl(text), tone: 'plain' });
  return {
    title: 'Bounds',
    columns: ['bound', 'value', 'status', 'detail'].map(column),
    rows: gate.checks
      .map(gateRow)
      .map(({ name, value, status, detail }) => [plain(name), plain(value), { text: status, tone: verdictTone(status) }, plain(detail)]),
    note: '',
  };
}

function slaRow({ name, bound, value, status, samples, needed }: ReportCheck): JudgedRow {
  const kind: FieldKind = name.endsWith('_ratio') ? 'ratio' : 'time';
  const distance = value !== null && value > bound ? Math.round((value - bound) * 1e12) / 1e12 : null;
  return {
    group: 'service level',
    name,
    expected: `bound ${formatAs(kind, bound)}`,
    value: formatAs(kind, value),
    status,
    detail: detailOf(kind, bound, { status, value, samples, distance, ...(needed !== undefined && { needed }) }),
    violations: [],
  };
}

function gateRow(check: GateCheck): JudgedRow {
  const { bound, subject, subjects, value, status, violations } = check;
  const { kind } = bound.field;
  const own = subjects === 0 ? `there is no ${bound.scope}` : detailOf(kind, bound.limit, check);
  const whose = bound.scope === 'all' || subjects === 0 || (bound.scope === 'run' && subjects === 1) ? '' : `${bound.scope} ${subject}`;
  const count =
    violations.length > 0 && subjects > 1 ? `${formatCount(violations.length)} of ${formatCount(subjects)} ${bound.scope}s` : '';
  return {
    group: 'bounds',
    name: bound.text,
    expected: bound.text,
    value: formatAs(kind, value),
    status,
    detail: [own, whose, count].filter((part) => part !== '').join(', '),
    violations: bound.scope === 'all' ? [] : violations.map((one) => `${one.subject}: ${formatAs(kind, one.value)}`),
  };
}

/** Beyond it a percentage tells nobody anything. */
const MOST_PERCENT = 1_000;

function detailOf(kind: FieldKind, limit: number, finding: Omit<Finding, 'subject'>): string {
  const { status, value, samples, needed, distance } = finding;
  if (status === 'insufficient' && needed !== undefined) return `${formatCount(samples)} of ${formatCount(needed)} samples`;
  if (status === 'insufficient') return value === null ? 'not measured' : '';
  if (distance === null || value === null) return '';
  if (distance === 0) return 'on the bound';
  const percent = (distance / limit) * 100;
  const relative = percent < MOST_PERCENT ? ` (${percent.toFixed(1)} %)` : '';
  return `${formatAs(kind, distance)} too ${value > limit ? 'high' : 'low'}${relative}`;
}

/** A value in the unit of its kind, as the other tables show it; `–` when it was not measured. */
export function formatAs(kind: FieldKind, value: number | null): string {
  switch (kind) {
    case 'time':
    case 'peak':
    case 'duration':
      return value === null ? formatMs(value) : `${formatMs(value)} ms`;
    case 'ratio':
      return formatRatio(value);
    case 'events':
    case 'amount':
      return formatCount(value);
    case 'score':
      return value === null ? formatMs(value) : value.toFixed(2);
  }
}
