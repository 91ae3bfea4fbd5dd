/** A report as Markdown (GitHub's, with its tables): headings, tables, and the verdict first. */
import { escapeControl } from '../../values/terminal.ts';
import type { Cell, Table } from './table.ts';

export interface MarkdownParts {
  readonly title: string;
  /** null when nothing was judged. */
  readonly verdict: string | null;
  /** What was judged, and then what was measured. */
  readonly tables: readonly Table[];
  /** Why the numbers should not be believed as they stand. */
  readonly doubts: readonly string[];
}

export function renderMarkdown({ title, verdict, tables, doubts }: MarkdownParts): string {
  const sections = [
    `### ${escapeMarkdown(title)}`,
    ...(verdict === null ? [] : [`**Verdict: ${escapeMarkdown(verdict)}**`]),
    ...(doubts.length === 0 ? [] : [doubts.map((doubt) => `- ${escapeMarkdown(doubt)}`).join('\n')]),
    ...tables.filter(({ rows }) => rows.length > 0).map(section),
  ];
  return `${sections.join('\n\n')}\n`;
}

function section({ title, columns, rows, note }: Table): string {
  const lines = [
    row(columns.map(({ name }) => escapeMarkdown(name))),
    row(columns.map(({ align }) => (align === 'right' ? '---:' : ':---'))),
    ...rows.map((cells) => row(cells.map(shown))),
  ];
  return [`#### ${escapeMarkdown(title)}`, '', ...lines, ...(note === '' ? [] : ['', escapeMarkdown(note)])].join('\n');
}

/** What does not hold is set in bold: there are no colours. */
function shown({ text, tone }: Cell): string {
  const escaped = escapeMarkdown(text);
  return tone === 'bad' && escaped !== '' ? `**${escaped}**` : escaped;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Text on one line that means nothing but itself: no markup, no table, no HTML, no link, no mention. */
export function escapeMarkdown(text: string): string {
  let out = '';
  for (const c of text) {
    if (ENTITIES.has(c)) out += ENTITIES.get(c);
    else if (MARKUP.has(c)) out += `\\${c}`;
    else out += escapeControl(c) === c ? c : ' ';
  }
  return out;
}

/** What a backslash does not keep GitHub from reading: HTML, addresses, names of people. */
const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['&', '&amp;'],
  ['@', '&#64;'],
]);
const MARKUP: ReadonlySet<string> = new Set('\\`*_{}[]|~#$!');
