/** rtplat itself as a subject of a benchmark: the built program, as users run it. */
import { existsSync } from 'node:fs';
import path from 'node:path';

const BINARY = path.join(import.meta.dirname, '..', '..', 'dist', 'bin', 'rtplat.js');

/**
 * The words that run `rtplat ARGS…` on this very Node: to be given to a process as its arguments.
 *
 * @throws Error when it was not built.
 */
export function rtplatArgs(...args: readonly string[]): readonly string[] {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run 'npm run build' first`);
  return [BINARY, ...args];
}
