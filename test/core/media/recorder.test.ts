import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readWav } from '../../../src/core/audio/wav.ts';
import { Recorder, Recording } from '../../../src/core/media/recorder.ts';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rtplat-recorder-'));
});

afterAll(() => rmSync(folder, { recursive: true }));

interface Told {
  settled: number;
  readonly problems: string[];
  ended: number;
}

function recording(name: string, recorder = new Recorder()): { one: Recording; told: Told; file: string } {
  const told: Told = { settled: 0, problems: [], ended: 0 };
  const file = path.join(folder, name);
  const one = new Recording({
    recorder,
    file,
    rateHz: 8000,
    settled: (bytes) => (told.settled += bytes),
    failed: (problem) => told.problems.push(problem),
    ended: () => (told.ended += 1),
  });
  return { one, told, file };
}

const ones = (count: number, value = 1): Int16Array => new Int16Array(count).fill(value);

describe('a recording', () => {
  it('is a WAV file with every piece in its place, and silence between them', async () => {
    const { one, told, file } = recording('pieces.wav');
    one.begin();
    one.write(0, ones(100, 7));
    one.write(300, ones(50, -9));
    expect(await one.end()).toEqual({ file, bytes: 700, droppedBytes: 0, problem: null });
    const { samples, rateHz } = readWav(readFileSync(file), file);
    expect(rateHz).toBe(8000);
    expect([...samples]).toEqual([...ones(100, 7), ...ones(200, 0), ...ones(50, -9)]);
    expect(told).toEqual({ settled: 300, problems: [], ended: 1 });
  });

  it('can be heard before it has ended', async () => {
    const recorder = new Recorder();
    const { one, file } = recording('unfinished.wav', recorder);
    one.begin();
    one.write(0, ones(100, 7));
    await new Promise<void>((resolve) => {
      recorder.enqueue(async () => resolve());
    });
    expect(readWav(readFileSync(file), file).samples).toEqual(ones(100, 7));
    await one.end();
  });

  it('never takes the place of another file, and says so once', async () => {
    const { one, told, file } = recording('there.wav');
    writeFileSync(file, 'precious');
    one.begin();
    one.write(0, ones(100));
    one.write(100, ones(100));
    expect(await one.end()).toEqual({ file, bytes: 0, droppedBytes: 400, problem: `${file}: EEXIST` });
    expect(readFileSync(file, 'utf8')).toBe('precious');
    // What is dropped waits no longer either.
    expect(told).toEqual({ settled: 400, problems: [`${file}: EEXIST`], ended: 1 });
  });

  it('in a folder that is not there tells why', async () => {
    const { one, told } = recording('nowhere/x.wav');
    one.begin();
    expect((await one.end()).problem).toMatch(/ENOENT$/);
    expect(told.problems).toHaveLength(1);
  });

  it('tells what was left out because the disk is behind', async () => {
    const { one, told } = recording('behind.wav');
    one.begin();
    one.write(0, ones(10));
    one.behind(500);
    one.behind(500);
    expect(await one.end()).toMatchObject({ bytes: 20, droppedBytes: 1000, problem: 'the disk is too slow: there are gaps' });
    expect(told.problems).toHaveLength(1);
  });

  it('ends although the disk hangs, and settles its samples when it is back', async () => {
    const recorder = new Recorder();
    const disk = Promise.withResolvers<void>();
    const { one, told } = recording('hangs.wav', recorder);
    one.begin();
    recorder.enqueue(() => disk.promise);
    one.write(0, ones(100));
    expect(await one.end()).toMatchObject({ bytes: 0, problem: 'the disk did not take it in time: it may be incomplete' });
    expect(told.settled).toBe(0);
    disk.resolve();
    await expect.poll(() => told.settled).toBe(200);
  });
});
