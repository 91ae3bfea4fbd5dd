import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeAtomically } from '../../../src/core/report/files.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rtplat-files-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('writeAtomically', () => {
  it('writes a new file and leaves nothing else behind', async () => {
    await writeAtomically(join(directory, 'run.json'), 'new');
    expect(readdirSync(directory)).toEqual(['run.json']);
    expect(readFileSync(join(directory, 'run.json'), 'utf8')).toBe('new');
  });

  it('replaces a file by another one, with its permissions', async () => {
    const path = join(directory, 'run.json');
    writeFileSync(path, 'old');
    chmodSync(path, 0o640);
    const { ino } = statSync(path);
    await writeAtomically(path, 'new');
    // A reader that has the old file open keeps the whole old text: the new one is a different file.
    expect(statSync(path).ino).not.toBe(ino);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('follows a link instead of replacing it', async () => {
    mkdirSync(join(directory, 'real'));
    writeFileSync(join(directory, 'real', 'run.json'), 'old');
    symlinkSync(join('real', 'run.json'), join(directory, 'latest.json'));
    await writeAtomically(join(directory, 'latest.json'), 'new');
    expect(readFileSync(join(directory, 'real', 'run.json'), 'utf8')).toBe('new');
    expect(readdirSync(directory).toSorted()).toEqual(['latest.json', 'real']);
  });

  it('follows a link to a file that is not there yet', async () => {
    mkdirSync(join(directory, 'real'));
    symlinkSync(join('real', 'second.json'), join(directory, 'latest.json'));
    symlinkSync('latest.json', join(directory, 'first.json'));
    await writeAtomically(join(directory, 'first.json'), 'new');
    expect(readFileSync(join(directory, 'real', 'second.json'), 'utf8')).toBe('new');
    expect(lstatSync(join(directory, 'latest.json')).isSymbolicLink()).toBe(true);
    symlinkSync(join('none', 'run.json'), join(directory, 'lost.json'));
    await expect(writeAtomically(join(directory, 'lost.json'), 'new')).rejects.toThrow(
      `the directory ${join(directory, 'none')} does not exist`,
    );
    symlinkSync('round.json', join(directory, 'round.json'));
    await expect(writeAtomically(join(directory, 'round.json'), 'new')).rejects.toMatchObject({ code: 'file' });
    expect(readdirSync(directory).toSorted()).toEqual(['first.json', 'latest.json', 'lost.json', 'real', 'round.json']);
  });

  it('writes to a device as it stands, and never replaces it', async () => {
    await writeAtomically('/dev/null', 'gone');
    expect(statSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  it('says why it could not, and leaves the directory as it was', async () => {
    mkdirSync(join(directory, 'folder'));
    writeFileSync(join(directory, 'file'), 'old');
    await expect(writeAtomically(join(directory, 'none', 'run.json'), '')).rejects.toMatchObject({
      code: 'file',
      message: `cannot write ${join(directory, 'none', 'run.json')}: the directory ${join(directory, 'none')} does not exist`,
    });
    await expect(writeAtomically(join(directory, 'folder'), '')).rejects.toThrow('it is a directory');
    await expect(writeAtomically(join(directory, 'file', 'run.json'), '')).rejects.toThrow('not a directory');
    expect(readdirSync(directory).toSorted()).toEqual(['file', 'folder']);
    expect(readdirSync(join(directory, 'folder'))).toEqual([]);
  });
});

describe('what killed writers have left', () => {
  const leave = (name: string, minutesAgo: number): void => {
    const at = Date.now() / 1000 - minutesAgo * 60;
    writeFileSync(join(directory, name), '{"half":');
    utimesSync(join(directory, name), at, at);
  };

  it('is taken away by the next who writes the same file, once nobody can be writing it any more', async () => {
    leave('.run.json.0123456789ab.tmp', 11);
    leave('.run.json.0123456789ac.tmp', 9);
    await writeAtomically(join(directory, 'run.json'), 'new');
    expect(readdirSync(directory).toSorted()).toEqual(['.run.json.0123456789ac.tmp', 'run.json']);
  });

  it('is told from files of others', async () => {
    const others = [
      '.other.json.0123456789ab.tmp',
      '.run.json.0123456789aX.tmp',
      '.run.json.tmp',
      '.run.json.0123456789ab0.tmp',
      'run.json.tmp',
    ];
    for (const name of others) leave(name, 100);
    await writeAtomically(join(directory, 'run.json'), 'new');
    expect(readdirSync(directory).toSorted()).toEqual([...others, 'run.json'].toSorted());
  });
});
