/** What the generators in this folder share: write the file, or with `--check` compare it byte for byte and fail when it is old. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** @param path from the root of the repository. */
export function generate(path: string, text: string): void {
  const file = new URL(`../${path}`, import.meta.url).pathname;
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  let found = '';
  try {
    found = readFileSync(file, 'utf8');
  } catch {
    // A missing file is an old one.
  }
  if (found === text) return;
  process.stderr.write(`${path} is not up to date: run "node ${process.argv[1]?.split('/').slice(-2).join('/')}"\n`);
  process.exitCode = 1;
}
