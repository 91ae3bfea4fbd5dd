import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Watch } from '../../../src/core/service/watch.ts';
import { MemoryLog } from '../../kit/memory-log.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('one miss is a busy moment; two in a row are told, once, until it answers again', async () => {
  const log = new MemoryLog();
  let problem: string | undefined;
  let asked = 0;
  const check = async (): Promise<string | undefined> => {
    asked += 1;
    return problem;
  };
  const watch = new Watch([{ name: 'udp', check }], 30_000, log.logger);
  expect(watch.checks()).toEqual([{ name: 'udp', ok: true, reason: null }]);
  watch.start();
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toBe(1);
  problem = 'no answer';
  await vi.advanceTimersByTimeAsync(30_000);
  expect([asked, watch.checks()[0]?.ok, log.lines]).toEqual([2, true, []]);
  // A miss is looked at again soon.
  await vi.advanceTimersByTimeAsync(2_000);
  expect(watch.checks()).toEqual([{ name: 'udp', ok: false, reason: 'udp does not answer: no answer' }]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([asked, log.lines]).toEqual([8, ['Self-check: udp does not answer: no answer']]);
  problem = undefined;
  await vi.advanceTimersByTimeAsync(2_000);
  expect(watch.checks()).toEqual([{ name: 'udp', ok: true, reason: null }]);
  expect(log.lines.at(-1)).toBe('Self-check: udp answers again');
  await watch.stop();
  await vi.advanceTimersByTimeAsync(100_000);
  expect(asked).toBe(9);
});

test('a check that throws has missed, each thing by itself, and no interval is longer than asked', async () => {
  const log = new MemoryLog();
  const failing = { name: 'media', check: async () => Promise.reject(new Error('the thread has ended')) };
  const fine = { name: 'tcp', check: async () => undefined };
  const watch = new Watch([failing, fine], 1_000, log.logger);
  watch.start();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(watch.checks()).toEqual([
    { name: 'media', ok: false, reason: 'media does not answer: the thread has ended' },
    { name: 'tcp', ok: true, reason: null },
  ]);
  await watch.stop();
});

test('what is under way when it stops is waited for, and not told', async () => {
  const log = new MemoryLog();
  const answer = Promise.withResolvers<string>();
  const watch = new Watch([{ name: 'udp', check: () => answer.promise }], 1_000, log.logger);
  watch.start();
  let stopped = false;
  const stop = watch.stop().then(() => (stopped = true));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(stopped).toBe(false);
  answer.resolve('no answer');
  await stop;
  expect(log.lines).toEqual([]);
});
