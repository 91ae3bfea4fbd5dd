/** Where the round trip goes, as a table: a row for each call, and one for all. */
import type { BudgetMembers, BudgetPart, BudgetSplit, CallBudget } from '../budget.ts';
import { formatCount, formatMs } from './table.ts';
import type { Cell, Table } from './table.ts';
import { escapeControl } from '../../values/terminal.ts';

const LEFT = ['call', 'joined by'] as const;
const RIGHT = ['whole', 'network', 'behind', 'service', 'echo', 'unexplained', 'between'] as const;
const LEGEND =
  'network: caller to far end and back, by RTCP; behind: far end to service and back; service: within it; echo: from there to the echo and back.';

/** @param rows of calls at most. */
export function budgetTable({ calls, total, service, trouble }: BudgetMembers, rows: number): Table {
  const shown = calls.slice(0, rows);
  return {
    title: 'Where the round trip goes, means in ms',
    columns: [...LEFT.map((name) => ({ name, align: 'left' as const })), ...RIGHT.map((name) => ({ name, align: 'right' as const }))],
    rows: [
      ...shown.map((call) => rowOf(call.id, joinText(call), call)),
      ...(total === null || total.calls < 2 ? [] : [rowOf(`all ${formatCount(total.calls)}`, '', total)]),
    ],
    note: notesOf(calls, shown.length, `The service: ${service}${trouble === null ? '' : `: ${escapeControl(trouble)}`}.`).join(' '),
  };
}

function rowOf(id: string, joined: string, { whole, parts, unexplained }: BudgetSplit): readonly Cell[] {
  const { caller_network: caller, service_network: behind, service, echo } = parts;
  const texts = [whole, caller, behind, service, echo, unexplained].map((part: BudgetPart) => formatMs(part.ms));
  const between = unexplained.ms === null ? '–' : `${formatMs(unexplained.low_ms)} … ${formatMs(unexplained.high_ms)}`;
  return [id, joined, ...texts, between].map((text): Cell => ({
    text: escapeControl(text),
    tone: text === NOT_JOINED ? 'doubt' : 'plain',
  }));
}

const NOT_JOINED = 'not';

function joinText({ joined_by: by }: CallBudget): string {
  return by === null ? NOT_JOINED : by === 'call-id' ? 'Call-ID' : by;
}

function notesOf(calls: readonly CallBudget[], shown: number, service: string): readonly string[] {
  const problems = [...new Set(calls.flatMap(({ join_problem: problem }) => problem ?? []))];
  const delays = [...new Set(calls.flatMap(({ codec_delay_ms: delay }) => delay ?? []))];
  return [
    LEGEND,
    '– was not measured, and is in unexplained.',
    ...problems.map((problem) => `A call cannot be joined: ${escapeControl(problem)}.`),
    ...delays.map(
      (delay) => `Of what is unexplained, codecs hold back ${formatMs(delay)} ms where Asterisk converts to the codec of the service.`,
    ),
    ...(shown < calls.length ? [`${formatCount(calls.length - shown)} more calls are in the run document.`] : []),
    service,
  ];
}
