/**
 * The plane of a chart: SVG of a fixed size, its axes, and the styles of its lines. Each chart is drawn twice, for a wide page and for a
 * narrow one, because text in a picture that shrinks cannot be read; a style sheet shows one of them. No attribute `style`, which the
 * page's policy forbids.
 */
import { html } from './markup.ts';
import type { Html, Part } from './markup.ts';

export interface Size {
  readonly name: 'wide' | 'narrow';
  readonly width: number;
  readonly height: number;
  /** About how many marks each axis has room for. */
  readonly ticks: number;
  readonly yTicks: number;
}

/** What is around the plane: numbers on the left, and below. */
export interface Plane {
  readonly size: Size;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const SIZES: readonly Size[] = [
  { name: 'wide', width: 880, height: 320, ticks: 8, yTicks: 6 },
  { name: 'narrow', width: 350, height: 260, ticks: 4, yTicks: 5 },
];

export interface Picture {
  /** Unique on the page: letters, digits and hyphens. */
  readonly id: string;
  readonly title: string;
  /** What the picture shows, in a sentence or two, for those who do not see it. */
  readonly description: string;
  /** Added to the height of both sizes. */
  readonly extraHeight?: number;
  readonly draw: (plane: Plane) => Part;
}

export function pictures({ id, title, description, extraHeight = 0, draw }: Picture): Html {
  return html`${SIZES.map((size) => {
    const grown = { ...size, height: size.height + extraHeight };
    const plane = { size: grown, left: 58, right: grown.width - 14, top: 14, bottom: grown.height - 40 };
    const key = `${id}-${size.name}`;
    return html`<svg class="${size.name}" role="img" aria-labelledby="${key}-t ${key}-d" viewBox="0 0 ${grown.width} ${grown.height}" font-family="system-ui, sans-serif" font-size="12" fill="currentColor"><title id="${key}-t">${title}</title><desc id="${key}-d">${description}</desc>
${draw(plane)}</svg>
`;
  })}`;
}

/** One mark of an axis. */
export interface Tick {
  /** In the picture. */
  readonly at: number;
  readonly label: string;
}

export function xAxis({ left, right, top, bottom }: Plane, ticks: readonly Tick[], title: string): Html {
  return html`<g>${ticks.map(
    ({ at, label }) =>
      html`<line class="grid" stroke="#8884" x1="${px(at)}" x2="${px(at)}" y1="${top}" y2="${bottom}"/><text x="${px(at)}" y="${bottom + 15}" text-anchor="${at > right - label.length * 3.5 ? 'end' : 'middle'}">${label}</text>`,
  )}<line stroke="currentColor" x1="${left}" x2="${right}" y1="${bottom}" y2="${bottom}"/><text x="${px((left + right) / 2)}" y="${bottom + 33}" text-anchor="middle">${title}</text></g>
`;
}

/** @param title stands above the axis, inside of the plane. */
export function yAxis({ left, right, top }: Plane, ticks: readonly Tick[], title: string): Html {
  return html`<g>${ticks.map(
    ({ at, label }) =>
      html`<line class="grid" stroke="#8884" x1="${left}" x2="${right}" y1="${px(at)}" y2="${px(at)}"/><text x="${left - 6}" y="${px(at + 4)}" text-anchor="end">${label}</text>`,
  )}<text class="halo" x="${left + 6}" y="${top + 2}">${title}</text></g>
`;
}

/** A path of d3-shape, which gives null for one of no points. */
export function linePath(path: string | null, style: number): Html {
  const { colour, dash } = lineStyle(style);
  return html`<path class="c${style % COLOURS.length}" fill="none" stroke="${colour}" stroke-width="2" stroke-dasharray="${dash}" d="${path ?? ''}"/>
`;
}

/** Of Okabe and Ito, which the colour-blind tell apart; a style sheet has lighter ones for dark pages. */
const COLOURS: readonly string[] = ['#0060a0', '#b84600', '#00795a', '#a0457c', '#7a5c00', '#444444'];
/** Colour is never alone: neighbours differ in their dashes too. */
const DASHES: readonly string[] = ['none', '7 3', '2 2', '10 3 2 3', '4 2'];

function lineStyle(style: number): { readonly colour: string; readonly dash: string } {
  return { colour: COLOURS[style % COLOURS.length] ?? '#000000', dash: DASHES[style % DASHES.length] ?? 'none' };
}

/** The names of the lines, in text and thus of any length, with a piece of each. */
export function legend(names: readonly string[]): Html {
  return html`<ul class="legend">${names.map(
    (name, i) => html`<li><svg width="34" height="10" viewBox="0 0 34 10" aria-hidden="true">${linePath('M0 5H34', i)}</svg> ${name}</li>`,
  )}</ul>
`;
}

/** A coordinate, to a tenth: finer is not seen, and makes the file longer. */
export function px(at: number): number {
  return Math.round(at * 10) / 10;
}
