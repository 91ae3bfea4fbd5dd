/**
 * Draws a real terminal session as an SVG: runs a command line in a pseudo-terminal (`script` of util-linux), follows what it
 * prints as a terminal would, and writes what is on the screen at the end.
 *
 *   node scripts/terminal-picture.ts docs/images/demo.svg 'rtplat demo'
 *   node scripts/terminal-picture.ts docs/images/ari-serve.svg 'rtplat ari-serve' --from typescript
 *
 * With `--from`, the session is not run but read from a file that `script` has written.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

/** How a character looks. */
export interface Style {
  readonly bold: boolean;
  readonly dim: boolean;
  /** One of {@link COLOURS}, by its SGR number; 39 is the terminal's own. */
  readonly colour: number;
}

export interface Character {
  readonly text: string;
  readonly style: Style;
}

/** The lines of a screen; a line is as long as its last character. */
export type Screen = readonly (readonly Character[])[];

const PLAIN: Style = { bold: false, dim: false, colour: 39 };
const ESCAPE = '\u001B';
const BELL = '\u0007';

/** What is on a terminal that is never scrolled, once it has shown `output`. */
export function screenOf(output: string): Screen {
  const lines: Character[][] = [[]];
  let row = 0;
  let column = 0;
  let style = PLAIN;
  const line = (): Character[] => {
    while (lines.length <= row) lines.push([]);
    return lines[row] as Character[];
  };
  const control = (final: string, parameters: string): void => {
    const [first = 0] = parameters.split(';').map(Number);
    if (final === 'm') style = restyled(style, parameters.split(';').map(Number));
    else if (final === 'G') column = Math.max(first, 1) - 1;
    else if (final === 'A') row = Math.max(0, row - Math.max(first, 1));
    else if (final === 'B') row += Math.max(first, 1);
    else if (final === 'C') column += Math.max(first, 1);
    else if (final === 'D') column = Math.max(0, column - Math.max(first, 1));
    else if (final === 'K' && first === 2) line().length = 0;
    else if (final === 'K' && first === 0) line().length = Math.min(line().length, column);
    else if (final === 'J' && first === 0) {
      line().length = Math.min(line().length, column);
      lines.length = row + 1;
    }
  };
  const characters = Array.from(output);
  for (let at = 0; at < characters.length; at++) {
    const text = characters[at] as string;
    if (text === '\n') row += 1;
    else if (text === '\r') column = 0;
    else if (text === ESCAPE && characters[at + 1] === '[') {
      let end = at + 2;
      while (end < characters.length && !isFinal(characters[end] as string)) end += 1;
      control(characters[end] ?? '', characters.slice(at + 2, end).join(''));
      at = end;
    } else if (text === ESCAPE && characters[at + 1] === ']') {
      while (at < characters.length && characters[at] !== BELL) at += 1;
    } else if (text >= ' ') {
      const target = line();
      while (target.length < column) target.push({ text: ' ', style: PLAIN });
      target[column] = { text, style };
      column += 1;
    }
  }
  const used = lines.map(withoutTrailingBlanks);
  while (used.length > 0 && used.at(-1)?.length === 0) used.pop();
  return used;
}

/** The last byte of a control sequence (ECMA-48 §5.4). */
function isFinal(character: string): boolean {
  return character >= '@' && character <= '~';
}

function withoutTrailingBlanks(line: readonly Character[]): readonly Character[] {
  let length = line.length;
  while (length > 0 && line[length - 1]?.text === ' ') length -= 1;
  return line.slice(0, length);
}

/** SGR (ECMA-48 §8.3.117), as far as chalk uses it. */
function restyled(style: Style, codes: readonly number[]): Style {
  let next = style;
  for (const code of codes) {
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39 || COLOURS.has(code)) next = { ...next, colour: code };
  }
  return next;
}

/** On a dark ground, each with a contrast of at least 4.5 to it; frames (90) are quieter. */
const COLOURS: ReadonlyMap<number, string> = new Map([
  [31, '#ff7b72'],
  [32, '#56d364'],
  [33, '#e3b341'],
  [34, '#79c0ff'],
  [35, '#d2a8ff'],
  [36, '#56d4dd'],
  [37, '#e6edf3'],
  [90, '#7d8590'],
]);
const INK = '#e6edf3';
const DIM_INK = '#9da7b3';
const GROUND = '#0d1117';
const EDGE = '#3d444d';

/** A character's cell, and the room around all of them, px. */
const CELL = { width: 8.4, height: 18 } as const;
const MARGIN = 18;

/** The arms of a line character, as `left right up down`. Drawn, not written: a viewer's font may leave gaps between lines. */
const FRAMES: ReadonlyMap<string, string> = new Map([
  ['─', '1100'],
  ['│', '0011'],
  ['┌', '0101'],
  ['┐', '1001'],
  ['└', '0110'],
  ['┘', '1010'],
  ['├', '0111'],
  ['┤', '1011'],
  ['┬', '1101'],
  ['┴', '1110'],
  ['┼', '1111'],
]);

/** The screen as a picture, with the command line that led to it on top. It has its own ground: readable on any page. */
export function drawScreen(screen: Screen, command: string): string {
  const prompt: readonly Character[] = [
    { text: '$', style: { ...PLAIN, colour: 32 } },
    ...Array.from(` ${command}`, (text) => ({ text, style: { ...PLAIN, bold: true } })),
  ];
  const lines = [prompt, ...screen];
  const columns = Math.max(...lines.map((line) => line.length));
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  const height = Math.ceil(lines.length * CELL.height + 2 * MARGIN);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(`A terminal after the command ${command}`)}">`,
    `<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;white-space:pre}.b{font-weight:700}path{fill:none;stroke-width:1.2}</style>`,
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="${GROUND}" stroke="${EDGE}"/>`,
    ...lines.flatMap((line, row) => drawLine(line, row)),
    '</svg>',
    '',
  ].join('\n');
}

function drawLine(line: readonly Character[], row: number): readonly string[] {
  const top = MARGIN + row * CELL.height;
  const parts: string[] = [];
  const strokes = new Map<string, string>();
  let start = 0;
  while (start < line.length) {
    const { style, text } = line[start] as Character;
    const ink = inkOf(style);
    const arms = FRAMES.get(text);
    if (arms !== undefined) {
      strokes.set(ink, (strokes.get(ink) ?? '') + strokesOf(arms, MARGIN + start * CELL.width, top));
      start += 1;
      continue;
    }
    let end = start + 1;
    while (end < line.length && sameStyle((line[end] as Character).style, style) && !FRAMES.has((line[end] as Character).text)) end += 1;
    parts.push(...drawText(line.slice(start, end), start, top, ink));
    start = end;
  }
  return [...[...strokes].map(([ink, path]) => `<path stroke="${ink}" d="${path}"/>`), ...parts];
}

/** Blanks at either end are left out; `textLength` keeps the columns whatever font the viewer has. */
function drawText(run: readonly Character[], column: number, top: number, ink: string): readonly string[] {
  const text = run.map((character) => character.text).join('');
  const word = text.trim();
  if (word === '') return [];
  const x = MARGIN + (column + text.length - text.trimStart().length) * CELL.width;
  const bold = run[0]?.style.bold === true ? ' class="b"' : '';
  const length = number(Array.from(word).length * CELL.width);
  return [
    `<text x="${number(x)}" y="${number(top + 13)}" fill="${ink}"${bold} xml:space="preserve" textLength="${length}" lengthAdjust="spacingAndGlyphs">${escaped(word)}</text>`,
  ];
}

function strokesOf(arms: string, left: number, top: number): string {
  const [right, bottom] = [left + CELL.width, top + CELL.height];
  const [x, y] = [left + CELL.width / 2, top + CELL.height / 2];
  const ends = [`H${number(left)}`, `H${number(right)}`, `V${number(top)}`, `V${number(bottom)}`];
  return ends.map((end, i) => (arms[i] === '1' ? `M${number(x)} ${number(y)}${end}` : '')).join('');
}

function inkOf({ colour, dim }: Style): string {
  return COLOURS.get(colour) ?? (dim ? DIM_INK : INK);
}

function sameStyle(a: Style, b: Style): boolean {
  return a.bold === b.bold && a.dim === b.dim && a.colour === b.colour;
}

function number(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Runs the command line in a terminal of that many columns; `rtplat` is this checkout's. */
function recorded(command: string, columns: number): string {
  const shell = `stty cols ${columns} rows 60; rtplat() { node bin/rtplat.ts "$@"; }; ${command}`;
  const env = { ...process.env, TERM: 'xterm-256color', SHELL: '/bin/sh' };
  return execFileSync('script', ['-qefc', shell, '/dev/null'], { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** What a file of `script` holds between its own first and last line. */
function recordedIn(path: string): string {
  const text = readFileSync(path, 'utf8');
  const end = text.lastIndexOf('\nScript done on ');
  return text.slice(text.startsWith('Script started on ') ? text.indexOf('\n') + 1 : 0, end < 0 ? undefined : end);
}

if (import.meta.main) {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { columns: { type: 'string', default: '100' }, from: { type: 'string' } },
  });
  const [path, command] = positionals;
  if (path === undefined || command === undefined)
    throw new Error('usage: terminal-picture.ts FILE.svg COMMAND [--columns N] [--from TYPESCRIPT]');
  const output = values.from === undefined ? recorded(command, Number(values.columns)) : recordedIn(values.from);
  writeFileSync(path, drawScreen(screenOf(output), command));
}
