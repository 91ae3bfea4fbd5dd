/** Writing documents so that a crash leaves the old file or the new one, never half of one. */
import { randomBytes } from 'node:crypto';
import { open, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { RtplatError } from '../errors.ts';

/**
 * Writes `text` to `path`: a temporary file beside it, flushed to the disk, then renamed. A link is followed, the permissions of
 * a file that is replaced are kept. What is not a file (a pipe, `/dev/stdout`) is written to as it stands.
 *
 * @throws RtplatError `file`; the old file is then unchanged, and the temporary one removed.
 */
export async function writeAtomically(path: string, text: string): Promise<void> {
  try {
    const found = await existing(path);
    if (found !== undefined && !found.regular) await writeFile(path, text);
    else await replace(found?.target ?? path, text, found?.mode);
  } catch (error) {
    throw new RtplatError('file', `cannot write ${path}: ${reason(error, path)}`, { cause: error });
  }
}

async function existing(path: string): Promise<{ readonly target: string; readonly regular: boolean; readonly mode: number } | undefined> {
  try {
    const target = await realpath(path);
    const stats = await stat(target);
    return { target, regular: stats.isFile() || stats.isDirectory(), mode: stats.mode & 0o777 };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function replace(target: string, text: string, mode: number | undefined): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx');
  try {
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(target));
}

/** The rename itself reaches the disk with its directory. Where the system cannot flush one, the rename is as safe as it gets. */
async function syncDirectory(directory: string): Promise<void> {
  try {
    const handle = await open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch {
    // The file is complete and in its place.
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['ENOSPC', 'no space is left on the device'],
  ['EDQUOT', 'the disk quota is used up'],
  ['EISDIR', 'it is a directory'],
  ['ENOTDIR', 'a part of its path is not a directory'],
]);

/** Why a file operation failed, for a user. */
export function reason(error: unknown, path: string): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `the directory ${dirname(path)} does not exist`;
  return REASONS.get(code ?? '') ?? code ?? String(error);
}
