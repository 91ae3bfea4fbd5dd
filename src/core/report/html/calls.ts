/** Calls or streams side by side: a column each, from its median to its maximum, and a mark where it lost packets. */
import { formatCount, formatMs, formatRatio } from '../render/table.ts';
import type { Table } from '../render/table.ts';
import type { CallRow } from '../run.ts';
import type { Figure } from './figure.ts';
import { html, NOTHING } from './markup.ts';
import { pictures, px, xAxis, yAxis } from './plot.ts';
import type { Tick } from './plot.ts';
import { latencyScale } from './scales.ts';
import { columnsOf, plainRow } from './tables.ts';

/** Columns of the picture: those with the highest maximum, in the order of the run. */
const MAX_CALLS = 400;
/** Room below the plane for the marks of loss, px. */
const LOSS_ROOM = 22;

interface MeasuredCall {
  readonly call: CallRow;
  readonly p50: number;
  readonly max: number;
}

/** How calls are shown. */
export interface CallView {
  /** The end of `call, …`. */
  readonly order: string;
  readonly most: number;
  /** Whether a table with the numbers belongs to the picture. */
  readonly numbers: boolean;
}

const OF_A_RUN: CallView = { order: 'in the order of the run', most: MAX_CALLS, numbers: true };

/** null with fewer than two measured calls: there is nothing to compare. */
export function callFigure(all: readonly CallRow[], { order, most, numbers }: CallView = OF_A_RUN): Figure | null {
  const measured = all.flatMap((call): readonly MeasuredCall[] => {
    const { p50_latency: p50, max_latency: max } = call;
    // Some writers know percentiles without the maximum.
    const top = max ?? call.p99_latency ?? call.p95_latency ?? p50;
    return p50 === undefined || p50 === null || top === undefined || top === null ? [] : [{ call, p50, max: top }];
  });
  if (measured.length < 2) return null;
  const worst = new Set(measured.toSorted((a, b) => b.max - a.max).slice(0, most));
  const calls = measured.filter((one) => worst.has(one));
  const title = 'Latency by call';
  const high = calls.reduce((most, { max }) => Math.max(most, max), 0);
  const low = calls.reduce((least, { p50 }) => (p50 > 0 ? Math.min(least, p50) : least), high);
  return {
    title,
    about: html`A column is a call or a stream, from its median to its maximum; the dot is its p99. A triangle below it: it lost packets.${
      measured.length > calls.length ? ` Of ${formatCount(measured.length)} calls, the ${formatCount(most)} with the highest maximum.` : ''
    }${all.length > measured.length ? ` ${formatCount(all.length - measured.length)} more were not measured.` : ''}`,
    pictures: pictures({
      id: 'calls',
      title,
      description: describe(calls),
      draw: (whole) => {
        const plane = { ...whole, bottom: whole.bottom - LOSS_ROOM };
        const y = latencyScale(low, high, [plane.bottom, plane.top + 16], plane.size.yTicks);
        const each = (plane.right - plane.left) / calls.length;
        const x = (i: number): number => plane.left + (i + 0.5) * each;
        return html`${xAxis(whole, countTicks(calls.length, x, plane.size.ticks), `call, ${order}`)}${yAxis(plane, y.ticks, y.logarithmic ? 'latency, ms, logarithmic' : 'latency, ms')}${calls.map(
          (
            { call, p50, max },
            i,
          ) => html`<g><title>${named(call)}: p50 ${formatMs(p50)} ms, p99 ${formatMs(call.p99_latency)} ms, max ${formatMs(call.max_latency)} ms, ${lossOf(call)}</title><line class="c0" stroke="#0060a0" stroke-width="${px(Math.max(1, Math.min(8, each * 0.6)))}" x1="${px(x(i))}" x2="${px(x(i))}" y1="${px(y.place(p50) + 1)}" y2="${px(y.place(max) - 1)}"/>${
            call.p99_latency === undefined || call.p99_latency === null
              ? NOTHING
              : html`<circle class="dot" r="${px(Math.max(1.2, Math.min(3.5, each * 0.4)))}" cx="${px(x(i))}" cy="${px(y.place(call.p99_latency))}"/>`
          }${(call.counters?.lost ?? 0) > 0 ? html`<path class="lost" fill="#a00020" d="M${px(x(i))} ${whole.bottom - 14}l4 8h-8Z"/>` : NOTHING}</g>
`,
        )}`;
      },
    }),
    lines: [],
    note: '',
    tables: numbers ? [callNumbers(title, calls)] : [],
  };
}

function countTicks(count: number, x: (i: number) => number, ticks: number): readonly Tick[] {
  const step = Math.max(1, Math.ceil(count / ticks));
  return Array.from({ length: Math.ceil(count / step) }, (_, i) => ({ at: x(i * step), label: String(i * step + 1) }));
}

function named({ id, name }: CallRow): string {
  return name === undefined || name === '' ? clipped(id) : `${clipped(name)} (${clipped(id)})`;
}

/** A peer chooses these texts, of any length, and each stands on the page several times. */
const MAX_NAME = 120;

function clipped(text: string): string {
  return text.length > MAX_NAME ? `${text.slice(0, MAX_NAME)}…` : text;
}

function lossOf({ counters }: CallRow): string {
  const lost = counters?.lost;
  return lost === undefined ? 'loss not measured' : `${formatCount(lost)} lost`;
}

function describe(calls: readonly MeasuredCall[]): string {
  const worst = calls.reduce((a, b) => (b.max > a.max ? b : a));
  const losing = calls.filter(({ call }) => (call.counters?.lost ?? 0) > 0).length;
  return `${formatCount(calls.length)} calls. The worst is ${named(worst.call)}, up to ${formatMs(worst.max)} ms. ${formatCount(losing)} of them lost packets.`;
}

function callNumbers(title: string, calls: readonly MeasuredCall[]): Table {
  return {
    title,
    columns: columnsOf(
      ['call', 'name'],
      ['no.', 'samples', 'sent', 'lost', 'loss', 'p50, ms', 'p95, ms', 'p99, ms', 'max, ms', 'jitter, ms'],
    ),
    rows: calls.map(({ call }, i) =>
      plainRow([
        clipped(call.id),
        clipped(call.name ?? ''),
        formatCount(i + 1),
        formatCount(call.total_latencies),
        formatCount(call.counters?.sent),
        formatCount(call.counters?.lost),
        formatRatio(call.packet_loss_ratio),
        formatMs(call.p50_latency),
        formatMs(call.p95_latency),
        formatMs(call.p99_latency),
        formatMs(call.max_latency),
        formatMs(call.jitter_ms),
      ]),
    ),
    note: '',
  };
}
