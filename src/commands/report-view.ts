/** Tables on a terminal: lines and colours where there is room, a list where there is not. */
import type { ChalkInstance } from 'chalk';
import type { Cell, Column, Table, Tone } from '../core/report/render/table.ts';

/** Terminals narrower than this get lists. */
export const NARROW_COLUMNS = 72;

export interface ViewOptions {
  readonly chalk: ChalkInstance;
  /** Width to stay within, characters. */
  readonly columns: number;
}

/** The tables one below the other, each with its title; ends with a line feed. Tables without rows are left out. */
export async function renderTables(tables: readonly Table[], options: ViewOptions): Promise<string> {
  const { default: CliTable } = await import('cli-table3');
  const { chalk, columns } = options;
  const sections = tables
    .filter((table) => table.rows.length > 0)
    .map((table) => {
      const body = columns < NARROW_COLUMNS || widthOfTable(table) > columns ? asList(table, chalk) : asTable(table);
      return [chalk.bold(table.title), body, ...(table.note === '' ? [] : [chalk.dim(table.note)])].join('\n');
    });
  return sections.length === 0 ? '' : `${sections.join('\n\n')}\n`;

  function asTable({ columns: heads, rows }: Table): string {
    const made = new CliTable({
      head: heads.map(({ name }) => chalk.dim(name)),
      colAligns: heads.map(({ align }) => align),
      style: { head: [], border: chalk.level === 0 ? [] : ['grey'], compact: true },
    });
    for (const row of rows) made.push(row.map((cell) => paint(chalk, cell)));
    return made.toString();
  }
}

/** One line of text in the colour of its tone. */
export function paint(chalk: ChalkInstance, { text, tone }: Cell): string {
  const painters: Readonly<Record<Tone, (text: string) => string>> = {
    plain: (text) => text,
    good: chalk.green,
    bad: chalk.red,
    doubt: chalk.yellow,
  };
  return painters[tone](text);
}

/** `name  value` lines; rows of several are set apart by an empty line. */
function asList({ columns, rows }: Table, chalk: ChalkInstance): string {
  const width = Math.max(...columns.map(({ name }) => name.length));
  return rows
    .map((row) =>
      columns.map(({ name }, i) => `  ${chalk.dim(name.padEnd(width))}  ${paint(chalk, row[i] ?? { text: '', tone: 'plain' })}`).join('\n'),
    )
    .join('\n\n');
}

/** Every column as wide as its widest cell, a blank on both sides, and the lines between. */
function widthOfTable({ columns, rows }: Table): number {
  const widest = (column: Column, i: number): number => Math.max(column.name.length, ...rows.map((row) => row[i]?.text.length ?? 0));
  return columns.reduce((total, column, i) => total + widest(column, i) + 3, 1);
}
