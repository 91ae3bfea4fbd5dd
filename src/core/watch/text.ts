/** Texts of a service on their way to the cells of a terminal. */
import { escapeControl } from '../values/terminal.ts';

/** Code points that a terminal gives two cells (the wide and fullwidth ranges of Unicode's UAX #11); pictographs come beside them. */
const WIDE: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];

/** Of one code point each, so that there is nothing to backtrack into. */
const PICTOGRAPH = /^\p{Emoji_Presentation}$/u;
/** Marks upon other characters, directions, joiners, fillers, lone surrogates, what Unicode has not assigned: who knows where it is shown. */
const UNSEEN = /^[\p{Mark}\p{Other}\p{Line_Separator}\p{Paragraph_Separator}\p{Default_Ignorable_Code_Point}]$/u;

/** No line is as long; who sends more is not to keep us busy. */
const MOST_CHARS = 1_000;

/** Text that can neither move the cursor nor the characters around it, and of which every character takes a cell, or two. */
export function safeText(text: string): string {
  let out = '';
  const beginning = text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text;
  // Composed: a letter with its accent is a character, and none that is escaped.
  for (const character of escapeControl(beginning.normalize('NFC'))) {
    const isSafe = character <= '\u007f' || !UNSEEN.test(character);
    out += isSafe ? character : `\\u${(character.codePointAt(0) ?? 0).toString(16)}`;
  }
  return out;
}

/** Cells that a {@link safeText} takes. */
export function widthOfText(text: string): number {
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** The text where it fits into `width` cells, else its beginning with `…` behind it. */
export function fitted(text: string, width: number): string {
  if (widthOfText(text) <= width) return text;
  let out = '';
  let room = width - 1;
  for (const character of text) {
    room -= cellsOf(character);
    if (room < 0) break;
    out += character;
  }
  return width < 1 ? '' : `${out}…`;
}

/** Exactly `width` cells. */
export function padded(text: string, width: number, align: 'left' | 'right'): string {
  const shown = fitted(text, width);
  const blanks = ' '.repeat(Math.max(0, width - widthOfText(shown)));
  return align === 'left' ? shown + blanks : blanks + shown;
}

/** For a terminal that shows nothing else; each character stays one of as many cells. */
export function asciiText(text: string): string {
  let out = '';
  for (const character of text) {
    if (character <= '\u007f') out += character;
    else out += ASCII_FOR.get(character) ?? '?'.repeat(cellsOf(character));
  }
  return out;
}

const ASCII_FOR: ReadonlyMap<string, string> = new Map([
  ['–', '-'],
  ['…', '~'],
  ['·', '|'],
]);

function cellsOf(character: string): number {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x1100) return 1;
  return WIDE.some(([first, last]) => code >= first && code <= last) || PICTOGRAPH.test(character) ? 2 : 1;
}
