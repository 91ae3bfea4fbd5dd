import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach } from 'vitest';

/**
 * A folder for the suite that calls it. It goes when the suite is green; when a test failed, or none could begin, it stays with
 * its logs and captures, and its path is printed.
 */
export function scratchFolder(): (name: string) => string {
  const root = mkdtempSync(join(tmpdir(), 'rtplat-asterisk-'));
  let passed = 0;
  let failed = 0;
  afterEach(({ task }) => {
    if (task.result?.state === 'fail') failed += 1;
    else passed += 1;
  });
  afterAll(() => {
    if (failed > 0 || passed === 0) console.error(`logs and captures: ${root}`);
    else rmSync(root, { recursive: true, force: true });
  });
  let made = 0;
  return (name) => {
    const dir = join(root, `${String(++made).padStart(2, '0')}-${name}`);
    mkdirSync(dir);
    return dir;
  };
}
