/** The whole screen, for the room that there is. */
import { callsTable } from './calls-table.ts';
import { cut, piece, wrapped } from './line.ts';
import type { Line, Room } from './line.ts';
import { numberLines, pictureLines } from './pictures.ts';
import { freshOf } from './state.ts';
import type { WatchState } from './state.ts';
import { headLines, statusLines } from './status.ts';

/** Below this height the numbers stand without pictures. */
const ROWS_FOR_PICTURES = 18;
const MOST_HELP_LINES = 3;
const KEYS = 'q leave  s order  p pause  ? help';

const HELP: readonly string[] = [
  'q, Ctrl-C  leave',
  's          order of the calls: worst p99, most lost, most late, newest',
  'p          pause: the screen stands still, numbers are still taken in',
  '?          this help; any key leaves it',
  '',
  'Percentiles, maximum, lost and late: since the service started, as GET /metrics has them.',
  'Bars: a second each, the newest at the right, from 0 to the highest shown at their end.',
  'Bars of lost and late: of the packets of that second alone. A blank: not measured.',
  'SLA: by the service-level table, never a pass on too few samples.',
  'Calls: as /events lists them, the first 100.',
  'A dash: not measured, or not known while there is no connection.',
];

export interface ScreenOptions {
  /** Of the service, without credentials. */
  readonly url: string;
  /** Whether keys are read. */
  readonly keys: boolean;
  /** Whether what was is to be shown, where there is room. */
  readonly pictures: boolean;
}

/** As many lines as there are rows at the most, each as wide as there are columns at the most. */
export function screenLines(state: WatchState, options: ScreenOptions, nowMs: number, room: Room): readonly Line[] {
  const { columns, rows } = room;
  const head = headLines(options.url, state, nowMs, columns);
  const left = Math.max(0, rows - head.length - (options.keys ? 1 : 0));
  const body = state.help ? helpLines(columns) : bodyLines(state, options.pictures, nowMs, { ...room, rows: left });
  const shown = [...head, ...body.slice(0, left)];
  if (options.keys && rows > 1) {
    while (shown.length < rows - 1) shown.push([]);
    shown.push([piece(KEYS, 'dim')]);
  }
  return shown.slice(0, rows).map((line) => cut(line, room));
}

function helpLines(columns: number): readonly Line[] {
  return HELP.flatMap((text) => wrapped(text, columns, MOST_HELP_LINES).map((line): Line => [piece(line)]));
}

/** @param room below the head, above the keys. */
function bodyLines(state: WatchState, pictures: boolean, nowMs: number, room: Room): readonly Line[] {
  const { columns, rows, unicode } = room;
  const { order, paused } = state;
  const watched = paused === null ? state : paused.watched;
  const atMs = paused === null ? nowMs : paused.atMs;
  const now = freshOf(watched, atMs);
  const isRoomy = pictures && rows >= ROWS_FOR_PICTURES;
  const past = isRoomy ? [[], ...pictureLines(watched, atMs, columns, unicode), []] : numberLines(now);
  const above: readonly Line[] = [...statusLines(now, columns), ...past];
  if (now === null) return [...above, [piece('calls', 'title'), piece('  not known without a connection', 'dim')]];
  return [...above, ...callsTable(now, order, columns, rows - above.length)];
}
