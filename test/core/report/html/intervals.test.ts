import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { intervalsOf, MAX_INTERVALS, stretchesOf } from '../../../../src/core/report/html/intervals.ts';
import type { SeriesRow } from '../../../../src/core/report/run.ts';

const second = (t: number, parts: Partial<SeriesRow> = {}): SeriesRow => ({
  t,
  sent: 50,
  received: 50,
  lost: 0,
  late: 0,
  p50: 1,
  p95: 2,
  p99: 3,
  max: 4,
  ...parts,
});

describe('intervalsOf', () => {
  it('keeps seconds that there is room for', () => {
    const made = intervalsOf([second(0), second(1, { p99: null, late: null }), second(2)]);
    expect(made).toMatchObject({ seconds: 1, from: 0, to: 3 });
    expect(made.intervals.map(({ from, p99, late }) => [from, p99, late])).toEqual([
      [0, 3, 0],
      [1, null, null],
      [2, 3, 0],
    ]);
  });

  it('adds counts and takes the worst second of ten hours', () => {
    const rows = Array.from({ length: 36_000 }, (_, t) => second(t, t === 20_000 ? { max: 90, p99: 80, lost: 7, received: 43 } : {}));
    const { intervals, seconds, from, to } = intervalsOf(rows);
    expect({ seconds, from, to }).toEqual({ seconds: 300, from: 0, to: 36_000 });
    expect(intervals).toHaveLength(120);
    expect(intervals.find(({ lost }) => lost > 0)).toEqual({
      from: 19_800,
      to: 20_100,
      sent: 15_000,
      received: 14_993,
      lost: 7,
      late: 0,
      p50: 1,
      p95: 2,
      p99: 80,
      max: 90,
    });
  });

  it('does not take what was not measured for 0', () => {
    const rows = Array.from({ length: 1_000 }, (_, t) =>
      second(t, t % 2 === 0 ? { p50: null, p95: null, p99: null, max: null, late: null } : {}),
    );
    for (const one of intervalsOf(rows).intervals) expect(one).toMatchObject({ late: null, max: 4 });
  });

  it('leaves out what has no row', () => {
    expect(intervalsOf([second(0), second(5)]).intervals.map(({ from }) => from)).toEqual([0, 5]);
    expect(intervalsOf([]).intervals).toEqual([]);
  });

  it('is never longer than a picture is wide, and loses no packet, whatever the times are', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat(100_000), fc.double({ min: 0, noNaN: true, noDefaultInfinity: true })), { maxLength: 500 }),
        (times) => {
          const { intervals } = intervalsOf(times.map((t) => second(t)));
          expect(intervals.length).toBeLessThanOrEqual(MAX_INTERVALS);
          expect(intervals.reduce((sum, { sent }) => sum + sent, 0)).toBe(50 * times.length);
        },
      ),
    );
  });
});

describe('stretchesOf', () => {
  it('joins seconds with loss, and ends a stretch with a second without', () => {
    const rows = [second(4, { lost: 1 }), second(0, { lost: 2 }), second(1, { lost: 3 }), second(2), second(3), second(9, { lost: 5 })];
    expect(stretchesOf(rows)).toEqual([
      { from: 0, to: 2, sent: 100, lost: 5 },
      { from: 4, to: 5, sent: 50, lost: 1 },
      { from: 9, to: 10, sent: 50, lost: 5 },
    ]);
  });

  it('finds none where nothing is lost', () => {
    expect(stretchesOf([second(0), second(1)])).toEqual([]);
  });
});
