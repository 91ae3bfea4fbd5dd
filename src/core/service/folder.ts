/** Folders that are there when they are needed. */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { errnoOf } from '../errors.ts';

/**
 * Makes a folder, and those above it. Not by `recursive`: where a folder cannot be made although the one above it is there, as in /proc,
 * that tries for ever.
 *
 * @param mode of those that are made. @throws the error of the system.
 */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  const full = path.resolve(folder);
  const above = path.dirname(full);
  if (above !== full && !(await isThere(above))) await makeFolder(above, mode);
  try {
    await mkdir(full, { mode });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST' || !(await stat(full)).isDirectory()) throw error;
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await stat(folder);
    return true;
  } catch {
    return false;
  }
}
