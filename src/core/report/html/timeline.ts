/** A run second by second: its latencies, and below them what was lost and what was late; several runs with a line each. */
import { line } from 'd3-shape';
import { formatCount, formatMs, formatRatio } from '../render/table.ts';
import type { Table } from '../render/table.ts';
import type { SeriesRow } from '../run.ts';
import type { Figure } from './figure.ts';
import { intervalsOf } from './intervals.ts';
import type { Interval, Intervals } from './intervals.ts';
import { html, NOTHING } from './markup.ts';
import type { Html } from './markup.ts';
import { MAX_LINES } from './percentiles.ts';
import { linePath, pictures, px, xAxis, yAxis } from './plot.ts';
import type { Plane } from './plot.ts';
import { clock, latencyScale, timeScale } from './scales.ts';
import type { Scale } from './scales.ts';
import { columnsOf, plainRow } from './tables.ts';

export interface NamedSeries {
  readonly name: string;
  readonly rows: readonly SeriesRow[];
}

type Measure = 'p50' | 'p95' | 'p99' | 'max';
const MEASURES: readonly Measure[] = ['p50', 'p95', 'p99', 'max'];

const SINCE = 'since the start';

/** Height of the strips of losses and late packets, px. */
const STRIP_HEIGHT = 34;
/** What happened is seen, however little of it there was, px. */
const LEAST_BAR = 4;

/** null for a run without a row of its seconds. */
export function timelineFigure(rows: readonly SeriesRow[]): Figure | null {
  const made = intervalsOf(rows);
  return made.intervals.length === 0
    ? null
    : overTime(made, { from: made.from, to: made.to, axis: `${SINCE} of the run`, when: SINCE }, made);
}

/** Rows of the table of a service's last seconds. */
const RECENT_ROWS = 31;
/** Seconds that a picture of the last ones shows, at the least. */
const RECENT_SPANS = [60, 120, 300] as const;

/**
 * The last seconds of a service that goes on, a point each.
 *
 * @param rows whose `t` counts from now: below 0.
 * @returns null when in none of them a packet was sent.
 */
export function recentFigure(rows: readonly SeriesRow[]): Figure | null {
  const first = rows.find(({ sent }) => sent > 0)?.t;
  if (first === undefined) return null;
  const from = -(RECENT_SPANS.find((span) => -first <= span) ?? -first);
  const shown = rows.filter(({ t }) => t >= from);
  const view = { from, to: 0, axis: 'before now', when: 'before now' };
  return overTime(intervalsOf(shown, -from + 1), view, intervalsOf(shown, RECENT_ROWS));
}

/** What of the time is shown. */
interface TimeView {
  readonly from: number;
  readonly to: number;
  /** Since when, or before when: below the axis, and above the first column of the table. */
  readonly axis: string;
  readonly when: string;
}

/** @param numbers for the table. */
function overTime(made: Intervals, view: TimeView, numbers: Intervals): Figure {
  const { intervals, seconds } = made;
  const title = 'Latency over time';
  const each = seconds === 1 ? 'Each point is a second' : `Each point is the worst second of ${clock(seconds)} (minutes:seconds)`;
  const lateKnown = intervals.every(({ late }) => late !== null);
  return {
    title,
    about: html`${each}; a packet belongs to the second in which it was due. A line stops where nothing came back.`,
    pictures: pictures({
      id: 'timeline',
      title,
      description: describe(made),
      extraHeight: 2 * STRIP_HEIGHT,
      draw: (plane) => {
        const above = { ...plane, bottom: plane.bottom - 2 * STRIP_HEIGHT };
        const x = timeScale(view.from, view.to, [plane.left, plane.right], plane.size.ticks);
        const strip = (at: number): Plane => ({
          ...plane,
          top: above.bottom + at * STRIP_HEIGHT,
          bottom: above.bottom + (at + 1) * STRIP_HEIGHT,
        });
        return html`${xAxis(plane, x.ticks, view.axis)}${latencies(
          above,
          x,
          MEASURES.map((measure) => intervals.map((one) => [one, one[measure]] as const)),
        )}${bars(strip(0), x, intervals, 'lost')}${bars(strip(1), x, intervals, 'late')}`;
      },
    }),
    lines: MEASURES.map((measure) => (measure === 'max' ? 'maximum' : measure)),
    note: lateKnown ? '' : 'Lateness was not measured, or not all of the time.',
    tables: [intervalTable(title, numbers, view.when)],
  };
}

/** The 99th percentiles of several runs, each from its own start. */
export function overlayFigure(runs: readonly NamedSeries[]): Figure | null {
  const present = runs.filter(({ rows }) => rows.length > 0);
  const drawn = present.slice(0, MAX_LINES).map(({ name, rows }) => ({ name, made: intervalsOf(rows) }));
  if (drawn.length === 0) return null;
  const title = 'p99 over time, by run';
  const from = Math.min(...drawn.map(({ made }) => made.from));
  const to = Math.max(...drawn.map(({ made }) => made.to));
  return {
    title,
    about: html`The 99th percentile of each second, or of the worst second where a point stands for several; each run from its own start.${
      present.length > drawn.length ? ` Of ${formatCount(present.length)} runs, the first ${MAX_LINES} are drawn.` : ''
    }`,
    pictures: pictures({
      id: 'overlay',
      title,
      description: drawn.map(({ name, made }) => `${name}: ${describe(made)}`).join(' '),
      draw: (plane) => {
        const x = timeScale(from, to, [plane.left, plane.right], plane.size.ticks);
        return html`${xAxis(plane, x.ticks, 'since the start of each run')}${latencies(
          plane,
          x,
          drawn.map(({ made }) => made.intervals.map((one) => [one, one.p99] as const)),
        )}`;
      },
    }),
    lines: drawn.map(({ name }) => name),
    note: '',
    tables: drawn.map(({ name, made }) => intervalTable(name, made, SINCE)),
  };
}

type Point = readonly [interval: Interval, ms: number | null];

function latencies(plane: Plane, x: Scale, lines: readonly (readonly Point[])[]): Html {
  const values = lines.flatMap((points) => points.flatMap(([, ms]) => (ms === null ? [] : [ms])));
  const low = least(values.filter((ms) => ms > 0));
  const y = latencyScale(low, greatest(values), [plane.bottom, plane.top + 16], plane.size.yTicks);
  const path = line<Point>(
    ([{ from, to }]) => px(x.place((from + to) / 2)),
    ([, ms]) => px(y.place(ms ?? 0)),
  ).defined(([, ms]) => ms !== null);
  return html`${yAxis(plane, y.ticks, y.logarithmic ? 'latency, ms, logarithmic' : 'latency, ms')}${lines.map((points, i) => [
    linePath(path(withGaps(points)), i),
    alone(points).map(
      ([{ from, to }, ms]) => html`<circle class="dot" r="2" cx="${px(x.place((from + to) / 2))}" cy="${px(y.place(ms ?? 0))}"/>`,
    ),
  ])}`;
}

/** An interval that is missing in the run file ends a line, as one without a packet does. */
function withGaps(points: readonly Point[]): readonly Point[] {
  return points.flatMap((point, i): readonly Point[] => {
    const before = points[i - 1];
    return before !== undefined && before[0].to < point[0].from ? [[before[0], null], point] : [point];
  });
}

/** Points without a neighbour: a line through one of them is not seen. */
function alone(points: readonly Point[]): readonly Point[] {
  const isMeasured = (at: number, edge: number): boolean => {
    const [interval, ms] = points[at] ?? [undefined, null];
    return interval !== undefined && ms !== null && (interval.from === edge || interval.to === edge);
  };
  return points.filter(([{ from, to }, ms], i) => ms !== null && !isMeasured(i - 1, from) && !isMeasured(i + 1, to));
}

/** A bar for each interval in which packets were lost or late, as high as their part in those of it. */
function bars(plane: Plane, x: Scale, intervals: readonly Interval[], measure: 'lost' | 'late'): Html {
  const most = greatest(intervals.map((one) => part(one, measure)));
  const height = plane.bottom - plane.top - 16;
  return html`<g class="${measure}" fill="${measure === 'lost' ? '#a00020' : '#7a5c00'}"><line stroke="currentColor" x1="${plane.left}" x2="${plane.right}" y1="${plane.bottom}" y2="${plane.bottom}"/>${intervals.map(
    (one) => {
      const count = one[measure];
      if (count === null || count === 0) return NOTHING;
      const [from, to] = [x.place(one.from), x.place(one.to)];
      const tall = most === 0 ? LEAST_BAR : Math.max(LEAST_BAR, (part(one, measure) / most) * height);
      return html`<rect x="${px(from)}" width="${Math.max(1, px(to - from))}" y="${px(plane.bottom - tall)}" height="${px(tall)}"><title>${clock(one.from)}: ${formatCount(count)} ${measure}</title></rect>`;
    },
  )}</g><text class="halo" x="${plane.left + 6}" y="${plane.top + 12}">${stripName(measure, intervals, most)}</text>
`;
}

function stripName(measure: 'lost' | 'late', intervals: readonly Interval[], most: number): string {
  const counts = intervals.flatMap((one) => one[measure] ?? []);
  if (counts.length === 0) return `${measure}: not measured`;
  const where = counts.length < intervals.length ? ' where it was measured' : '';
  return `${measure}: ${greatest(counts) === 0 ? 'none' : `at most ${formatRatio(most)}`}${where}`;
}

/** Lost of those whose fate is known, late of those that came back; 0 where there are none. */
function part({ received, lost, late }: Interval, measure: 'lost' | 'late'): number {
  const [count, whole] = measure === 'lost' ? [lost, received + lost] : [late ?? 0, received];
  return whole === 0 ? 0 : count / whole;
}

function describe({ intervals, from, to }: Intervals): string {
  const lost = intervals.reduce((total, one) => total + one.lost, 0);
  const peaks = intervals.flatMap(({ from, max }) => (max === null ? [] : [{ from, max }]));
  const [first] = peaks;
  const worst = peaks.reduce((a, b) => (a !== undefined && a.max >= b.max ? a : b), first);
  const peak = worst === undefined ? 'no latency was measured' : `the highest latency, ${formatMs(worst.max)} ms, at ${clock(worst.from)}`;
  return `From ${clock(from)} to ${clock(to)}: ${peak}; ${formatCount(lost)} packets lost.`;
}

function intervalTable(title: string, { intervals, seconds }: Intervals, when: string): Table {
  return {
    title,
    columns: columnsOf([when], ['sent', 'returned', 'lost', 'late', 'p50, ms', 'p95, ms', 'p99, ms', 'max, ms']),
    rows: intervals.map((one) =>
      plainRow([
        clock(one.from),
        formatCount(one.sent),
        formatCount(one.received),
        formatCount(one.lost),
        formatCount(one.late),
        formatMs(one.p50),
        formatMs(one.p95),
        formatMs(one.p99),
        formatMs(one.max),
      ]),
    ),
    note: seconds === 1 ? '' : `Rows of ${clock(seconds)} (minutes:seconds): counts of all of it, percentiles of its worst second.`,
  };
}

/** 0 of none. A spread call takes no array of any length. */
function greatest(values: readonly number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

function least(values: readonly number[]): number {
  return values.reduce((a, b) => (a === 0 ? b : Math.min(a, b)), 0);
}
