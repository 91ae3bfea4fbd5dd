import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readPid, takePidFile } from '../../../src/core/service/pid-file.ts';
import { processStartedMs } from '../../../src/core/service/process-start.ts';

let folder = '';
let file = '';

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-pid-'));
  file = path.join(folder, 'x.pid');
});

afterEach(() => rmSync(folder, { recursive: true }));

describe('a pid file', () => {
  it('names the process, one line, and goes with it', () => {
    const held = takePidFile(file, 4321);
    expect(readFileSync(file, 'utf8')).toBe('4321\n');
    expect(readPid(file)).toBe(4321);
    held.release();
    held.release();
    expect(existsSync(file)).toBe(false);
  });

  it('is refused to a second one, whatever stands in it, and to be had again afterwards', () => {
    const held = takePidFile(file);
    writeFileSync(file, 'nonsense');
    expect(() => takePidFile(file)).toThrow(
      expect.objectContaining({ code: 'running', message: `${file} is held by process unknown, which is up` }),
    );
    held.release();
    takePidFile(file).release();
  });

  it('of a process that has ended is taken over', async () => {
    const child = spawn(process.execPath, ['-e', '']);
    const pid = child.pid ?? 0;
    await once(child, 'exit');
    writeFileSync(file, `${pid}\n`);
    takePidFile(file).release();
    expect(existsSync(file)).toBe(false);
  });

  it('is longer than the new number: nothing of the old one stays', () => {
    writeFileSync(file, '1234567890123\nmore\n');
    const held = takePidFile(file, 7);
    expect(readFileSync(file, 'utf8')).toBe('7\n');
    held.release();
  });

  it('that somebody replaced is not taken away', () => {
    const held = takePidFile(file);
    rmSync(file);
    writeFileSync(file, '1\n');
    held.release();
    expect(readFileSync(file, 'utf8')).toBe('1\n');
  });

  it('in a folder that is not there is one clear error', () => {
    const missing = path.join(folder, 'no', 'x.pid');
    expect(() => takePidFile(missing)).toThrow(expect.objectContaining({ code: 'file' }));
  });

  it.each(['', '0', '-3', '1.5', 'pid', '  '])('with %j names nobody', (text) => {
    writeFileSync(file, text);
    expect(readPid(file)).toBeUndefined();
  });

  it('of a number that another process has now is recognised by its time', () => {
    const startedMs = processStartedMs(process.pid) ?? Number.NaN;
    const trueMs = Date.now() - process.uptime() * 1e3;
    // Ticks of 10 ms, and what lies between the start of the process and that of Node.
    expect(Math.abs(startedMs - trueMs)).toBeLessThan(2_000);
    expect(processStartedMs(2 ** 30)).toBeUndefined();
    utimesSync(folder, new Date(), new Date());
  });
});
