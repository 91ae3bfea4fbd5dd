/** A chart with what belongs to it. A report has it in one piece; a page that shows it moving puts new pieces into one that stays. */
import type { Table } from '../render/table.ts';
import { html, NOTHING } from './markup.ts';
import type { Html } from './markup.ts';
import { legend } from './plot.ts';
import { numbersOf } from './tables.ts';

export interface Figure {
  readonly title: string;
  /** What is to be seen, and how it is to be read; phrasing content. */
  readonly about: Html;
  readonly pictures: Html;
  /** Names of the lines; empty where one line needs none. */
  readonly lines: readonly string[];
  /** What the picture lacks; empty when there is nothing to add. */
  readonly note: string;
  /** The same in numbers. */
  readonly tables: readonly Table[];
}

/** NOTHING of none. */
export function figureHtml(figure: Figure | null): Html {
  if (figure === null) return NOTHING;
  const { title, about, tables } = figure;
  return html`<figure><figcaption><h2>${title}</h2><p>${about}</p></figcaption>
${seenOf(figure)}${tables.map(numbersOf)}</figure>
`;
}

/** What is seen of a figure: its pictures, with what explains their lines. */
export function seenOf({ pictures, lines, note }: Figure): Html {
  return html`${pictures}${lines.length > 0 ? legend(lines) : NOTHING}${note === '' ? NOTHING : html`<p class="note">${note}</p>`}`;
}
