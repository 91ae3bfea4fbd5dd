/**
 * The seconds of a run, gathered into so few intervals that a picture has room for them. Percentiles of seconds cannot be merged, so an
 * interval shows those of its worst second; counts are added, the maximum is exact. Pure.
 */
import type { SeriesRow } from '../run.ts';
import { timeStep } from './scales.ts';

/** `late` is null when it was not measured in each of its seconds; percentiles are of its worst second. */
export interface Interval extends Omit<SeriesRow, 't'> {
  /** Seconds since the start of the run. */
  readonly from: number;
  readonly to: number;
}

export interface Intervals {
  /** Seconds of an interval. */
  readonly seconds: number;
  /** By time; those without a row in the run file are missing. */
  readonly intervals: readonly Interval[];
  readonly from: number;
  readonly to: number;
}

/** Intervals of a picture. */
export const MAX_INTERVALS = 240;

/** @param rows in any order. Of no rows there are no intervals. */
export function intervalsOf(rows: readonly SeriesRow[], most: number = MAX_INTERVALS): Intervals {
  let first = Infinity;
  let last = -Infinity;
  for (const row of rows) {
    first = Math.min(first, startOf(row));
    last = Math.max(last, startOf(row));
  }
  if (rows.length === 0) return { seconds: 1, intervals: [], from: 0, to: 0 };
  // One more than fits when neither end is on the edge of an interval.
  const seconds = timeStep(last + 1 - first, most - 1);
  const found = new Map<number, Interval>();
  for (const row of rows) {
    const index = Math.floor(startOf(row) / seconds);
    const before = found.get(index);
    found.set(index, before === undefined ? intervalOf(row, index * seconds, seconds) : together(before, row));
  }
  const intervals = [...found.values()].toSorted((a, b) => a.from - b.from);
  return { seconds, intervals, from: Math.floor(first / seconds) * seconds, to: (Math.floor(last / seconds) + 1) * seconds };
}

/** No run is longer, in seconds: what a file claims beyond is drawn at the end. */
const MOST_SECONDS = 1e12;

function startOf({ t }: SeriesRow): number {
  return Math.min(t, MOST_SECONDS);
}

function intervalOf({ sent, received, lost, late, p50, p95, p99, max }: SeriesRow, from: number, seconds: number): Interval {
  return { from, to: from + seconds, sent, received, lost, late, p50, p95, p99, max };
}

function together(all: Interval, row: SeriesRow): Interval {
  return {
    ...all,
    sent: all.sent + row.sent,
    received: all.received + row.received,
    lost: all.lost + row.lost,
    late: all.late === null || row.late === null ? null : all.late + row.late,
    p50: larger(all.p50, row.p50),
    p95: larger(all.p95, row.p95),
    p99: larger(all.p99, row.p99),
    max: larger(all.max, row.max),
  };
}

function larger(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.max(a, b);
}

/** Seconds in a row, in each of which packets were lost. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly sent: number;
  readonly lost: number;
}

/**
 * The stretches of loss, by time. A second without loss ends one: a stream sends more packets in it than the 16 in a row that end a burst by
 * RFC 3611 §4.7.2 (at 20 ms, 50), so a stretch holds one burst or several, and no burst reaches beyond a stretch.
 */
export function stretchesOf(rows: readonly SeriesRow[]): readonly Stretch[] {
  const stretches: Stretch[] = [];
  for (const row of rows.toSorted((a, b) => a.t - b.t)) {
    const { sent, lost } = row;
    if (lost === 0) continue;
    const t = startOf(row);
    const last = stretches.at(-1);
    if (last !== undefined && last.to >= t)
      stretches[stretches.length - 1] = { ...last, to: t + 1, sent: last.sent + sent, lost: last.lost + lost };
    else stretches.push({ from: t, to: t + 1, sent, lost });
  }
  return stretches;
}
