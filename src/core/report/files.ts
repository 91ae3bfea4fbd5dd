/** Writing documents so that a crash leaves the old file or the new one, never half of one. */
import { randomBytes } from 'node:crypto';
import { open, readdir, readlink, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { RtplatError } from '../errors.ts';

const TEMPORARY_BYTES = 6;
/** Nobody writes for so long. A process id would say it sooner, but not to who writes from another container. */
const ABANDONED_MS = 600_000;

/**
 * Writes `text` to `path`: a temporary file beside it, flushed to the disk, then renamed. A link is followed, the permissions of
 * a file that is replaced are kept. What is not a file (a pipe, `/dev/stdout`) is written to as it stands. Temporary files that writers
 * of the same path have left, because they were killed, are taken away.
 *
 * @throws RtplatError `file`; the old file is then unchanged, and the temporary one removed.
 */
export async function writeAtomically(path: string, text: string): Promise<void> {
  let place = path;
  try {
    const { target, regular, mode } = await existing(path);
    place = target;
    if (regular) await replace(target, text, mode);
    else await writeFile(path, text);
  } catch (error) {
    throw new RtplatError('file', `cannot write ${path}: ${reason(error, place)}`, { cause: error });
  }
}

async function existing(path: string): Promise<{ readonly target: string; readonly regular: boolean; readonly mode?: number }> {
  try {
    const target = await realpath(path);
    const stats = await stat(target);
    return { target, regular: stats.isFile() || stats.isDirectory(), mode: stats.mode & 0o777 };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    const target = await pointedAt(path);
    return target === undefined ? { target: path, regular: true } : existing(target);
  }
}

/** Where a link points whose file is not there yet; undefined when there is no link. */
async function pointedAt(path: string): Promise<string | undefined> {
  try {
    return resolve(await realpath(dirname(path)), await readlink(path));
  } catch {
    return undefined;
  }
}

async function replace(target: string, text: string, mode: number | undefined): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(TEMPORARY_BYTES).toString('hex')}.tmp`);
  const file = await open(temporary, 'wx');
  let atMs: number;
  try {
    try {
      if (mode !== undefined) await file.chmod(mode);
      await file.writeFile(text);
      await file.sync();
      atMs = (await file.stat()).mtimeMs;
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(target));
  await tidy(target, atMs - ABANDONED_MS);
}

/** Takes away what killed writers have left. @param beforeMs by the clock of the file system. */
async function tidy(target: string, beforeMs: number): Promise<void> {
  const directory = dirname(target);
  try {
    for (const name of await readdir(directory)) {
      if (!isTemporaryOf(basename(target), name)) continue;
      const path = join(directory, name);
      if ((await stat(path)).mtimeMs < beforeMs) await rm(path, { force: true });
    }
  } catch {
    // The file is in its place; whoever writes it next tries again.
  }
}

function isTemporaryOf(base: string, name: string): boolean {
  const [start, end] = [`.${base}.`, '.tmp'];
  if (name.length !== start.length + 2 * TEMPORARY_BYTES + end.length || !name.startsWith(start) || !name.endsWith(end)) return false;
  const middle = name.slice(start.length, -end.length);
  return Buffer.from(middle, 'hex').toString('hex') === middle;
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
  ['EBUSY', 'it is a mount of its own, which cannot be replaced: mount its directory instead'],
  ['ENOTDIR', 'a part of its path is not a directory'],
]);

/** Why a file operation failed, for a user. */
export function reason(error: unknown, path: string): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return `the directory ${dirname(path)} does not exist`;
  return REASONS.get(code ?? '') ?? code ?? String(error);
}
