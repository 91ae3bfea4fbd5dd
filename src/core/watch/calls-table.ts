/** The table of the calls: as many columns as the terminal is wide, as many rows as it is high, and how many more there are. */
import { formatCount, formatMs, formatRatio, formatSeconds } from '../report/render/table.ts';
import { piece } from './line.ts';
import type { Line, Tone } from './line.ts';
import { callView, ORDER_TEXTS, ordered } from './order.ts';
import type { CallView, Order } from './order.ts';
import { MOST_LISTED_CALLS } from './snapshot.ts';
import type { Snapshot } from './snapshot.ts';
import { padded, safeText, widthOfText } from './text.ts';

interface Column {
  readonly head: string;
  readonly align: 'left' | 'right';
  /** 0 goes last when the terminal is narrow. */
  readonly rank: number;
  /** Gives way to this width before a column is left out. */
  readonly least?: number;
  /** Empty: nothing is told. A column of which nothing is told in any row is left out. */
  readonly of: (call: CallView) => string;
}

const COLUMNS: readonly Column[] = [
  { head: 'call', align: 'left', rank: 0, least: 20, of: ({ name, id }) => safeText(name === '' ? id : name) },
  { head: 'called', align: 'left', rank: 7, least: 6, of: ({ called }) => safeText(called ?? '') },
  { head: 'gets', align: 'left', rank: 8, of: ({ action }) => safeText(action ?? '') },
  { head: 'state', align: 'left', rank: 3, of: ({ state }) => safeText(state) },
  { head: 'time', align: 'right', rank: 6, of: ({ seconds }) => formatSeconds(seconds) },
  { head: 'packets', align: 'right', rank: 10, of: ({ packets }) => formatCount(packets) },
  { head: 'jitter', align: 'right', rank: 11, of: ({ jitter }) => formatMs(jitter) },
  { head: 'p50', align: 'right', rank: 5, of: ({ p50 }) => formatMs(p50) },
  { head: 'p95', align: 'right', rank: 9, of: ({ p95 }) => formatMs(p95) },
  { head: 'p99', align: 'right', rank: 1, of: ({ p99 }) => formatMs(p99) },
  { head: 'max', align: 'right', rank: 12, of: ({ max }) => formatMs(max) },
  { head: 'lost', align: 'right', rank: 2, of: ({ lost }) => formatRatio(lost) },
  { head: 'late', align: 'right', rank: 4, of: ({ late }) => formatRatio(late) },
];

const GAP = '  ';

/** @param rows for all of it; nothing below 3: a title, the heads, and a call. */
export function callsTable(snapshot: Snapshot, order: Order, columns: number, rows: number): readonly Line[] {
  if (rows < 3) return [];
  const calls = ordered(snapshot.calls.map(callView), order);
  if (calls.length === 0) return [[piece('calls', 'title'), piece('  none yet', 'dim')]];
  const shown = calls.slice(0, rows - 2);
  const hidden = hiddenText(calls.slice(shown.length), unlistedCalls(snapshot, calls));
  const picked = fitColumns(shown, columns);
  return [
    [piece('calls', 'title'), piece(`  ${hidden}${ORDER_TEXTS[order]}; ms`, 'dim')],
    [piece(picked.map(({ column, width }) => padded(column.head, width, column.align)).join(GAP), 'dim')],
    ...shown.map((call) => rowOf(call, picked)),
  ];
}

/** Live calls that the service does not list: what is worst among them is not known. */
function unlistedCalls({ metrics }: Snapshot, calls: readonly CallView[]): number {
  if (calls.length < MOST_LISTED_CALLS) return 0;
  const live = metrics.calls?.active ?? metrics.active_channels;
  return Math.max(0, live - calls.filter(({ isLive }) => isLive).length);
}

/** What the table does not show, said before anything that a narrow terminal may cut. */
function hiddenText(hidden: readonly CallView[], unlisted: number): string {
  const live = hidden.filter(({ isLive }) => isLive).length;
  const ended = hidden.length - live;
  const parts = [
    ...(live > 0 ? [`${formatCount(live)} more`] : []),
    ...(unlisted > 0 ? [`${formatCount(unlisted)} not in /events`] : []),
    ...(ended > 0 ? [`${formatCount(ended)} ended`] : []),
  ];
  return parts.length === 0 ? '' : `and ${parts.join(', ')}; `;
}

interface Fitted {
  readonly column: Column;
  readonly width: number;
}

/** Takes away the columns that matter least until the others fit; the first ones may be narrower than what they hold. */
function fitColumns(calls: readonly CallView[], columns: number): readonly Fitted[] {
  let fits = COLUMNS.map((column) => {
    const widest = Math.max(0, ...calls.map((call) => widthOfText(column.of(call))));
    return { column, isTold: widest > 0, width: Math.max(column.head.length, widest) };
  }).filter(({ isTold }) => isTold);
  const leastWidth = (): number =>
    fits.reduce((sum, { column: { least }, width }) => sum + Math.min(width, least ?? width) + GAP.length, -GAP.length);
  while (fits.length > 1 && leastWidth() > columns) {
    const last = Math.max(...fits.map(({ column }) => column.rank));
    fits = fits.filter(({ column }) => column.rank !== last);
  }
  let spare = Math.max(0, columns - leastWidth());
  return fits.map(({ column, width }) => {
    const least = Math.min(width, column.least ?? width);
    const extra = Math.min(spare, width - least);
    spare -= extra;
    return { column, width: least + extra };
  });
}

function rowOf(call: CallView, picked: readonly Fitted[]): Line {
  return picked.map(({ column, width }, i) => {
    const text = (i === 0 ? '' : GAP) + padded(column.of(call), width, column.align);
    return piece(text, toneOf(call, column));
  });
}

function toneOf({ isLive, lost }: CallView, { head }: Column): Tone {
  if (!isLive) return 'dim';
  return head === 'lost' && (lost ?? 0) > 0 ? 'doubt' : 'plain';
}
