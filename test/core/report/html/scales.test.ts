import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clock, latencyScale, timeScale, timeStep } from '../../../../src/core/report/html/scales.ts';

describe('latencyScale', () => {
  it('is linear and from 0 for what is close together', () => {
    const scale = latencyScale(2, 10, [100, 0], 5);
    expect(scale.logarithmic).toBe(false);
    expect([scale.place(0), scale.place(5), scale.place(10)]).toEqual([100, 50, 0]);
    expect(scale.ticks.map(({ label }) => label)).toEqual(['0', '2', '4', '6', '8', '10']);
  });

  it('is logarithmic for what is not, and marks 1, 2 and 5', () => {
    const scale = latencyScale(0.1, 100, [300, 0], 8);
    expect(scale.logarithmic).toBe(true);
    expect([scale.place(0.1), scale.place(100)]).toEqual([300, 0]);
    expect(scale.ticks.map(({ label }) => label)).toEqual(['0.1', '0.2', '0.5', '1', '2', '5', '10', '20', '50', '100']);
    expect(scale.place(0)).toBe(300);
  });

  it('places everything in the picture, even of nonsense', () => {
    const any = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(any, any, any, (low, high, value) => {
        const at = latencyScale(low, high, [300, 0], 6).place(value);
        expect(at).toBeGreaterThanOrEqual(0);
        expect(at).toBeLessThanOrEqual(300);
      }),
    );
  });
});

describe('time', () => {
  it('before a start has a sign', () => {
    expect([-3_600, -65, -1, 0, 65].map(clock)).toEqual(['−1:00:00', '−1:05', '−0:01', '0:00', '1:05']);
  });

  it.each([
    [10, 240, 1],
    [36_000, 240, 300],
    [86_400 * 400, 240, 172_800],
  ])('%i seconds in %i parts: parts of %i s', (seconds, count, step) => {
    expect(timeStep(seconds, count)).toBe(step);
  });

  it('is marked at round times', () => {
    expect(timeScale(0, 3_600, [0, 360], 4).ticks).toEqual([
      { at: 0, label: '0:00' },
      { at: 90, label: '15:00' },
      { at: 180, label: '30:00' },
      { at: 270, label: '45:00' },
      { at: 360, label: '1:00:00' },
    ]);
  });

  it('has few marks, whatever the times are', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        (a, b) => {
          expect(timeScale(Math.min(a, b), Math.max(a, b), [0, 360], 4).ticks.length).toBeLessThanOrEqual(5);
        },
      ),
    );
  });

  it('is told as a clock does', () => {
    expect([clock(5), clock(725), clock(36_061)]).toEqual(['0:05', '12:05', '10:01:01']);
  });
});
