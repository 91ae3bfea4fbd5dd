/** Files that are the same, bit for bit, whenever and by whomever they are made. */
import { createHash } from 'node:crypto';
import { chmodSync, lstatSync, lutimesSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { run } from './fetch.ts';

/** The time that everything is said to be of, seconds since 1970: SOURCE_DATE_EPOCH, or that of the last commit. */
export function sourceDate(root: string): number {
  const asked = process.env['SOURCE_DATE_EPOCH'];
  const text = asked ?? run('git', ['-C', root, 'log', '-1', '--format=%ct']);
  const seconds = Number(text);
  if (!Number.isSafeInteger(seconds) || seconds <= 0) throw new Error(`SOURCE_DATE_EPOCH is no number of seconds: ${text}`);
  return seconds;
}

/** The modes and times of all below `folder`: neither the umask nor the clock of whoever builds is to be seen. */
export function normalize(folder: string, seconds: number): void {
  for (const name of readdirSync(folder)) {
    const file = path.join(folder, name);
    const stat = lstatSync(file);
    if (stat.isDirectory()) normalize(file, seconds);
    else if (!stat.isSymbolicLink()) chmodSync(file, (stat.mode & 0o111) === 0 ? 0o644 : 0o755);
    lutimesSync(file, seconds, seconds);
  }
  chmodSync(folder, 0o755);
  lutimesSync(folder, seconds, seconds);
}

/** Packs the folder `name` in `parent` as a .tar.gz, all of it of one time and of root. @param fast compress quickly rather than well. */
export function tarGz(file: string, parent: string, name: string, settings: { readonly date: number; readonly fast: boolean }): void {
  normalize(path.join(parent, name), settings.date);
  const how = ['--sort=name', '--format=gnu', '--owner=0', '--group=0', '--numeric-owner', `--mtime=@${settings.date}`];
  run('tar', ['-c', ...how, '-I', settings.fast ? 'gzip -n -1' : 'gzip -n -9', '-f', file, '-C', parent, name]);
}

/** Without name and time in the header. */
export function gzip(content: string | Buffer): Buffer {
  return gzipSync(content, { level: 9 });
}

/** Bytes of all files below `folder`. */
export function sizeOf(folder: string): number {
  return files(folder).reduce((sum, file) => sum + lstatSync(path.join(folder, file)).size, 0);
}

/** Files and links below `folder`, relative to it, in the order of their bytes. */
export function files(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

export function digest(algorithm: 'md5' | 'sha256', file: string): string {
  return createHash(algorithm).update(readFileSync(file)).digest('hex');
}
