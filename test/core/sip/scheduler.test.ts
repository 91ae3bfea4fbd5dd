import { expect, test } from 'vitest';
import { Scheduler } from '../../../src/core/sip/scheduler.ts';

test('does what is due, in the order of time, and what that brings due', () => {
  const scheduler = new Scheduler();
  const done: string[] = [];
  scheduler.at(20, () => done.push('b'));
  scheduler.at(10, (nowMs) => {
    done.push('a');
    scheduler.at(nowMs, () => done.push('at once'));
  });
  scheduler.at(30, () => done.push('c'));
  expect(scheduler.dueMs).toBe(10);
  scheduler.tick(9);
  expect(done).toEqual([]);
  scheduler.tick(25);
  expect(done.toSorted()).toEqual(['a', 'at once', 'b']);
  expect(done[0]).toBe('a');
  expect(scheduler.dueMs).toBe(30);
});

test('what is cancelled is not done, and may be cancelled twice and after it was done', () => {
  const scheduler = new Scheduler();
  let done = 0;
  const timer = scheduler.at(10, () => (done += 1));
  timer.cancel();
  timer.cancel();
  const other = scheduler.at(11, () => (done += 10));
  scheduler.tick(20);
  other.cancel();
  expect([done, scheduler.dueMs]).toEqual([10, Number.POSITIVE_INFINITY]);
});
