/** Percentiles, loss and lateness: the number of now, and how it came to it. */
import { formatCount, formatMs, formatRatio } from '../report/render/table.ts';
import type { Sample } from './history.ts';
import { piece } from './line.ts';
import type { Line } from './line.ts';
import { sparkline, topOf } from './sparkline.ts';
import type { Snapshot } from './snapshot.ts';
import { freshOf } from './state.ts';
import type { Watched } from './state.ts';
import { NAME_WIDTH, NOT_KNOWN } from './status.ts';
import { padded } from './text.ts';

const VALUE_WIDTH = 9;
const TOP_WIDTH = 13;
/** Narrower terminals have more bars, and do not say what the highest is. */
const COLUMNS_FOR_TOP = 60;

interface Row {
  readonly name: string;
  readonly now: (snapshot: Snapshot) => string;
  readonly past: (sample: Sample) => number | null;
  readonly format: (value: number | null) => string;
}

const LATENCY_ROWS: readonly Row[] = (['p50', 'p95', 'p99'] as const).map((name) => ({
  name,
  now: ({ metrics }) => formatMs(metrics[`${name}_latency`]),
  past: (sample) => sample[name],
  format: formatMs,
}));

const PACKET_ROWS: readonly Row[] = [
  { name: 'lost', now: ({ metrics }) => formatRatio(metrics.packet_loss_ratio), past: ({ loss }) => loss, format: formatRatio },
  { name: 'late', now: ({ metrics }) => formatRatio(metrics.late_ratio), past: ({ late }) => late, format: formatRatio },
];

/** Seconds since the last snapshot are blanks at the right, as soon as it is too old to be shown. */
export function pictureLines(watched: Watched, nowMs: number, columns: number, unicode: boolean): readonly Line[] {
  const now = freshOf(watched, nowMs);
  const missing = now === null ? Math.min(Math.floor((nowMs - watched.latest.atMs) / 1000), columns) : 0;
  const past = [...watched.history, ...Array.from({ length: missing }, () => null)];
  const topWidth = columns < COLUMNS_FOR_TOP ? 0 : TOP_WIDTH;
  const width = Math.max(0, columns - NAME_WIDTH - VALUE_WIDTH - 2 - topWidth);
  const line = (row: Row): Line => {
    const values = past.map((sample) => (sample === null ? null : row.past(sample)));
    const top = topOf(values, width);
    return [
      piece(row.name.padEnd(NAME_WIDTH), 'dim'),
      piece(padded(now === null ? NOT_KNOWN : row.now(now), VALUE_WIDTH, 'right')),
      piece(`  ${sparkline(values, top ?? 0, width, unicode)}`, now === null ? 'dim' : 'plain'),
      piece(padded(top === null ? '' : ` to ${row.format(top)}`, topWidth, 'left'), 'dim'),
    ];
  };
  const samples = now === null ? '' : `, ${formatCount(now.metrics.total_latencies)} samples`;
  const max = now === null ? NOT_KNOWN : formatMs(now.metrics.max_latency);
  return [
    [piece('latency', 'title'), piece(`  ms${samples} since start`, 'dim')],
    ...LATENCY_ROWS.map(line),
    [piece('max'.padEnd(NAME_WIDTH), 'dim'), piece(padded(max, VALUE_WIDTH, 'right'))],
    [piece('packets', 'title'), piece('  since start; bars: each second', 'dim')],
    ...PACKET_ROWS.map(line),
  ];
}

/** The same numbers where there is no room for pictures. */
export function numberLines(now: Snapshot | null): readonly Line[] {
  const latencies = ([...LATENCY_ROWS.map(({ name }) => name), 'max'] as ('p50' | 'p95' | 'p99' | 'max')[]).map(
    (name) => `${name} ${now === null ? NOT_KNOWN : formatMs(now.metrics[`${name}_latency`])}`,
  );
  const packets = PACKET_ROWS.map((row) => `${row.name} ${now === null ? NOT_KNOWN : row.now(now)}`);
  return [
    [piece('ms'.padEnd(NAME_WIDTH), 'dim'), piece(latencies.join('  '))],
    [piece(' '.repeat(NAME_WIDTH)), piece(packets.join('  '))],
  ];
}
