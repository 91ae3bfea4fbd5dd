/** Names and values on a terminal, laid out for its width. */
import { stripVTControlCharacters } from 'node:util';
import type { ChalkInstance } from 'chalk';
import Table from 'cli-table3';

/** A name and what is shown for it. */
export type Pair = readonly [name: string, value: string];

/** Below this many characters a frame costs more room than it gives order: plain `name: value` lines instead. */
const NARROW_COLUMNS = 60;
/** Three lines and two blanks on either side of each cell. */
const FRAME_COLUMNS = 7;

/** Two columns under a title, or a plain list where the terminal is too narrow for them. Ends with a line feed. */
export function pairTable(title: string, pairs: readonly Pair[], chalk: ChalkInstance, width: number): string {
  if (width < NARROW_COLUMNS || widthOfTable(pairs) > width) {
    return `${[chalk.bold(title), ...pairs.map(([name, value]) => `${name}: ${value}`)].join('\n')}\n`;
  }
  const table = new Table({
    style: { head: [], border: chalk.level === 0 ? [] : ['grey'], compact: true },
    colAligns: ['left', 'right'],
  });
  for (const [name, value] of pairs) table.push([name, value]);
  return `${chalk.bold(title)}\n${table.toString()}\n`;
}

function widthOfTable(pairs: readonly Pair[]): number {
  const widest = (column: 0 | 1): number => Math.max(...pairs.map((pair) => stripVTControlCharacters(pair[column]).length));
  return widest(0) + widest(1) + FRAME_COLUMNS;
}

/** Binary kilobytes, as socket buffers are counted. */
export function kilobytes(bytes: number): string {
  return `${Math.round(bytes / 1024)} kB`;
}
