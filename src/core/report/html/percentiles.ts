/**
 * Latency by percentile, as HdrHistogram's plotter draws it: each nine takes the same room, so that the worst packet in a million is as
 * far from the worst in a thousand as that one from the median's neighbourhood.
 */
import { line } from 'd3-shape';
import type { LatencyHistogram } from '../../stats/histogram.ts';
import { samplesNeeded } from '../../stats/service-level.ts';
import { formatCount, formatMs } from '../render/table.ts';
import type { Table } from '../render/table.ts';
import type { ReportVerdict } from '../verdict.ts';
import type { Figure } from './figure.ts';
import { html } from './markup.ts';
import type { Html } from './markup.ts';
import { linePath, pictures, px, xAxis, yAxis } from './plot.ts';
import type { Plane, Tick } from './plot.ts';
import { latencyScale } from './scales.ts';
import { columnsOf, plainRow } from './tables.ts';

export interface Curve {
  readonly name: string;
  readonly histogram: LatencyHistogram;
}

/** A bound on a percentile that was judged. */
export interface Mark {
  /** 0 … 1; 1 is the maximum. */
  readonly quantile: number;
  readonly boundMs: number;
}

/** Lines beyond these are not told apart. */
export const MAX_LINES = 12;
/** Points of a curve: more than a wide picture has pixels to tell apart. */
const POINTS = 400;
/** The percentiles of the table, as far as the samples reach. */
const QUANTILES = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 0.999999, 0.9999999] as const;

const QUANTILE_OF: ReadonlyMap<string, number> = new Map([
  ['p50_latency', 0.5],
  ['p95_latency', 0.95],
  ['p99_latency', 0.99],
  ['max_latency', 1],
]);

/** The service level's bounds on percentiles. Bounds of a user's own may be on anything, and stand in a table. */
export function marksOf(sla: ReportVerdict | null): readonly Mark[] {
  return (sla?.checks ?? []).flatMap(({ name, bound }) => {
    const quantile = QUANTILE_OF.get(name);
    return quantile === undefined ? [] : [{ quantile, boundMs: bound }];
  });
}

/** null when no curve has samples. */
export function percentileFigure(given: readonly Curve[], marks: readonly Mark[]): Figure | null {
  const measured = given.filter(({ histogram }) => histogram.count > 0);
  const curves = measured.slice(0, MAX_LINES);
  if (curves.length === 0) return null;
  const most = Math.max(...curves.map(({ histogram }) => histogram.count));
  const highMs = Math.max(...curves.map(({ histogram }) => msOf(histogram, 1)));
  const title = 'Latency by percentile';
  const lastNine = nines(endOf(most));
  const lines = curves.map(({ histogram }) => ({ count: histogram.count, points: pointsOf(histogram, lastNine) }));
  return {
    title,
    about: html`How long the slowest packets took: right of 99.9 % is one packet in a thousand. ${
      curves.length > 1 ? 'One line a run.' : ''
    } Where too few packets stand behind a percentile to believe it, the line is thin.${marks.length > 0 ? ' A bar with a cross is a bound of the service level.' : ''}${
      measured.length > curves.length ? ` Of ${formatCount(measured.length)} lines, the first ${MAX_LINES} are drawn.` : ''
    }`,
    pictures: pictures({
      id: 'percentiles',
      title,
      description: curves
        .map(
          ({ name, histogram }) =>
            `${name}: half of ${formatCount(histogram.count)} packets within ${formatMs(msOf(histogram, 0.5))} ms, 99 % within ${formatMs(msOf(histogram, 0.99))} ms, all within ${formatMs(msOf(histogram, 1))} ms.`,
        )
        .join(' '),
      draw: (plane) => draw(plane, lines, marks, { most, lastNine, highMs }),
    }),
    lines: curves.length > 1 ? curves.map(({ name }) => name) : [],
    note: '',
    tables: [percentileTable(title, curves, most)],
  };
}

type Point = readonly [quantile: number, ms: number];

interface Line {
  readonly count: number;
  readonly points: readonly Point[];
}

interface Extent {
  readonly most: number;
  readonly lastNine: number;
  readonly highMs: number;
}

function draw(plane: Plane, lines: readonly Line[], marks: readonly Mark[], { most, lastNine, highMs }: Extent): Html {
  const { left, right, top, bottom, size } = plane;
  const x = (quantile: number): number => left + (Math.min(nines(quantile), lastNine) / lastNine) * (right - left);
  const high = Math.max(highMs, ...marks.map(({ boundMs }) => boundMs));
  const y = latencyScale(0, high, [bottom, top + 16], size.yTicks);
  const path = line<Point>(
    ([quantile]) => px(x(quantile)),
    ([, ms]) => px(y.place(ms)),
  );
  return html`${xAxis(plane, percentTicks(x, lastNine, plane), 'percentile of packets')}${yAxis(plane, y.ticks, 'latency, ms')}${lines.map(
    ({ count, points }, i) => {
      const trusted = points.filter(([quantile]) => isTrusted(quantile, count));
      const thin = points.slice(Math.max(0, trusted.length - 1));
      return html`${linePath(path(trusted), i)}<g class="thin" stroke-opacity="0.55">${linePath(path(thin), i)}</g>`;
    },
  )}${marks
    .filter(({ quantile }) => quantile === 1 || nines(quantile) <= lastNine)
    .map(({ quantile, boundMs }) => {
      const [cx, cy] = [px(x(quantile === 1 ? endOf(most) : quantile)), px(y.place(boundMs))];
      return html`<path class="bound" stroke="#a00020" stroke-width="1.5" fill="none" d="M${cx - 9} ${cy}h18M${cx - 4} ${cy - 4}l8 8M${cx - 4} ${cy + 4}l8 -8"><title>bound of ${quantileName(quantile)}: ${formatMs(boundMs)} ms</title></path>`;
    })}`;
}

/** 0 for the least, 1 for 90 %, 2 for 99 %, and so on. */
function nines(quantile: number): number {
  return -Math.log10(1 - quantile);
}

/** Where the maximum stands: in the middle of the last sample. */
function endOf(count: number): number {
  return 1 - 0.5 / Math.max(count, 1);
}

function isTrusted(quantile: number, count: number): boolean {
  return count >= samplesNeeded(quantile);
}

/** Up to the curve's own maximum, evenly spaced along the axis. */
function pointsOf(histogram: LatencyHistogram, lastNine: number): readonly Point[] {
  const own = nines(endOf(histogram.count));
  const quantiles: number[] = [];
  for (let i = 0; i <= POINTS; i++) {
    const at = (i / POINTS) * lastNine;
    if (at > own) break;
    quantiles.push(1 - 10 ** -at);
  }
  const valuesNs = histogram.quantilesNs(quantiles);
  return [...quantiles.map((quantile, i): Point => [quantile, (valuesNs[i] ?? 0) / 1e6]), [endOf(histogram.count), msOf(histogram, 1)]];
}

function percentTicks(x: (quantile: number) => number, lastNine: number, { right, size }: Plane): readonly Tick[] {
  const apart = size.name === 'wide' ? 34 : 44;
  const ticks: Tick[] = [];
  for (const quantile of QUANTILES) {
    if (nines(quantile) > lastNine) break;
    const at = x(quantile);
    const last = ticks.at(-1);
    const label = `${percent(quantile)}${last === undefined ? ' %' : ''}`;
    // One at the edge stands on its left.
    const width = label.length * (at > right - label.length * 3.5 ? 10.5 : 7);
    if (last === undefined || at - last.at >= Math.max(apart, width)) ticks.push({ at, label });
  }
  return ticks;
}

/** `99.9` of 0.999, without the noise of binary fractions. */
function percent(quantile: number): string {
  return String(Number((quantile * 100).toFixed(7)));
}

function quantileName(quantile: number): string {
  return quantile === 1 ? 'the maximum' : `p${percent(quantile)}`;
}

/** ms; only of a histogram that has samples. */
function msOf(histogram: LatencyHistogram, quantile: number): number {
  return (histogram.quantileNs(quantile) ?? 0) / 1e6;
}

/** A percentile that has no sample of its own is left out: it would be the maximum under another name. */
function percentileTable(title: string, curves: readonly Curve[], most: number): Table {
  const quantiles = [...QUANTILES.filter((quantile) => quantile <= 1 - 1 / most), 1];
  return {
    title: `${title}, ms`,
    columns: columnsOf(
      ['percentile'],
      curves.map(({ name }) => name),
    ),
    rows: [
      ...quantiles.map((quantile) =>
        plainRow([
          quantile === 1 ? 'maximum' : `${percent(quantile)} %`,
          ...curves.map(({ histogram }) => {
            const known = quantile === 1 || quantile <= 1 - 1 / histogram.count;
            if (!known) return formatMs(null);
            const value = formatMs(msOf(histogram, quantile));
            // The least and the largest were seen, however few there are.
            return quantile === 0 || quantile === 1 || isTrusted(quantile, histogram.count) ? value : `${value} (few samples)`;
          }),
        ]),
      ),
      plainRow(['samples', ...curves.map(({ histogram }) => formatCount(histogram.count))]),
    ],
    note: 'A percentile q takes 100 / (1 − q) samples to be believed; with fewer it says so.',
  };
}
