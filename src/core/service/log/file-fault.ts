/** Whether a log file could be written, found out without writing. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { errnoOf } from '../../errors.ts';

/** @returns why no line could be written to `path`, as `EACCES at /var/log`; undefined when one could. Makes neither file nor folder. */
export async function faultOfLogFile(path: string): Promise<string | undefined> {
  const fault = await faultOf(path, constants.W_OK);
  if (fault === undefined) return (await stat(path)).isDirectory() ? `EISDIR at ${path}` : undefined;
  if (fault !== 'ENOENT') return `${fault} at ${path}`;
  // The folders that are missing would be made in the first one that is there.
  for (let folder = dirname(resolve(path)); ; folder = dirname(folder)) {
    const fault = await faultOf(folder, constants.W_OK | constants.X_OK);
    if (fault === undefined) return undefined;
    if (fault !== 'ENOENT' || folder === dirname(folder)) return `${fault} at ${folder}`;
  }
}

async function faultOf(path: string, mode: number): Promise<string | undefined> {
  try {
    await access(path, mode);
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}
