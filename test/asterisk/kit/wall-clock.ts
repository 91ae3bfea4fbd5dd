/** Sets the clock of the machine: for machines that nobody else works on, as root. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { arch } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

const NS_PER_S = 1_000_000_000n;
const CLOCK_REALTIME = 0;
const CLOCK_MONOTONIC = 1;
/** struct timex of 64-bit Linux, and ADJ_SETOFFSET of adjtimex(2): the clock is moved by exactly so much. */
const TIMEX_BYTES = 208;
const TIMEX_SECONDS = 72;
const ADJ_SETOFFSET = 0x0100;

interface Koffi {
  load(path: null): { func(prototype: string): (...args: unknown[]) => number };
}
const libc = (createRequire(import.meta.url)(`@koromix/koffi-linux-${arch()}`) as Koffi).load(null);
const clockGettime = libc.func('int clock_gettime(int, void *)');
const adjtimex = libc.func('int adjtimex(void *)');

function readNs(clock: number): bigint {
  const time = Buffer.alloc(16);
  assert.equal(clockGettime(clock, time), 0);
  return time.readBigInt64LE(0) * NS_PER_S + time.readBigInt64LE(8);
}

/** How far the wall clock is ahead of the one that nobody sets, ns. */
export function offsetNs(): bigint {
  const before = readNs(CLOCK_MONOTONIC);
  const wall = readNs(CLOCK_REALTIME);
  return wall - (before + readNs(CLOCK_MONOTONIC)) / 2n;
}

function stepBy(seconds: number): void {
  const timex = Buffer.alloc(TIMEX_BYTES);
  timex.writeUInt32LE(ADJ_SETOFFSET, 0);
  timex.writeBigInt64LE(BigInt(seconds), TIMEX_SECONDS);
  assert.notEqual(adjtimex(timex), -1, 'adjtimex failed');
}

/** The clock is elsewhere for `ms`. */
export async function stepped(seconds: number, ms: number = 700): Promise<void> {
  stepBy(seconds);
  try {
    await pause(ms);
  } finally {
    stepBy(-seconds);
  }
}

/** @param noted what {@link offsetNs} was. @returns the seconds that the clock had to be set. */
export function putRight(noted: bigint): number {
  const seconds = Math.round(Number(noted - offsetNs()) / 1e9);
  if (seconds !== 0) stepBy(seconds);
  return seconds;
}
