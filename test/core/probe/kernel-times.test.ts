import { describe, expect, it } from 'vitest';
import { KernelTimes } from '../../../src/core/probe/kernel-times.ts';

const MS = 1e6;

describe('KernelTimes', () => {
  it('knows when a packet left, and nothing of one it was not told of', () => {
    const times = new KernelTimes({ intervalNs: 20 * MS, timeoutNs: 2e9, durationNs: 10e9 });
    times.forget(0);
    times.forget(1);
    times.put(1, 123.5);
    expect(times.of(0)).toBeNaN();
    expect(times.of(1)).toBe(123.5);
    expect(times.of(2)).toBeNaN();
  });

  it('keeps every packet whose echo can still count, and a second more', () => {
    const intervalNs = 20 * MS;
    const times = new KernelTimes({ intervalNs, timeoutNs: 2e9, durationNs: 3600e9 });
    const kept = 3e9 / intervalNs;
    for (let i = 0; i <= 10 * kept; i++) {
      times.forget(i);
      times.put(i, i * intervalNs);
      expect(times.of(Math.max(0, i - kept))).toBe(Math.max(0, i - kept) * intervalNs);
    }
  });

  it('never takes a later packet for an earlier one', () => {
    const times = new KernelTimes({ intervalNs: 20 * MS, timeoutNs: 100 * MS, durationNs: 3600e9 });
    times.forget(3);
    times.put(3, 3);
    const later = 3 + 65_536;
    times.forget(later);
    expect(times.of(3)).toBeNaN();
    times.put(3, 3);
    expect(times.of(later)).toBeNaN();
    times.put(later, 4);
    expect(times.of(later)).toBe(4);
    expect(times.of(3)).toBeNaN();
  });
});
