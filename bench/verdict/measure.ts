/**
 * The runs: rounds of two over the same path and one over a longer one, in an order that changes. Some rounds run side by side, and
 * other work comes and goes: each is a part of the others' noise.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SeededRandom } from '../../src/core/probe/random.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import type { RunDocument } from '../../src/core/report/run.ts';
import { compile } from '../lib/peers.ts';
import { run, start } from '../lib/process.ts';
import { startNoise } from './noise.ts';

/** A path across a country: 5 ms there and back. */
const PATH_US = 5_000;
export const SHIFTS_MS = [1, 2, 5] as const;
export const SECONDS = 5;
/** Rounds side by side. */
const LANES = 5;
/** Side by side where both are measured: the larger one, which would fill the machine by itself, in one round of so many. */
export const LOADS = [
  { name: '1,000 packets', streams: 4, every: 1 },
  { name: '10,000 packets', streams: 40, every: 5 },
] as const;
export type Load = (typeof LOADS)[number]['name'];

/** One run of each load that was measured. */
export type Runs = ReadonlyMap<Load, RunDocument>;

export interface Round {
  readonly before: Runs;
  readonly again: Runs;
  readonly shiftMs: (typeof SHIFTS_MS)[number];
  readonly shifted: Runs;
}

const ORDERS = [
  [0, 1, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
  [1, 0, 2],
  [0, 2, 1],
] as const;
const SUBJECT = path.join(import.meta.dirname, '..', 'subjects', 'probe-run.ts');

/** @param progress is told after each round how many there are. */
export async function measureRounds(count: number, progress: (done: number) => void): Promise<readonly Round[]> {
  const stopNoise = startNoise(new SeededRandom(2));
  // Thousands of starts: what Node has compiled once it need not compile again.
  const compiled = mkdtempSync(path.join(tmpdir(), 'rtplat-verdict-'));
  const rounds: Round[] = [];
  let started = 0;
  let done = 0;
  const lane = async (random: SeededRandom): Promise<void> => {
    while (started < count) {
      const number = started++;
      rounds[number] = await measureRound(number, random, compiled);
      progress(++done);
    }
  };
  try {
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(new SeededRandom(3 + i))));
  } finally {
    started = count;
    await stopNoise();
    rmSync(compiled, { recursive: true });
  }
  return rounds;
}

async function measureRound(number: number, random: SeededRandom, compiled: string): Promise<Round> {
  const shiftMs = SHIFTS_MS[number % SHIFTS_MS.length] ?? 1;
  const delays = [0, 0, shiftMs];
  const made = new Map<number, Runs>();
  for (const which of ORDERS[random.uint32() % ORDERS.length] ?? []) {
    made.set(which, await measure(number, delays[which] ?? 0, compiled));
  }
  const [before, again, shifted] = [made.get(0), made.get(1), made.get(2)];
  if (before === undefined || again === undefined || shifted === undefined) throw new Error('a run of a round is missing');
  return { before, again, shiftMs, shifted };
}

async function measure(number: number, addedMs: number, compiled: string): Promise<Runs> {
  const loads = LOADS.filter(({ every }) => number % every === 0);
  return new Map(await Promise.all(loads.map(async ({ name, streams }) => [name, await measureLoad(streams, addedMs, compiled)] as const)));
}

async function measureLoad(streams: number, addedMs: number, compiled: string): Promise<RunDocument> {
  const delayUs = PATH_US + addedMs * 1000;
  const echo = await start(compile('delay-echo'), [String(delayUs)], { readyLine: / listening on \d+$/ });
  try {
    const port = echo.lines()[0]?.split(' ').at(-1) ?? '';
    const args = [SUBJECT, port, String(streams), String(SECONDS)];
    return parseRun(await run(process.execPath, args, { env: { NODE_COMPILE_CACHE: compiled } }), `${delayUs} µs`);
  } finally {
    await echo.stop();
  }
}
