import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

it('leaves no descriptor open, on the event loop and in threads, and nothing that keeps the process alive', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [fileURLToPath(new URL('leak-run.ts', import.meta.url))]);
  const { before, after } = JSON.parse(stdout) as { before: string[]; after: string[] };
  expect(after).toEqual(before);
  expect(before.length).toBeGreaterThan(2);
});
