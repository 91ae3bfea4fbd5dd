import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { LogFile } from '../../../../src/core/service/log/file.ts';
import type { LogFileTimes } from '../../../../src/core/service/log/file.ts';
import { folderForTests, Heard, line, written } from './kit.ts';

const root = folderForTests();
let made = 0;

/** A path in a folder of its own, which is not there yet. */
function newPath(): string {
  made += 1;
  return join(root, String(made), 'rtplat.log');
}

interface Rig {
  readonly path: string;
  readonly file: LogFile;
  readonly notes: Heard<string>;
}

async function open(
  options: { path?: string; maxBytes?: number; maxFiles?: number } = {},
  times: LogFileTimes = { checkMs: 0 },
): Promise<Rig> {
  const { path = newPath(), maxBytes = 1e6, maxFiles = 3 } = options;
  const notes = new Heard<string>();
  const file = new LogFile({ path, maxBytes, maxFiles }, notes.hear, times);
  await file.start();
  return { path, file, notes };
}

/** Bytes of a line with this message. */
const SIZE = Buffer.byteLength(written('0'));
const read = (path: string): string => readFileSync(path, 'utf8');

/** Each line by itself, as if there were time between them. */
async function write(file: LogFile, path: string, ...messages: readonly string[]): Promise<void> {
  for (const message of messages) {
    file.write(line(message));
    await until(() => existsSync(path) && read(path).endsWith(written(message)));
  }
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('a log file', () => {
  it('goes on behind a line that an earlier process could not finish, and changes nothing of one that it could', async () => {
    const path = newPath();
    mkdirSync(dirname(path));
    writeFileSync(path, 'half a li');
    const first = await open({ path });
    await first.file.close();
    const { file } = await open({ path });
    file.write(line('whole'));
    await file.close();
    expect(read(path)).toBe(`half a li\n${written('whole')}`);
  });

  it('is made with its folders, for its owner and group alone, before the first line', async () => {
    const { path, file } = await open({ path: join(root, 'a', 'b', 'c.log') });
    expect(read(path)).toBe('');
    expect(statSync(path).mode & 0o137).toBe(0);
    expect(statSync(join(root, 'a')).mode & 0o027).toBe(0);
    await file.close();
  });

  it('has the lines in order behind those that were there', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    writeFileSync(path, 'before\n');
    const { file, notes } = await open({ path });
    const messages = Array.from({ length: 5_000 }, (_, i) => `line ${i} ä`);
    for (const message of messages) file.write(line(message));
    await file.close();
    expect(read(path)).toBe(`before\n${written(...messages)}`);
    expect(notes.all).toEqual([]);
  });

  it('is written without being asked to', async () => {
    const { path, file } = await open();
    await write(file, path, 'a', 'b');
    await file.close();
    file.write(line('too late'));
    expect(read(path)).toBe(written('a', 'b'));
  });

  it('is finished at once when the process ends', async () => {
    const { path, file } = await open();
    file.write(line('a'));
    file.write(line('b'));
    file.flushSync();
    expect(read(path)).toBe(written('a', 'b'));
    await file.close();
    expect(read(path)).toBe(written('a', 'b'));
  });
});

describe('rotation', () => {
  const names = (path: string): readonly string[] => readdirSync(join(path, '..')).toSorted();

  it('begins a new file for the line that would pass the size, and keeps so many', async () => {
    const { path, file, notes } = await open({ maxBytes: 2 * SIZE, maxFiles: 3 });
    for (const message of '012345678') file.write(line(message));
    await file.close();
    expect(names(path)).toEqual(['rtplat.log', 'rtplat.log.1', 'rtplat.log.2']);
    expect(read(path)).toBe(written('8'));
    expect(read(`${path}.1`)).toBe(written('6', '7'));
    expect(read(`${path}.2`)).toBe(written('4', '5'));
    expect(notes.all).toEqual([]);
  });

  it('counts from the size that the file had', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    const found = `${'x'.repeat(2 * SIZE - 2)}\n`;
    writeFileSync(path, found);
    const { file } = await open({ path, maxBytes: 3 * SIZE });
    file.write(line('0'));
    file.write(line('1'));
    await file.close();
    expect(read(path)).toBe(written('1'));
    expect(read(`${path}.1`)).toBe(found + written('0'));
  });

  it('keeps none but the present one where only one is to be kept', async () => {
    const { path, file } = await open({ maxBytes: SIZE, maxFiles: 1 });
    for (const message of '012') file.write(line(message));
    await file.close();
    expect(names(path)).toEqual(['rtplat.log']);
    expect(read(path)).toBe(written('2'));
  });

  it('puts a line that is longer than a file into one of its own', async () => {
    const { path, file } = await open({ maxBytes: SIZE, maxFiles: 4 });
    const long = 'x'.repeat(3 * SIZE);
    for (const message of ['0', long, '1']) file.write(line(message));
    await file.close();
    expect([`${path}.2`, `${path}.1`, path].map(read)).toEqual([written('0'), written(long), written('1')]);
  });

  it('fills a gap of the names, and removes what a larger number had kept', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    for (const number of [1, 3, 4, 5]) writeFileSync(`${path}.${number}`, `old ${number}`);
    writeFileSync(path, 'full\n');
    const { file } = await open({ path, maxBytes: SIZE, maxFiles: 4 });
    file.write(line('0'));
    await file.close();
    expect(names(path)).toEqual(['rtplat.log', 'rtplat.log.1', 'rtplat.log.2', 'rtplat.log.3']);
    expect([1, 2, 3].map((number) => read(`${path}.${number}`))).toEqual(['full\n', 'old 1', 'old 3']);
  });

  it('sees that somebody has emptied the file', async () => {
    const { path, file } = await open({ maxBytes: 2 * SIZE });
    await write(file, path, '0', '1');
    truncateSync(path);
    await write(file, path, '2', '3');
    await file.close();
    expect(names(path)).toEqual(['rtplat.log']);
    expect(read(path)).toBe(written('2', '3'));
  });

  it('lets the file grow where it cannot be renamed, and says so once a size', async () => {
    const path = newPath();
    mkdirSync(`${path}.1/full`, { recursive: true });
    const { file, notes } = await open({ path, maxBytes: 2 * SIZE, maxFiles: 2 });
    for (const message of '01234') file.write(line(message));
    await file.close();
    expect(read(path)).toBe(written(...'01234'));
    expect(notes.all).toHaveLength(2);
    expect(notes.all[0]).toMatch(/^Log file .*rtplat\.log is full and cannot be renamed: E[A-Z]+: .*; it grows on$/);
  });
});

describe('others who move it', () => {
  it('goes on in a new file after reopen(), as logrotate asks for', async () => {
    const { path, file } = await open({}, { checkMs: 1e9 });
    await write(file, path, '0');
    renameSync(path, `${path}.moved`);
    file.reopen();
    await until(() => existsSync(path));
    file.write(line('1'));
    await file.close();
    expect(read(`${path}.moved`)).toBe(written('0'));
    expect(read(path)).toBe(written('1'));
  });

  it('notices a file and a folder that are gone', async () => {
    const { path, file, notes } = await open();
    await write(file, path, '0');
    rmSync(join(path, '..'), { recursive: true });
    await write(file, path, '1');
    expect(read(path)).toBe(written('1'));
    await file.close();
    expect(notes.all).toEqual([]);
  });
});

describe('a disk that does not work', () => {
  it('is told once, holds lines back, and gives them when it works again', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    // Every write to it fails, as on a full disk.
    symlinkSync('/dev/full', path);
    const { file, notes } = await open({ path }, { retryMs: 1 });
    file.write(line('0'));
    await notes.count(1);
    file.write(line('1'));
    rmSync(path);
    await notes.count(2);
    file.write(line('2'));
    await file.close();
    expect(notes.all).toEqual([
      `Log file ${path}: ENOSPC: no space left on device, write; lines wait in memory until it works, and are lost when there are too many`,
      `Log file ${path} works again; no line was lost`,
    ]);
    expect(read(path)).toBe(written('0', '1', '2'));
  });

  it('counts the lines that memory had no room for', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    symlinkSync('/dev/full', path);
    const { file, notes } = await open({ path, maxBytes: 1e9 }, { retryMs: 1e9 });
    file.write(line('0'));
    await notes.count(1);
    // A mebibyte may wait; the first batch does not count.
    const long = 'x'.repeat(100_000);
    for (let i = 0; i < 12; i++) file.write(line(long));
    rmSync(path);
    file.reopen();
    await notes.count(2);
    await file.close();
    const lines = read(path).split('\n').slice(0, -1);
    const lost = 13 - lines.length;
    expect(lost).toBeGreaterThan(0);
    expect(notes.all[1]).toBe(`Log file ${path} works again; ${lost} lines were lost`);
  });

  it('counts what it never took when the program ends', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    symlinkSync('/dev/full', path);
    const { file, notes } = await open({ path }, { retryMs: 1e9 });
    file.write(line('0'));
    file.write(line('1'));
    await file.close();
    expect(notes.all[1]).toBe(`Log file ${path}: 2 lines were lost`);
  });

  it('is no reason not to start', async () => {
    const path = newPath();
    mkdirSync(join(path, '..'));
    writeFileSync(join(path, '..', 'plain'), '');
    const { file, notes } = await open({ path: join(path, '..', 'plain', 'x.log') }, { retryMs: 1e9 });
    expect(notes.all).toHaveLength(1);
    expect(notes.all[0]).toMatch(/x\.log: E[A-Z]+: .*mkdir.*; lines wait in memory/);
    file.write(line('0'));
    await file.close();
    expect(notes.all[1]).toMatch(/x\.log: 1 line was lost$/);
  });

  it('does not keep the process from ending', async () => {
    const { path, file } = await open();
    rmSync(path);
    symlinkSync('/dev/full', path);
    file.reopen();
    file.write(line('0'));
    expect(() => file.flushSync()).not.toThrow();
    await file.close();
  });
});
