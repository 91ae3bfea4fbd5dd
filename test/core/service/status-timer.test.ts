import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { StatusTimer } from '../../../src/core/service/status-timer.ts';
import { MemoryLog } from '../../kit/memory-log.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it('tells what changed, at an interval that may change', () => {
  const log = new MemoryLog();
  let text = 'idle';
  const timer = new StatusTimer(log.logger, () => ({ text, fields: {} }));
  timer.every(10);
  vi.advanceTimersByTime(30_000);
  expect(log.lines).toEqual([]);
  text = 'one call';
  vi.advanceTimersByTime(9_999);
  text = 'two calls';
  vi.advanceTimersByTime(20_000);
  expect(log.lines).toEqual(['two calls']);
  timer.every(1);
  text = 'three calls';
  vi.advanceTimersByTime(1_000);
  expect(log.lines).toEqual(['two calls', 'three calls']);
  timer.every(0);
  text = 'four calls';
  vi.advanceTimersByTime(1e6);
  expect(log.lines).toHaveLength(2);
  timer.every(5);
  timer.stop();
  text = 'five calls';
  expect(vi.getTimerCount()).toBe(0);
});
