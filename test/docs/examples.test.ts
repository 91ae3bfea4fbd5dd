import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ROOT } from './markdown.ts';

// They import the built package by its name, as a user's program does.
test.each(readdirSync(`${ROOT}/examples`).filter((name) => name.endsWith('.ts')))('examples/%s runs', async (name) => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [`${ROOT}/examples/${name}`], { cwd: ROOT });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^port 10\d{3}: 100 sent, [1-9]\d* returned, \d+ lost$/m);
});
