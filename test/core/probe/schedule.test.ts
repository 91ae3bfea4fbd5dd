import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Schedule } from '../../../src/core/probe/schedule.ts';

const MS = 1e6;

describe('Schedule', () => {
  it('spreads the streams over one interval and keeps each at its rate', () => {
    const schedule = new Schedule({ streams: 4, intervalNs: 20 * MS, durationNs: 40 * MS });
    expect(schedule.packetsPerStream).toBe(2);
    expect(schedule.total).toBe(8);
    const due = Array.from({ length: 8 }, (_, n) => [schedule.streamOf(n), schedule.indexOf(n), schedule.dueNs(n) / MS]);
    expect(due).toEqual([
      [0, 0, 0],
      [1, 0, 5],
      [2, 0, 10],
      [3, 0, 15],
      [0, 1, 20],
      [1, 1, 25],
      [2, 1, 30],
      [3, 1, 35],
    ]);
  });

  it.each([
    { durationNs: 10_000 * MS, intervalNs: 20 * MS, packets: 500 },
    { durationNs: 10_001 * MS, intervalNs: 20 * MS, packets: 501 },
    { durationNs: 1, intervalNs: 20 * MS, packets: 1 },
    // 1 s at 30 packets/s: 29.99… and 30.00…1 by rounding are both 30.
    { durationNs: 1e9, intervalNs: 1e9 / 30, packets: 30 },
    { durationNs: 0.3e9, intervalNs: 0.1e9, packets: 3 },
  ])('has $packets packets every $intervalNs ns in $durationNs ns', ({ durationNs, intervalNs, packets }) => {
    expect(new Schedule({ streams: 1, intervalNs, durationNs }).packetsPerStream).toBe(packets);
  });

  const options = fc.record({
    streams: fc.integer({ min: 1, max: 50 }),
    intervalNs: fc.integer({ min: 100_000, max: 100 * MS }),
    durationNs: fc.integer({ min: 1, max: 1000 * MS }),
  });

  it('has every packet of every stream exactly once, in the order of their deadlines, all within the duration', () => {
    fc.assert(
      fc.property(options, (given) => {
        const schedule = new Schedule(given);
        const total = Math.min(schedule.total, 2_000);
        let last = -1;
        const seen = new Set<string>();
        for (let n = 0; n < total; n++) {
          const due = schedule.dueNs(n);
          expect(due).toBeGreaterThan(last);
          last = due;
          seen.add(`${schedule.streamOf(n)}/${schedule.indexOf(n)}`);
        }
        expect(seen.size).toBe(total);
        // The last round of streams may start just before the end: at most one interval of it lies behind.
        expect(schedule.dueNs(schedule.total - 1)).toBeLessThan(Math.max(given.durationNs, 1) + given.intervalNs);
      }),
    );
  });

  it('does not drift: the packet of an hour is due on the hour', () => {
    const schedule = new Schedule({ streams: 3, intervalNs: 20 * MS, durationNs: 3601e9 });
    expect(schedule.dueNs(3 * 50 * 3600)).toBeCloseTo(3600e9, 0);
  });
});
