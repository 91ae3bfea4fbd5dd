/** Tables of a report as HTML: the caption is the title, the first cell of a row heads it where it is text, and wide ones scroll by themselves. */
import type { Cell, Column, Table } from '../render/table.ts';
import { html, NOTHING } from './markup.ts';
import type { Html } from './markup.ts';

/** NOTHING for a table without rows. */
export function tableHtml(table: Table): Html {
  const { title, rows, note } = table;
  if (rows.length === 0) return NOTHING;
  // Only what can be focused can be scrolled by keyboard.
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${title}">${bareTable(table)}</div>${
    note === '' ? NOTHING : html`<p class="note">${note}</p>`
  }
`;
}

/** Without what it scrolls in, and without the note below. */
export function bareTable({ title, columns, rows }: Table): Html {
  return html`<table><caption>${title}</caption><thead><tr>${columns.map(heading)}</tr></thead><tbody>
${rows.map((cells) => html`<tr>${cells.map((cell, i) => cellHtml(cell, columns[i], i))}</tr>\n`)}</tbody></table>`;
}

function heading({ name, align }: Column): Html {
  return html`<th scope="col" class="${align}">${name}</th>`;
}

function cellHtml({ text, tone }: Cell, column: Column | undefined, i: number): Html {
  const align = column?.align ?? 'left';
  const shown = tone === 'plain' || text === '' ? html`${text}` : html`<strong class="${tone}">${text}</strong>`;
  return i === 0 && align === 'left' ? html`<th scope="row">${shown}</th>` : html`<td class="${align}">${shown}</td>`;
}

/** What a chart shows, in numbers, folded away. */
export function numbersOf(table: Table): Html {
  return html`<details><summary>${table.title}, in numbers</summary>
${tableHtml(table)}</details>`;
}

/** Columns from their names: text is on the left, numbers on the right. */
export function columnsOf(left: readonly string[], right: readonly string[]): readonly Column[] {
  return [...left.map((name): Column => ({ name, align: 'left' })), ...right.map((name): Column => ({ name, align: 'right' }))];
}

export function plainRow(texts: readonly string[]): readonly Cell[] {
  return texts.map((text) => ({ text, tone: 'plain' }));
}
