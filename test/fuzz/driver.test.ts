/** The fuzzing itself can fail: it finds bugs that were put there, and only those. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../../src/core/probe/random.ts';
import type { Coverage } from './driver/instrument.ts';
import { withCounters } from './driver/instrument.ts';
import { mutated } from './driver/mutate.ts';
import { GROWTH_BYTES, fuzz } from './driver/run.ts';
import { shrunk } from './driver/shrink.ts';
import { TARGET_NAMES } from './targets/index.ts';
import { bytesOf, must, mustBeOneCleanLine, textOf } from './target.ts';
import type { FuzzTarget } from './target.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const REQUEST = 'GET / HTTP/1.1\r\nContent-Length: 10\r\n\r\n';

function planted(check: FuzzTarget['check'], parts: Partial<FuzzTarget> = {}): FuzzTarget {
  return { name: 'planted', what: '', code: [], mostBytes: 200, inputs: 100, seeds: () => bytesOf(REQUEST), check, ...parts };
}

describe('a run', () => {
  test('finds what throws, once, and makes it small', async () => {
    const target = planted((input) => must(!textOf(input).includes('GG'), 'two of them'));
    const { findings, inputs } = await fuzz(target, { inputs: 20_000, seed: 3, corpus: [] });
    expect(findings).toHaveLength(1);
    expect(findings[0]?.what).toContain('two of them');
    expect(textOf(findings[0]!.input)).toBe('GG');
    expect(inputs).toBe(20_000);
  });

  test('finds what rejects', async () => {
    const target = planted(async (input) => {
      await Promise.resolve();
      must(input.length < 150, 'long');
    });
    const { findings } = await fuzz(target, { inputs: 5_000, seed: 3, corpus: [] });
    expect(findings.map(({ input }) => input.length)).toEqual([150]);
  });

  test('tells two places apart', async () => {
    const target = planted((input) => {
      must(input.length > 0, 'empty');
      if (input[0] === 0) throw new TypeError('zero');
    });
    const { findings } = await fuzz(target, { inputs: 5_000, seed: 3, corpus: [] });
    expect(new Set(findings.map(({ what }) => what.split(':')[0]))).toEqual(new Set(['Error', 'TypeError']));
  });

  test('finds what is slow again when it is alone', async () => {
    const target = planted((input) => {
      if (input.length === 191) for (const until = process.threadCpuUsage().user + 80_000; process.threadCpuUsage().user < until;);
    });
    const { findings, slowestMs } = await fuzz(target, { inputs: 1, seed: 3, corpus: [new Uint8Array(191)] });
    expect(findings.map(({ what }) => what)).toEqual([expect.stringContaining('slow')]);
    expect(slowestMs).toBeGreaterThan(50);
  });

  test('is the same again with the same seed, and another with another', async () => {
    const heard = async (seed: number): Promise<readonly string[]> => {
      const texts: string[] = [];
      // Before each: what was slow on a busy machine is run again.
      const before = (input: Uint8Array): void => void texts.push(textOf(input));
      await fuzz(
        planted(() => undefined),
        { inputs: 500, seed, corpus: [], before },
      );
      return texts;
    };
    const first = await heard(5);
    expect(await heard(5)).toEqual(first);
    expect(await heard(6)).not.toEqual(first);
  });

  test('keeps what reaches new blocks, and goes on from there', async () => {
    const hits = new Uint8Array(8);
    const coverage: Coverage = { hits, size: () => 8, blocksOf: () => [0, 1, 2, 3], wordsOf: () => [] };
    const word = new TextEncoder().encode('7!Q');
    const target = planted(
      (input) => {
        let at = 0;
        while (at < word.length && input[at] === word[at]) at += 1;
        hits[at] = 1;
      },
      { seeds: () => bytesOf('aaaa') },
    );
    const { kept, blocks } = await fuzz(target, { inputs: 200_000, seed: 1, corpus: [], coverage });
    expect(blocks).toEqual({ reached: 4, all: 4 });
    expect(textOf(kept.at(-1)!)).toMatch(/^7!Q/);
    const blind = await fuzz(target, { inputs: 200_000, seed: 1, corpus: [] });
    expect(blind.kept).toEqual([]);
  });

  test('ends when its time is over', async () => {
    let asked = 0;
    const elapsed = (): number => (asked += 1) / 100;
    const { inputs } = await fuzz(
      planted(() => undefined),
      { inputs: 100_000, seed: 1, corpus: [], elapsed },
    );
    expect(inputs).toBeGreaterThan(10);
    expect(inputs).toBeLessThanOrEqual(100);
  });

  test('feeds the corpus first, and no input longer than the most', async () => {
    const lengths: number[] = [];
    const target = planted(() => undefined, { mostBytes: 20 });
    const before = (input: Uint8Array): void => void lengths.push(input.length);
    await fuzz(target, { inputs: 2_000, seed: 1, corpus: [new Uint8Array(7), new Uint8Array(30)], before });
    expect(lengths.slice(0, 2)).toEqual([7, 20]);
    expect(Math.max(...lengths)).toBe(20);
  });
});

test('growth is seen where garbage can be collected at will', () => {
  const script = `
    import { fuzz } from ${JSON.stringify(path.join(root, 'test/fuzz/driver/run.ts'))};
    const kept = [];
    const target = { name: 'leaky', what: '', code: [], mostBytes: 10, inputs: 1, seeds: () => [new Uint8Array(1)],
      check: () => void (process.argv[1] === 'leaky' && kept.push(new Array(1_000).fill(kept.length))) };
    const { findings, growthBytes } = await fuzz(target, { inputs: 5_000, seed: 1, corpus: [] });
    console.log(JSON.stringify({ found: findings.length, growthBytes }));`;
  const run = (name: string): { found: number; growthBytes: number } => {
    const { stdout, stderr } = spawnSync(process.execPath, ['--expose-gc', '--input-type=module', '-e', script, name], {
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
    return JSON.parse(stdout) as { found: number; growthBytes: number };
  };
  const leaky = run('leaky');
  expect(leaky.found).toBe(1);
  expect(leaky.growthBytes).toBeGreaterThan(GROWTH_BYTES);
  expect(run('tight').found).toBe(0);
});

describe('counters in a source', () => {
  const source = [
    'const f = (a) => a ? { b: a && 1 } : [];',
    'class C { #x = 1; constructor(y) { if (y) this.#x = 2; else if (y === 0) return; } get x() { return this.#x ?? "word"; } }',
    'function g(n) { let s = ""; for (let i = 0; i < n; i++) s += i; do n--; while (n > 0); switch (n) { case 0: case 1: s += "one"; break; default: { s += "é"; } } return s; }',
    'function h() { try { throw 1 } catch { return () => ({ caught: true }) } }',
    'result = [f(2), f(0), new C(1).x, new C(0).x, g(3), h()().caught];',
  ].join('\n');

  test('change nothing of what it does, and count what ran', () => {
    const { source: counted, end, words } = withCounters(source, 3);
    const hits = new Uint8Array(64);
    const run = (text: string): unknown => runInNewContext(`let result; ${text}; result`, { __rtplatFuzzBlocks: hits });
    const expected = run(source);
    expect(run(counted)).toEqual(expected);
    expect(words).toEqual(expect.arrayContaining(['word', 'one', 'é']));
    expect(counted.split('\n')).toHaveLength(source.split('\n').length);
    expect(hits.subarray(0, 3)).toEqual(new Uint8Array(3));
    const ran = hits.subarray(3, end).filter((count) => count > 0).length;
    expect(ran).toBeGreaterThan(12);
    expect(ran).toBeLessThan(end - 3);
  });
});

test('mutations are of all kinds: shorter, longer, other bytes, words', () => {
  const random = new SeededRandom(1);
  const [input = new Uint8Array(0)] = bytesOf(REQUEST);
  const made = Array.from({ length: 3_000 }, () => mutated(random, { corpus: [input], words: ['Transfer-Encoding'], mostBytes: 500 }));
  expect(made.some(({ length }) => length < input.length / 2)).toBe(true);
  expect(made.some(({ length }) => length > 2 * input.length)).toBe(true);
  expect(made.every(({ length }) => length <= 500)).toBe(true);
  expect(made.some((bytes) => textOf(bytes).includes('Transfer-Encoding'))).toBe(true);
  expect(made.some((bytes) => textOf(bytes).includes('Content-Length: 18446744073709551616'))).toBe(true);
  expect(textOf(input)).toBe(REQUEST);
});

test('shrinking keeps what matters', async () => {
  const small = await shrunk(new TextEncoder().encode('lots of text with a needle in it'), (candidate) =>
    textOf(candidate).includes('needle'),
  );
  expect(textOf(small)).toBe('needle');
});

test.each(['a\nb', '\u001B[2J', '\u0085', '\u2028', '\u202E'])('a line with %j is not clean', (text) => {
  expect(() => mustBeOneCleanLine(text, 'it')).toThrow('control character');
});

describe('npm run fuzz', () => {
  const fuzzing = (...args: readonly string[]) =>
    spawnSync(process.execPath, [path.join(root, 'scripts', 'fuzz.ts'), ...args], { encoding: 'utf8', cwd: root });

  test('runs a target in a process of its own, guided', { timeout: 120_000 }, () => {
    const { status, stdout } = fuzzing('dtmf-info', '--inputs', '2000');
    expect(stdout).toContain('2,000 inputs of 1 targets');
    const [, reached = '0', all = '0'] = /\| (\d+) of (\d+) \(/.exec(stdout) ?? [];
    expect(Number(reached)).toBeGreaterThan(Number(all) / 2);
    expect(status).toBe(0);
  });

  test('replays an input', { timeout: 120_000 }, () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-fuzz-'));
    try {
      const file = path.join(folder, 'input');
      writeFileSync(file, 'application/dtmf\n5');
      const { status, stdout } = fuzzing('dtmf-info', '--input', file);
      expect(stdout).toContain('18 bytes, nothing wrong');
      expect(status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('names the targets there are', () => {
    const { status, stderr } = fuzzing('nonsense');
    expect(stderr).toContain(TARGET_NAMES.join(' '));
    expect(status).toBe(2);
  });
});

test('the page has each target', () => {
  const page = readFileSync(path.join(root, 'docs', 'fuzzing.md'), 'utf8');
  for (const name of TARGET_NAMES) expect(page).toContain(`| ${name} |`);
});
