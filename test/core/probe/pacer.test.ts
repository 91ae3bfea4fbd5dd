import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Pacer } from '../../../src/core/probe/pacer.ts';

const MS = 1e6;
/** What a timer is late by, up to the millisecond that Node allows itself. */
const TIMER_LATE_NS = 0.9 * MS;
const TURN_NS = 3_000;

interface Task {
  readonly atNs: number;
  readonly run: () => void;
}

/** An event loop on simulated time. */
let nowNs = 0;
let tasks: Task[] = [];

function later(delayNs: number, run: () => void): Task {
  const task = { atNs: nowNs + delayNs, run };
  tasks.push(task);
  return task;
}

function cancel(task: Task | undefined): void {
  tasks = tasks.filter((other) => other !== task);
}

function runAll(): void {
  for (;;) {
    const next = tasks.toSorted((a, b) => a.atNs - b.atNs)[0];
    if (next === undefined) return;
    cancel(next);
    nowNs = Math.max(nowNs, next.atNs);
    next.run();
  }
}

beforeEach(() => {
  nowNs = 123_456_789;
  tasks = [];
  vi.stubGlobal('setTimeout', (run: () => void, delayMs: number) => later(delayMs * MS + TIMER_LATE_NS, run));
  vi.stubGlobal('setImmediate', (run: () => void) => later(TURN_NS, run));
  vi.stubGlobal('clearTimeout', cancel);
  vi.stubGlobal('clearImmediate', cancel);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('Pacer', () => {
  it.each([0.01, 0.7, 1.5, 2.5, 5, 20, 33.3])('meets deadlines %f ms apart to a turn of the event loop, without drift', (everyMs) => {
    const errors: number[] = [];
    const start = nowNs + 7.3 * MS;
    const pacer = new Pacer({
      nowNs: () => nowNs,
      due: (now) => {
        errors.push(now - (start + errors.length * everyMs * MS));
        return errors.length < 200 ? start + errors.length * everyMs * MS : null;
      },
    });
    pacer.start(start);
    runAll();
    expect(errors).toHaveLength(200);
    expect(Math.min(...errors)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...errors)).toBeLessThanOrEqual(TURN_NS);
  });

  it('sleeps through most of a long wait', () => {
    let looks = 0;
    const pacer = new Pacer({
      nowNs: () => {
        looks += 1;
        return nowNs;
      },
      due: () => null,
    });
    pacer.start(nowNs + 10_000 * MS);
    runAll();
    expect(looks * TURN_NS).toBeLessThan(3 * MS);
  });

  it('answers for every deadline when it is far behind', () => {
    const due: number[] = [];
    const start = nowNs;
    const pacer = new Pacer({
      nowNs: () => nowNs,
      due: (now) => {
        due.push(now);
        nowNs += 50 * MS;
        return due.length < 10 ? start + due.length * 20 * MS : null;
      },
    });
    pacer.start(start);
    runAll();
    expect(due).toHaveLength(10);
  });

  it.each([100, 0.5])('stops %f ms before its deadline', (leftMs) => {
    const due = vi.fn<() => number | null>(() => null);
    const pacer = new Pacer({ nowNs: () => nowNs, due });
    pacer.start(nowNs + leftMs * MS);
    pacer.stop();
    expect(tasks).toEqual([]);
    runAll();
    expect(due).not.toHaveBeenCalled();
  });
});
