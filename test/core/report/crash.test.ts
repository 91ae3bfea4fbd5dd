/**
 * Writers that are killed while they write. `RTPLAT_CRASHES=1000` makes it that many, which takes some minutes; where the moments
 * fall is a matter of the seed and of the machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, test } from 'vitest';
import { readWav } from '../../../src/core/audio/wav.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import { renderJson } from '../../../src/core/report/render/json.ts';
import { makeRun } from './make-run.ts';

const WRITER = fileURLToPath(new URL('crash-writer.ts', import.meta.url));
const CRASHES = Number(process.env['RTPLAT_CRASHES'] ?? 40);
const PATIENCE_MS = 60_000 + CRASHES * 5_000;

const ROWS = Array.from({ length: 2_000 }, (_, t) => ({ t, sent: 50, received: 49, lost: 1, late: 0, p50: 1, p95: 2, p99: 3, max: 4 }));

let place = '';
/** Where writers write. */
let folder = '';
/** What they write. */
let source = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'rtplat-crash-'));
  folder = join(place, 'written');
  source = join(place, 'source.json');
  mkdirSync(folder);
  writeFileSync(source, renderJson(makeRun({ series: ROWS })));
});
afterEach(() => rmSync(place, { recursive: true }));

/** A moment of the next 25 ms. */
function moment(random: SeededRandom): number {
  return (random.uint32() / 2 ** 32) * 25;
}

/** Starts a writer and kills it `ms` after it has written everything once. */
async function killWriter(ms: number, ...parts: readonly string[]): Promise<void> {
  const writer = spawn(process.execPath, [WRITER, folder, ...parts], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(writer, 'exit');
  await Promise.race([once(writer.stdout, 'data'), ended]);
  writer.stdout.resume();
  await wait(ms);
  writer.kill('SIGKILL');
  expect(await ended).toEqual([null, 'SIGKILL']);
}

/** Files that are not under a final name. */
function temporary(): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('.') && name.endsWith('.tmp'));
}

describe('a run file', () => {
  it(
    `is whole and valid after each of ${CRASHES} kills at random moments`,
    async () => {
      const random = new SeededRandom(8);
      for (let crash = 1; crash <= CRASHES; crash++) {
        await killWriter(moment(random), source);
        const names = readdirSync(folder).filter((name) => !temporary().includes(name));
        expect(names.toSorted()).toEqual(['a.json', 'b.json']);
        for (const name of names) expect(parseRun(readFileSync(join(folder, name), 'utf8'), name).series).toHaveLength(2_000);
        // One at the most for each, and each can be told by its name.
        expect(temporary().length).toBeLessThanOrEqual(crash);
        expect(temporary().filter((name) => !/^\.[ab]\.json\.[0-9a-f]{12}\.tmp$/.test(name))).toEqual([]);
      }
    },
    PATIENCE_MS,
  );

  test.each([false, true])('is the old or the new one when its writer dies at any step (there is an old one: %s)', (replaces) => {
    const file = join(folder, 'a.json');
    const old = renderJson(makeRun());
    const found = new Set<number>();
    for (let step = 1; ; step++) {
      rmSync(file, { force: true });
      if (replaces) writeFileSync(file, old);
      const { signal, status } = spawnSync(process.execPath, [WRITER, folder, source, String(step)], { stdio: 'inherit' });
      if (readdirSync(folder).includes('a.json')) found.add(parseRun(readFileSync(file, 'utf8'), file).series.length);
      else {
        expect(replaces).toBe(false);
        found.add(0);
      }
      if (signal === null) {
        expect(status).toBe(0);
        expect(step).toBeGreaterThan(8);
        break;
      }
      expect(signal).toBe('SIGKILL');
    }
    expect(found).toEqual(new Set([replaces ? 1 : 0, 2_000]));
  });
});

describe('a recording', () => {
  it(
    'can be heard as far as it was written',
    async () => {
      const random = new SeededRandom(9);
      for (let crash = 0; crash < Math.ceil(CRASHES / 4); crash++) await killWriter(moment(random));
      const lengths = readdirSync(folder).map((name) => {
        const bytes = readFileSync(join(folder, name));
        // Its header is the first thing that is written, at once or not at all.
        if (bytes.length === 0) return 0;
        const { samples, rateHz } = readWav(bytes, name);
        expect(rateHz).toBe(8_000);
        expect(samples.every((sample, index) => sample === Math.floor(index / 160) + 1)).toBe(true);
        return samples.length;
      });
      expect(lengths).toContain(8_000);
    },
    PATIENCE_MS,
  );
});
