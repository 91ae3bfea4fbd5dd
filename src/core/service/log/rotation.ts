/** The names of a log file and of the ones before it: `FILE`, `FILE.1`, `FILE.2`, …; the higher the number, the older. */
import { rename, rm, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.ts';

/**
 * Gives `path` up for a new file: each file gets the next number, the oldest goes.
 *
 * @param files that are kept, `path` included. @throws the error of the file system.
 */
export async function makeRoom(path: string, files: number): Promise<void> {
  if (files === 1) return rm(path, { force: true });
  // Names move up as far as the first gap; without one, the last one is replaced.
  let free = 1;
  while (free < files - 1 && (await exists(`${path}.${free}`))) free += 1;
  for (let number = free; number > 1; number--) await rename(`${path}.${number - 1}`, `${path}.${number}`);
  await rename(path, `${path}.1`);
  // Left by a time when more were kept.
  for (let number = files; await exists(`${path}.${number}`); number++) await rm(`${path}.${number}`);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}
