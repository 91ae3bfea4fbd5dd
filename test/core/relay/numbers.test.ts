import { describe, expect, it } from 'vitest';
import { CallMemory, CallMemoryPool } from '../../../src/core/relay/numbers.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

describe('the memory of a call', () => {
  it('brings every latency into the histogram, some at once and the rest when it is flushed', () => {
    const memory = new CallMemoryPool().take();
    const reader = new CallMemory(memory.block);
    const expected = new LatencyHistogram();
    for (let n = 1; n <= 100; n++) {
      memory.record(n * 12_345);
      expected.record(n * 12_345);
      // Whether it is there yet or not, a reader finds it.
      expect(reader.histogram.count).toBe(n);
      expect(reader.histogram.maxNs).toBe(n * 12_345);
    }
    memory.flush();
    memory.flush();
    expect([...reader.histogram.buckets()]).toEqual([...expected.buckets()]);
    expect([reader.histogram.count, reader.histogram.minNs, reader.histogram.maxNs]).toEqual([100, 12_345, 1_234_500]);
  });

  it('is empty for the next call', () => {
    const pool = new CallMemoryPool();
    const memory = pool.take();
    for (let n = 0; n < 20; n++) memory.record(1e6);
    pool.giveBack(memory);
    const again = pool.take();
    expect(again).toBe(memory);
    again.flush();
    expect([again.histogram.count, again.jitterMs, again.socketDrops]).toEqual([0, null, null]);
  });
});
