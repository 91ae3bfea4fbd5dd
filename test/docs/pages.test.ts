import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/commands/program.ts';
import * as library from '../../src/index.ts';
import { capturedIo } from '../commands/captured-io.ts';
import { allPages, anchorOf, commandLine, readPage, ROOT } from './markdown.ts';

const pages = allPages();
const program = createProgram(capturedIo());

/** Options of other programs that the pages speak of. */
const FOREIGN = [
  '--global',
  '--project',
  '--refresh',
  '--short',
  '--write',
  '--only',
  '--volumes',
  '--wait',
  '--user',
  '--purge',
  '--dry-run',
];

function optionsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long, short }) => [long, short].filter((flag) => flag !== undefined && flag !== null));
}

const known = [...[program, ...program.commands].flatMap((command) => optionsOf(command)), ...FOREIGN];

describe.each(pages)('$path', ({ path, prose, blocks, headings }) => {
  test('every link leads somewhere', () => {
    for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [file = '', anchor] = target.split('#');
      const linked = file === '' ? path : normalize(join(dirname(path), file));
      expect(existsSync(join(ROOT, linked)), `${target} in ${path}`).toBe(true);
      if (anchor === undefined) continue;
      const found = file === '' ? headings : readPage(linked).headings;
      expect(found.map(anchorOf), `${target} in ${path}`).toContain(anchor);
    }
  });

  test('every option of a command line exists', () => {
    for (const line of blocks.flatMap(({ language, lines }) => (['console', 'sh'].includes(language) ? lines : []))) {
      const parsed = commandLine(line.replace(/^\$ /, ''));
      if (parsed === undefined) continue;
      const [name = '', ...args] = parsed.args;
      const command = name.startsWith('-') || name === 'help' ? program : program.commands.find((one) => one.name() === name);
      if (command === undefined) throw new Error(`${path} names a command that there is not: ${line}`);
      const flags = (name.startsWith('-') ? parsed.args : args).filter((arg) => arg.startsWith('-'));
      for (const flag of flags) expect(optionsOf(command), line).toContain(flag);
    }
  });
});

// Decisions speak of what was given up as well.
test.each(pages.filter(({ path }) => !path.startsWith('docs/decisions/')))(
  'every option in the text of $path exists',
  ({ path, prose }) => {
    for (const [, code = ''] of prose.matchAll(/`([^`]+)`/g)) {
      for (const [flag] of code.matchAll(/(?<![\w-])--[a-z][a-z-]*/g)) expect(known, `${code} in ${path}`).toContain(flag);
    }
  },
);

test('docs/library.md names every export, and nothing else', () => {
  const rows = readPage('docs/library.md')
    .prose.split('\n')
    .filter((line) => line.startsWith('| '));
  const named = rows.flatMap((row) => [...row.matchAll(/`([A-Za-z_]+)`/g)].map(([, name]) => name));
  expect(new Set(named)).toEqual(new Set(Object.keys(library)));
});
