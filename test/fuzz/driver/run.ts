/** The loop: an input is made, fed and timed, and kept when it went where none had gone before. */
import { performance } from 'node:perf_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import type { FuzzTarget } from '../target.ts';
import type { Coverage } from './instrument.ts';
import { below, mutated } from './mutate.ts';
import { aloneMs, SLOW_MS } from './slow.ts';
import { shrunk } from './shrink.ts';

export interface RunOptions {
  readonly inputs: number;
  readonly seed: number;
  /** What is kept in the repository. */
  readonly corpus: readonly Uint8Array[];
  /** Without it nothing guides the run. */
  readonly coverage?: Coverage;
  /** Told of each input before it is fed. */
  readonly before?: (input: Uint8Array) => void;
  /** How much of the time that there is has passed; 1 ends the run early. */
  readonly elapsed?: () => number;
}

export interface Finding {
  readonly what: string;
  readonly input: Uint8Array;
}

export interface Outcome {
  /** How many inputs were fed, the corpus and the seeds among them. */
  readonly inputs: number;
  readonly seconds: number;
  /** Each bug once, as far as the places where they show tell them apart. */
  readonly findings: readonly Finding[];
  /** What is worth keeping: inputs that together reach all blocks that were reached. */
  readonly kept: readonly Uint8Array[];
  readonly blocks: { readonly reached: number; readonly all: number };
  /** The most processor time that an input took when it was run again, ms; null when none took more than the bar at first. */
  readonly slowestMs: number | null;
  /** Bytes that the heap had more at the end than after a third of the inputs; null where the process cannot collect garbage at will. */
  readonly growthBytes: number | null;
}

/** More would be a leak and not the engine's own: 100,000 inputs of 84 bytes. */
export const GROWTH_BYTES = 8 * 2 ** 20;
const SLOW = `slow: more than ${SLOW_MS} ms of processor time for an input`;
const MOST_FINDINGS = 20;
const MOST_POOL = 3_000;

interface Kept {
  readonly input: Uint8Array;
  readonly blocks: readonly number[];
}

export async function fuzz(target: FuzzTarget, options: RunOptions): Promise<Outcome> {
  const random = new SeededRandom(options.seed);
  const hits = options.coverage?.hits;
  const seen = new Uint8Array(hits?.length ?? 0);
  const begins = [...options.corpus, ...target.seeds(new SeededRandom(options.seed))].map((input) => input.slice(0, target.mostBytes));
  const pool: Uint8Array[] = begins.length === 0 ? [new Uint8Array(0)] : [...begins];
  const kept: Kept[] = [];
  const findings = new Map<string, Finding>();
  const places = new Set<string>();
  let slowestMs: number | null = null;
  let heapBefore: number | undefined;
  let poolBefore = 0;
  let fed = 0;
  const started = performance.now();

  const feed = async (input: Uint8Array): Promise<void> => {
    fed += 1;
    options.before?.(input);
    const blocks = options.coverage?.size() ?? 0;
    hits?.fill(0, 0, blocks);
    const from = performance.now();
    let fault: unknown;
    try {
      const pending = target.check(input);
      if (pending !== undefined) await pending;
    } catch (error) {
      fault = error ?? new Error('undefined was thrown');
    }
    const ms = performance.now() - from;
    const reached = hits === undefined ? undefined : newBlocks(hits, seen, options.coverage?.size() ?? 0);
    if (reached !== undefined) {
      if (pool.length < MOST_POOL) pool.push(input);
      else pool[below(random, MOST_POOL)] = input;
      if (reached.length > 0) kept.push({ input, blocks: reached });
    }
    if (fault !== undefined) await found(fault, input);
    // One is enough: the next ones would take five times their time again.
    if (ms > SLOW_MS && !findings.has(SLOW)) {
      const alone = await aloneMs(target, input);
      slowestMs = Math.max(slowestMs ?? 0, alone);
      if (alone > SLOW_MS) note(SLOW, input);
    }
  };
  const note = (what: string, input: Uint8Array): void => {
    if (!findings.has(what)) findings.set(what, { what, input });
  };
  const found = async (fault: unknown, input: Uint8Array): Promise<void> => {
    const place = placeOf(fault);
    if (places.has(place)) return;
    places.add(place);
    const smallest = await shrunk(input, async (candidate) => {
      try {
        await target.check(candidate);
        return false;
      } catch (error) {
        return placeOf(error) === place;
      }
    });
    note(describe(fault), smallest);
  };

  for (const input of begins) await feed(input);
  const words = options.coverage?.wordsOf(target.code) ?? [];
  const material = { corpus: pool, words, mostBytes: target.mostBytes };
  while (fed < options.inputs && findings.size < MOST_FINDINGS && (options.elapsed?.() ?? 0) < 1) {
    await feed(mutated(random, material));
    if (heapBefore === undefined && (fed >= options.inputs / 3 || (options.elapsed?.() ?? 0) > 1 / 3)) {
      heapBefore = await heapBytes();
      poolBefore = bytesIn(pool);
    }
  }
  const heapAfter = await heapBytes();
  const growthBytes =
    heapAfter === undefined || heapBefore === undefined ? null : heapAfter - heapBefore - Math.max(0, bytesIn(pool) - poolBefore);
  if (growthBytes !== null && growthBytes > GROWTH_BYTES)
    note(
      `growth: the heap has ${Math.round(growthBytes / 1024)} kB more after ${fed} inputs than after a third of them`,
      new Uint8Array(0),
    );
  const own = options.coverage?.blocksOf(target.code) ?? [];
  return {
    inputs: fed,
    seconds: (performance.now() - started) / 1_000,
    findings: [...findings.values()],
    kept: smallCover(kept, new Set(own)),
    blocks: { reached: own.filter((block) => seen[block] !== 0).length, all: own.length },
    slowestMs,
    growthBytes,
  };
}

/** How often a block ran, in steps of which each tells more: 1, 2, 3, 4–7, 8–15, 16–31, 32–127, 128 and more. */
const STEP: Uint8Array = Uint8Array.from({ length: 256 }, (_, hits) => {
  if (hits < 4) return hits === 0 ? 0 : 1 << (hits - 1);
  if (hits < 8) return 8;
  if (hits < 16) return 16;
  if (hits < 32) return 32;
  return hits < 128 ? 64 : 128;
});

/** @returns undefined when nothing is new, else the blocks that never ran before: maybe none of them, but some ran more often. */
function newBlocks(hits: Uint8Array, seen: Uint8Array, size: number): readonly number[] | undefined {
  let fresh: number[] | undefined;
  const words = new Uint32Array(hits.buffer, 0, (size + 3) >>> 2);
  for (let word = 0; word < words.length; word += 1) {
    if (words[word] === 0) continue;
    for (let block = 4 * word; block < 4 * word + 4; block += 1) {
      const step = STEP[hits[block] as number] as number;
      const before = seen[block] as number;
      if ((step & ~before) === 0) continue;
      fresh ??= [];
      if (before === 0) fresh.push(block);
      seen[block] = before | step;
    }
  }
  return fresh;
}

/** The latest that reached a block alone come first: they mostly went through what the others went through. */
function smallCover(kept: readonly Kept[], own: ReadonlySet<number>): readonly Uint8Array[] {
  return kept.filter(({ blocks }) => blocks.some((block) => own.has(block))).map(({ input }) => input);
}

function bytesIn(pool: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const input of pool) bytes += input.length + 200;
  return bytes;
}

/** After collecting garbage; undefined without `--expose-gc`. */
async function heapBytes(): Promise<number | undefined> {
  if (globalThis.gc === undefined) return undefined;
  // What is not of the heap itself, such as the state of zlib, is let go of on later turns.
  for (let i = 0; i < 4; i += 1) {
    globalThis.gc();
    await turn();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function describe(fault: unknown): string {
  const text = fault instanceof Error ? `${fault.name}: ${fault.message}` : String(fault);
  return `${text.slice(0, 400)} (${placeOf(fault)})`;
}

/** Where it was thrown: the first place in `src/` or a target. */
function placeOf(fault: unknown): string {
  const stack = fault instanceof Error ? (fault.stack ?? '') : '';
  for (const line of stack.split('\n').slice(1)) {
    const at = Math.max(line.indexOf('/src/'), line.indexOf('/targets/'));
    if (at !== -1) return line.slice(at + 1).replace(/\)$/, '');
  }
  return fault instanceof Error ? fault.name : typeof fault;
}
