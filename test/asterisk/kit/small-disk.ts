/** A disk of 64 kB, or a folder that cannot be written, for the programs of one test. */
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { run, start, until } from './process.ts';

export interface SmallDisk {
  /** Its folder, as programs see it that are started with {@link through}. */
  readonly folder: string;
  /** Words to put before a program, which then has the disk. */
  readonly through: readonly string[];
  /** Takes all the room that is left. */
  fill(): void;
  /** Gives it back, and 8 MB on top; a read-only one can be written from now on. */
  makeRoom(): Promise<void>;
  /** A file as it is now; empty where there is none. */
  read(name: string): string;
  write(name: string, text: string): void;
  names(): readonly string[];
}

/** Mounted in a namespace of its own, which is gone when the test has finished. @param dir an empty folder. */
export async function smallDisk(dir: string, kind: 'tmpfs' | 'read-only'): Promise<SmallDisk> {
  const folder = join(dir, 'disk');
  mkdirSync(folder);
  const mount = kind === 'tmpfs' ? 'mount -t tmpfs -o size=64k none "$0"' : 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"';
  const holder = start('unshare', ['-m', 'sh', '-c', `${mount} && echo mounted && exec sleep infinity`, folder], join(dir, 'disk.log'));
  onTestFinished(() => holder.stop());
  await until('the disk mounted', () => holder.output().includes('mounted') || undefined);
  const inside = (name: string): string => join(`/proc/${holder.pid}/root${folder}`, name);
  const through = ['nsenter', `--mount=/proc/${holder.pid}/ns/mnt`, '--'];
  return {
    folder,
    through,
    fill: () => {
      const fd = openSync(inside('ballast'), 'a');
      try {
        for (const bytes = new Uint8Array(1024); ;) writeSync(fd, bytes);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      } finally {
        closeSync(fd);
      }
    },
    makeRoom: async () => {
      const options = kind === 'tmpfs' ? 'remount,size=8m' : 'remount,bind,rw';
      // With a source, no options of before are given again: an ordinary user's namespace does not know their numbers.
      await run('nsenter', [...through.slice(1), 'mount', '-o', options, 'none', folder]);
      if (kind === 'tmpfs') rmSync(inside('ballast'), { force: true });
    },
    read: (name) => (existsSync(inside(name)) ? readFileSync(inside(name), 'utf8') : ''),
    // Below the mount, where it is read-only.
    write: (name, text) => writeFileSync(kind === 'tmpfs' ? inside(name) : join(folder, name), text),
    names: () => readdirSync(inside('')),
  };
}
