import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TimerQueue } from '../../../src/core/sip/timer-queue.ts';
import type { Timed } from '../../../src/core/sip/timer-queue.ts';

interface Item extends Timed {
  readonly name: number;
}

const item = (name: number): Item => ({ name, dueMs: Number.POSITIVE_INFINITY, queueIndex: -1 });

describe('the timer queue', () => {
  test('nothing is due in an empty queue', () => {
    const queue = new TimerQueue<Item>();
    expect(queue.dueMs).toBe(Number.POSITIVE_INFINITY);
    expect(queue.takeDue(Number.MAX_VALUE)).toBeUndefined();
  });

  test('an item is due at its time, not before', () => {
    const queue = new TimerQueue<Item>();
    const only = item(1);
    queue.schedule(only, 500);
    expect(queue.dueMs).toBe(500);
    expect(queue.takeDue(499.9)).toBeUndefined();
    expect(queue.takeDue(500)).toBe(only);
    expect(queue.size).toBe(0);
  });

  test('to be due at Infinity is to be in no queue', () => {
    const queue = new TimerQueue<Item>();
    const only = item(1);
    queue.schedule(only, 500);
    queue.schedule(only, Number.POSITIVE_INFINITY);
    expect(queue.size).toBe(0);
    expect(only.queueIndex).toBe(-1);
  });

  test('those left after others were taken out come in order', () => {
    const times = fc.array(fc.tuple(fc.nat({ max: 1_000 }), fc.boolean()), { maxLength: 100, size: 'max' });
    fc.assert(
      fc.property(times, (times) => {
        const queue = new TimerQueue<Item>();
        const items = times.map(([atMs, stays]) => ({ one: item(atMs), stays }));
        for (const { one } of items) queue.schedule(one, one.name);
        for (const { one, stays } of items) if (!stays) queue.cancel(one);
        const left = items.filter(({ stays }) => stays).map(({ one }) => one.name);
        const order: number[] = [];
        for (let next = queue.takeDue(1_000); next !== undefined; next = queue.takeDue(1_000)) order.push(next.name);
        expect(order).toEqual(left.toSorted((a, b) => a - b));
      }),
    );
  });

  test('whatever is put in, moved and taken out, the earliest comes first', () => {
    const step = fc.record({
      what: fc.constantFrom('schedule', 'cancel', 'take'),
      name: fc.nat({ max: 30 }),
      atMs: fc.nat({ max: 100 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const queue = new TimerQueue<Item>();
        const items = Array.from({ length: 31 }, (_, name) => item(name));
        const model = new Map<number, number>();
        for (const { what, name, atMs } of steps) {
          if (what === 'schedule') {
            queue.schedule(items[name]!, atMs);
            model.set(name, atMs);
          } else if (what === 'cancel') {
            queue.cancel(items[name]!);
            model.delete(name);
          } else {
            const earliest = Math.min(...model.values());
            const taken = queue.takeDue(atMs);
            if (earliest > atMs) expect(taken).toBeUndefined();
            else {
              expect(model.get(taken!.name)).toBe(earliest);
              model.delete(taken!.name);
            }
          }
          expect(queue.size).toBe(model.size);
          expect(queue.dueMs).toBe(Math.min(...model.values()));
        }
      }),
    );
  });
});
