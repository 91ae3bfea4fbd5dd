/** Each direction by itself, in words for tables. */
import { escapeControl } from '../../values/terminal.ts';
import type { OneWayDelay, OneWayMembers } from '../run.ts';
import { formatCount, formatMs } from './table.ts';
import type { Table } from './table.ts';

const BY: Readonly<Record<NonNullable<OneWayMembers['received_by']>, string>> = {
  kernel: 'arrival there by the kernel’s clock',
  user: 'arrival there as the program read it',
  both: 'arrival there by the kernel’s clock, of some packets as the program read them',
};

/** Names and values. */
export function oneWayRows(oneWay: OneWayMembers): readonly (readonly [name: string, value: string])[] {
  const { there_ms: there, back_ms: back, error_ms: error, turnaround_ms: turnaround } = oneWay;
  return [
    ['there p50 / p99', delayText(there, error)],
    ['back p50 / p99', delayText(back, error)],
    ['at the far end p50 / p99', turnaround === null ? '–' : `${formatMs(turnaround.p50)} / ${formatMs(turnaround.p99)} ms`],
  ];
}

/** One sentence: what the numbers rest on, or why there are none. */
export function oneWayNote(oneWay: OneWayMembers): string {
  const { reason, packets, same_clock: sameClock, received_by: receivedBy } = oneWay;
  if (reason !== null) return `One-way delays: none, since ${escapeControl(reason)}.`;
  const clocks = sameClock === true ? 'one clock at both ends' : 'both clocks synchronised';
  return `One-way delays of ${formatCount(packets)} packets: ${clocks}${receivedBy === null ? '' : `, ${BY[receivedBy]}`}.`;
}

export function oneWayTable(oneWay: OneWayMembers): Table {
  return {
    title: 'One way',
    columns: [
      { name: 'direction', align: 'left' },
      { name: 'delay', align: 'right' },
    ],
    rows: oneWayRows(oneWay).map((row) => row.map((text) => ({ text, tone: 'plain' }))),
    note: oneWayNote(oneWay),
  };
}

function delayText(delay: OneWayDelay | null, errorMs: number | null): string {
  if (delay === null || errorMs === null) return '–';
  return `${formatMs(delay.p50)} / ${formatMs(delay.p99)} ± ${formatMs(errorMs)} ms`;
}
