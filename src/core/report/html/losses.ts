/** When packets were lost: stretches of loss, and the time between them, as blocks on a line of time. */
import { formatCount, formatRatio } from '../render/table.ts';
import type { Table } from '../render/table.ts';
import type { SeriesRow } from '../run.ts';
import type { Figure } from './figure.ts';
import { intervalsOf, stretchesOf } from './intervals.ts';
import type { Stretch } from './intervals.ts';
import { html } from './markup.ts';
import { pictures, px, xAxis } from './plot.ts';
import { clock, timeScale } from './scales.ts';
import { columnsOf, plainRow } from './tables.ts';

/** Rows of the table and blocks of the picture; those that lost most. */
const MAX_STRETCHES = 500;
/** The picture is no higher than its blocks, compared with other pictures. */
const LESS_HEIGHT = -160;

/** null for a run without a row of its seconds, or without a loss in one. */
export function lossFigure(rows: readonly SeriesRow[]): Figure | null {
  const { from, to } = intervalsOf(rows);
  const all = stretchesOf(rows).map((one, i, all): Spaced => {
    const gap = one.from - (all[i - 1]?.to ?? from);
    return { from: one.from, to: one.to, sent: one.sent, lost: one.lost, gap };
  });
  if (all.length === 0) return null;
  const stretches = all
    .toSorted((a, b) => b.lost - a.lost)
    .slice(0, MAX_STRETCHES)
    .toSorted((a, b) => a.from - b.from);
  const title = 'Bursts and gaps of loss';
  const longest = all.reduce((a, b) => (b.to - b.from > a.to - a.from ? b : a));
  return {
    title,
    about: html`A block is a stretch of seconds in each of which packets were lost; between blocks nothing was lost for a second at the least. A run file has a row a second: bursts within one are not told apart.${
      all.length > stretches.length
        ? ` Of ${formatCount(all.length)} stretches, the ${formatCount(MAX_STRETCHES)} that lost most are drawn.`
        : ''
    }`,
    pictures: pictures({
      id: 'losses',
      title,
      description: `${formatCount(all.length)} ${all.length === 1 ? 'stretch' : 'stretches'} of loss; the longest, of ${clock(longest.to - longest.from)}, begins at ${clock(longest.from)}.`,
      extraHeight: LESS_HEIGHT,
      draw: (plane) => {
        const x = timeScale(from, to, [plane.left, plane.right], plane.size.ticks);
        return html`${xAxis(plane, x.ticks, 'since the start of the run')}<g class="lost" fill="#a00020">${stretches.map((one) => {
          const [start, end] = [x.place(one.from), x.place(one.to)];
          return html`<rect x="${px(start)}" width="${Math.max(2, px(end - start))}" y="${plane.top}" height="${plane.bottom - plane.top}"><title>${clock(one.from)} to ${clock(one.to)}: ${formatCount(one.lost)} lost</title></rect>`;
        })}</g>`;
      },
    }),
    lines: [],
    note: '',
    tables: [stretchTable(title, stretches)],
  };
}

interface Spaced extends Stretch {
  /** Seconds without loss before it, since the one before or the first second of the run. */
  readonly gap: number;
}

function stretchTable(title: string, stretches: readonly Spaced[]): Table {
  return {
    title,
    columns: columnsOf(['since the start'], ['after a gap of', 'length', 'lost', 'sent in it', 'lost of those']),
    rows: stretches.map(({ from, to, lost, sent, gap }) =>
      plainRow([
        clock(from),
        clock(gap),
        clock(to - from),
        formatCount(lost),
        formatCount(sent),
        formatRatio(sent === 0 ? null : lost / sent),
      ]),
    ),
    note: 'Times are minutes:seconds. A gap is the time without a loss before the stretch.',
  };
}
