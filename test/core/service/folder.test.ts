import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { makeFolder } from '../../../src/core/service/folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('is made with those above it, and left when it is there', async () => {
  await makeFolder(join(folder, 'a', 'b', 'c'), 0o700);
  await makeFolder(join(folder, 'a', 'b', 'c'));
  for (const each of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, each)).mode & 0o777).toBe(0o700);
});

it('is not made of a file', async () => {
  writeFileSync(join(folder, 'file'), '');
  await expect(makeFolder(join(folder, 'file'))).rejects.toThrow(/^EEXIST/);
  await expect(makeFolder(join(folder, 'file', 'x'))).rejects.toThrow(/^ENOTDIR/);
});

// mkdir answers ENOENT there, although /proc is there. In a process of its own: a loop could not be ended from within.
it('that can never be made is not tried for ever', () => {
  const module = new URL('../../../src/core/service/folder.ts', import.meta.url).href;
  const program = `const { makeFolder } = await import(${JSON.stringify(module)}); await makeFolder('/proc/rtplat/x');`;
  const flags = ['--input-type=module', '--eval', program];
  const { signal, stderr } = spawnSync(process.execPath, flags, { timeout: 20_000, killSignal: 'SIGKILL', encoding: 'utf8' });
  expect({ signal, stderr }).toEqual({ signal: null, stderr: expect.stringContaining('ENOENT') as string });
});
