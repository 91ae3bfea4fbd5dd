/** The kernel's stamps on our clock, with both clocks in the hands of the test. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { KernelClock } from '../../../../src/core/udp/batch/clock.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';

const US = 1e3;
const MS = 1e6;
const S = 1e9;

/** The monotonic clock, ns. */
let nowNs = 0;
/** The wall clock, ns since the epoch; a BigInt, for a double has no nanoseconds left there. */
let wallNs = 0n;
/** How long the next readings of the wall clock take, half of it before it is read; then 200 ns. */
let readingsNs: number[] = [];
let rate = 1;

vi.mock('../../../../src/core/udp/clock.ts', () => ({ nowNs: () => nowNs }));

function pass(ns: number): void {
  nowNs += ns;
  wallNs += BigInt(Math.round(ns * rate));
}

/** Passes time in steps that no reading skips, as packets do. */
function passRead(clock: KernelClock, ns: number, stepNs = 20 * MS): void {
  for (let passed = 0; passed < ns; passed += stepNs) {
    pass(stepNs);
    clock.read();
  }
}

let memory: DataView = new DataView(new ArrayBuffer(16));

function makeClock(): KernelClock {
  return new KernelClock({
    ...loadLibc(),
    addressOf: (bytes) => {
      memory = new DataView(bytes.buffer, bytes.byteOffset);
      return 1;
    },
    clock_gettime: () => {
      const takesNs = readingsNs.shift() ?? 200;
      pass(takesNs / 2);
      memory.setBigInt64(0, wallNs / BigInt(S), true);
      memory.setBigInt64(8, wallNs % BigInt(S), true);
      pass(takesNs / 2);
      return 0;
    },
  });
}

/** The stamp that the kernel would make now, as the clock has it. */
function stampNow(): readonly [number, number] {
  return [Number(wallNs / BigInt(S)), Number(wallNs % BigInt(S))];
}

/** How far the clock is off for a packet that was stamped now and is read 10 µs later. */
function errorNs(clock: KernelClock): number {
  const stamp = stampNow();
  const trueNs = nowNs;
  pass(10 * US);
  clock.read();
  return clock.monotonic(...stamp) - trueNs;
}

beforeEach(() => {
  nowNs = 5 * S;
  wallNs = 1_790_000_000n * BigInt(S) + 999_999_000n;
  readingsNs = [];
  rate = 1;
});

describe('the kernel’s clock', () => {
  it('brings stamps onto the monotonic clock, across seconds', () => {
    const clock = makeClock();
    for (let i = 0; i < 100; i++) {
      expect(Math.abs(errorNs(clock))).toBeLessThan(1);
      pass(33 * MS);
    }
    expect(clock.steps).toBe(0);
  });

  it('tells when it was read', () => {
    const clock = makeClock();
    pass(1 * MS);
    expect(clock.read()).toBe(nowNs);
    pass(1 * MS);
    expect(clock.readNs).toBe(nowNs - 1 * MS);
  });

  it.each([500e-6, -500e-6])('follows an adjustment of %d for as long as it takes, which is no step', (adjustment) => {
    const clock = makeClock();
    rate = 1 + adjustment;
    for (let i = 0; i < 500; i++) {
      passRead(clock, 200 * MS);
      expect(Math.abs(errorNs(clock))).toBeLessThan(1 * US);
    }
    expect(clock.steps).toBe(0);
  });

  it('follows it too when nobody read for an hour', () => {
    const clock = makeClock();
    rate = 1 - 500e-6;
    pass(3600 * S);
    expect(Math.abs(errorNs(clock))).toBeLessThan(1 * US);
    expect(clock.steps).toBe(0);
  });

  it.each([-3600 * S, -1 * S, -100 * US, 100 * US, 1 * S, 3600 * S])(
    'notices a step of %d ns, trusts no stamp near it, and goes on',
    (stepNs) => {
      const clock = makeClock();
      passRead(clock, 100 * MS);
      const before = stampNow();
      pass(10 * US);
      wallNs += BigInt(stepNs);
      const after = stampNow();
      pass(10 * US);
      clock.read();
      expect(clock.steps).toBe(1);
      expect(clock.monotonic(...before)).toBeNaN();
      expect(clock.monotonic(...after)).toBeNaN();
      // Stamps from before may still be on their way.
      passRead(clock, 100 * MS);
      expect(errorNs(clock)).toBeNaN();
      expect(clock.monotonic(...before)).toBeNaN();
      passRead(clock, 200 * MS);
      expect(Math.abs(errorNs(clock))).toBeLessThan(1);
      expect(clock.steps).toBe(1);
    },
  );

  it('counts every step', () => {
    const clock = makeClock();
    for (const [i, stepNs] of [1 * S, -1 * S, 30 * MS].entries()) {
      passRead(clock, 300 * MS);
      wallNs += BigInt(stepNs);
      clock.read();
      expect(clock.steps).toBe(i + 1);
    }
  });

  it('does not believe a reading that was interrupted, and takes the next', () => {
    const clock = makeClock();
    passRead(clock, 100 * MS);
    readingsNs = [5 * MS, 2 * MS];
    clock.read();
    expect(clock.steps).toBe(0);
    expect(clock.readNs).toBe(nowNs);
    expect(Math.abs(errorNs(clock))).toBeLessThan(1);
  });

  it('keeps what it knew when every reading is interrupted', () => {
    const clock = makeClock();
    passRead(clock, 100 * MS);
    readingsNs = Array.from({ length: 20 }, () => 1 * MS);
    const stamp = stampNow();
    const trueNs = nowNs;
    pass(10 * US);
    clock.read();
    expect(Math.abs(clock.monotonic(...stamp) - trueNs)).toBeLessThan(1);
    expect(clock.steps).toBe(0);
  });

  it('knows nothing until a reading succeeds', () => {
    readingsNs = Array.from({ length: 8 }, () => 1 * MS);
    const clock = makeClock();
    expect(errorNs(clock)).toBeNaN();
    readingsNs = [];
    expect(Math.abs(errorNs(clock))).toBeLessThan(1);
    expect(clock.steps).toBe(0);
  });

  it('takes a stamp from the future for now when it is near, and for nonsense when it is far', () => {
    const clock = makeClock();
    const stamp = (ns: number): readonly [number, number] => {
      const at = wallNs + BigInt(ns);
      return [Number(at / BigInt(S)), Number(at % BigInt(S))];
    };
    clock.read();
    expect(clock.monotonic(...stamp(10 * US))).toBe(clock.readNs);
    expect(clock.monotonic(...stamp(1 * MS))).toBeNaN();
    expect(clock.monotonic(...stamp(-1 * S))).toBeLessThan(clock.readNs);
    expect(clock.monotonic(...stamp(-60 * S))).toBeNaN();
    expect(clock.monotonic(0, 0)).toBeNaN();
  });
});
