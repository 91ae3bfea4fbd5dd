/** Where the results of a benchmark go: the terminal, and with --write the repository. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { machineLine } from './machine.ts';
import type { Machine } from './machine.ts';

export interface BenchRecord {
  readonly title: string;
  /** As a reader would type it. */
  readonly command: string;
  readonly machine: Machine;
  /** Markdown. */
  readonly tables: string;
  /** `file` is a name in docs/images, `bench-….svg`; `alt` is for who cannot see it. */
  readonly charts: readonly { readonly file: string; readonly alt: string; readonly svg: string }[];
  /** Every measured value, by case, subject and round. */
  readonly values: unknown;
}

const ROOT = path.join(import.meta.dirname, '..', '..');

/**
 * Prints the tables. With `write`: stores bench/results/NAME.json and the charts, and replaces what stands between
 * `<!-- bench:NAME -->` and `<!-- /bench:NAME -->` in docs/performance.md.
 *
 * @throws Error when docs/performance.md lacks these marks; nothing is stored then.
 */
export function record(name: string, result: BenchRecord, write: boolean): void {
  const { title, command, machine, tables, charts, values } = result;
  process.stdout.write(`\n${title}\n${machineLine(machine)}\n\n${tables.trim()}\n\n`);
  if (!write) return;

  const page = path.join(ROOT, 'docs', 'performance.md');
  const pictures = charts.map(({ file, alt }) => `![${alt}](images/${file})\n`);
  const section = [`\`${command}\` on ${machineLine(machine)}:\n`, ...pictures, `${tables.trim()}\n`].join('\n');
  const text = replaceSection(readFileSync(page, 'utf8'), name, section);

  const results = path.join(ROOT, 'bench', 'results');
  const file = path.join(results, `${name}.json`);
  mkdirSync(results, { recursive: true });
  writeFileSync(file, `${JSON.stringify({ title, command, machine, values })}\n`);
  execFileSync(path.join(ROOT, 'node_modules', '.bin', 'oxfmt'), [file], { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  for (const { file: picture, svg } of charts) writeFileSync(path.join(ROOT, 'docs', 'images', picture), svg);
  writeFileSync(page, text);
}

function replaceSection(text: string, name: string, section: string): string {
  const [open, close] = [`<!-- bench:${name} -->`, `<!-- /bench:${name} -->`];
  const from = text.indexOf(open);
  const to = text.indexOf(close);
  if (from === -1 || to < from)
    throw new Error(`docs/performance.md has no section ${open} … ${close}: add both lines where the figures go`);
  return `${text.slice(0, from + open.length)}\n\n${section}\n${text.slice(to)}`;
}
