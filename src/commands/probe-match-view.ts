/** How the packets of calls were matched, how sure that is, and how the delay went: for calls that are not matched by header. */
import { formatCount, formatMs, formatRatio } from '../core/report/render/table.ts';
import type { Cell, Table } from '../core/report/render/table.ts';
import type { CallRow, RunDocument } from '../core/report/run.ts';
import { decimal } from './probe-view.ts';

/** Moves of a delay that are shown: all are in the run document. */
const MOST_MOVES = 3;

const COLUMNS = [
  { name: 'call', align: 'left' as const },
  { name: 'matched by', align: 'left' as const },
  ...(['share', 'score', '± ms', 'not back', 'clock'] as const).map((name) => ({ name, align: 'right' as const })),
  { name: 'delay moved', align: 'left' as const },
];

/** @param rows that are shown of the run. @returns undefined where the headers tell all. */
export function matchTable({ calls }: RunDocument, rows: number): Table | undefined {
  const changed = calls.filter(({ match }) => match === 'payload' || match === 'audio');
  if (changed.length === 0) return undefined;
  return {
    title: 'how packets were matched',
    columns: COLUMNS,
    rows: changed.slice(0, rows).map((call) => textsOf(call).map((text): Cell => ({ text, tone: 'plain' }))),
    note: 'share: of the packets that came, those that were matched. not back: audio that was sent and did not come, or was not found.',
  };
}

function textsOf(row: CallRow): readonly string[] {
  return [
    row.id.slice('call-'.length),
    row.match ?? '–',
    formatRatio(row.match_share),
    decimal(row.match_score ?? null, 2),
    formatMs(row.match_error_ms),
    row.match === 'payload' ? `${formatMs(row.lost_audio_ms)} ms` : packetsOf(row.not_found ?? null),
    clockOf(row),
    movesOf(row),
  ];
}

function packetsOf(count: number | null): string {
  return `${formatCount(count)} packet${count === 1 ? '' : 's'}`;
}

function clockOf({ clock_skew_ppm: skew, clock_skew_error_ppm: error }: CallRow): string {
  return typeof skew === 'number' && typeof error === 'number' ? `${skew.toFixed(1)} ± ${error.toFixed(1)} ppm` : '–';
}

function movesOf({ match, delay_moves: moves = [] }: CallRow): string {
  if (match !== 'audio') return '–';
  if (moves.length === 0) return 'no';
  const shown = moves.slice(0, MOST_MOVES).map(({ at_seconds: at, by_ms: by }) => `${by < 0 ? '' : '+'}${by.toFixed(1)} ms at ${at} s`);
  if (moves.length > MOST_MOVES) shown.push(`${moves.length - MOST_MOVES} more`);
  return shown.join(', ');
}
