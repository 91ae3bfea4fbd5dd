import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { folderForTests } from './kit.ts';

const PROGRAM = fileURLToPath(new URL('crash-run.ts', import.meta.url));
const folder = folderForTests();

it.each([
  ['throw', 1],
  ['exit', 3],
] as const)('a process that ends by %s has written its last lines', (how, expected) => {
  const path = join(folder, `${how}.log`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, path, how], { encoding: 'utf8' });
  expect(status).toBe(expected);
  const messages = (text: string): readonly string[] => text.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
  const lines = Array.from({ length: 100 }, (_, i) => `line ${i}`);
  expect(messages(stdout)).toEqual([...lines, '']);
  expect(messages(readFileSync(path, 'utf8'))).toEqual([...lines, ...(how === 'throw' ? ['Ends: the crash'] : []), '']);
  expect(stderr.includes('the crash')).toBe(how === 'throw');
});
