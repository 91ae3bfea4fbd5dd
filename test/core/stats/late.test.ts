import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LateDetector } from '../../../src/core/stats/late.ts';

const MS = 1_000_000;
const SECOND = 1_000 * MS;
const PTIME_NS = 20 * MS;
const PTIME_TICKS = 160;
const SSRC = 0x1234_5678;
/** The shortest pause that counts as silence. */
const SILENCE_NS = 200 * MS;

function detector(thresholdNs?: number): LateDetector {
  return new LateDetector({ clockRateHz: 8_000, ...(thresholdNs !== undefined && { thresholdNs }) });
}

/** Packets from..to of an even 20-ms stream, each delayed by `delayNs(i)`; which of them were late. */
function lateAmong(late: LateDetector, from: number, to: number, delayNs: (i: number) => number, firstTimestamp = 0): number[] {
  const found: number[] = [];
  for (let i = from; i < to; i++) {
    const timestamp = (firstTimestamp + i * PTIME_TICKS) >>> 0;
    if (late.returned(i * PTIME_NS + delayNs(i), timestamp, SSRC, i === 0)) found.push(i);
  }
  return found;
}

/** A jitter of 0 … 1 that is the same on every run. */
function jitter(i: number): number {
  return ((i * 7_919) % 1_000) / 1_000;
}

describe('the threshold', () => {
  test('a constant delay, however long, is not late', () => {
    expect(lateAmong(detector(), 0, 5_000, () => 800 * MS)).toEqual([]);
  });

  test('late is more than 3 ms behind t_expected, not 3 ms', () => {
    const late = detector();
    expect(lateAmong(late, 0, 10, (i) => (i === 5 ? 3 * MS : 0))).toEqual([]);
    expect(lateAmong(late, 10, 20, (i) => (i === 15 ? 3 * MS + 1_000 : 0))).toEqual([15]);
  });

  it('is an option', () => {
    const delay = (i: number): number => (i % 10 === 9 ? 8 * MS : 0);
    expect(lateAmong(detector(10 * MS), 0, 100, delay)).toEqual([]);
    expect(lateAmong(detector(7 * MS), 0, 100, delay)).toHaveLength(10);
  });

  it('is in the time of the clock rate', () => {
    const late = new LateDetector({ clockRateHz: 48_000 });
    expect([0, 1, 2, 3].map((i) => late.returned(i * PTIME_NS, i * 960, SSRC, false))).toEqual([false, false, false, false]);
  });

  test('a reordered packet is held to its own timestamp', () => {
    const late = detector();
    expect(late.returned(0, 0, SSRC, false)).toBe(false);
    expect(late.returned(40 * MS, 320, SSRC, false)).toBe(false);
    expect(late.returned(41 * MS, 160, SSRC, false)).toBe(true);
    expect(late.returned(60 * MS, 480, SSRC, false)).toBe(false);
  });

  test('of one delayed packet in an even stream, exactly it is late, and only beyond the threshold', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 199 }),
        fc.integer({ min: 0, max: 200 * MS }),
        fc.integer({ min: 0, max: 0xffff_ffff }),
        (delayed, extraNs, firstTimestamp) => {
          const found = lateAmong(detector(), 0, 200, (i) => (i === delayed ? extraNs : 0), firstTimestamp);
          expect(found).toEqual(extraNs > 3 * MS ? [delayed] : []);
        },
      ),
    );
  });

  test('jitter below the threshold makes no packet late, wherever timestamp and clock begin', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 * MS }), { minLength: 1, maxLength: 300 }),
        fc.nat({ max: 0xffff_ffff }),
        (delays, firstTimestamp) => {
          expect(lateAmong(detector(), 0, delays.length, (i) => delays[i]!, firstTimestamp)).toEqual([]);
        },
      ),
    );
  });
});

describe('the lower envelope', () => {
  test.each([100, -100, 200, -200])('ten minutes of %i ppm drift and 0.9 ms of jitter: none late', (ppm) => {
    const drift = (i: number): number => i * PTIME_NS * ppm * 1e-6 + jitter(i) * 0.9 * MS;
    expect(lateAmong(detector(), 0, 30_000, drift)).toEqual([]);
  });

  test('drift does not hide a packet that is late', () => {
    expect(lateAmong(detector(), 0, 30_000, (i) => i * PTIME_NS * 100e-6 + (i % 1_000 === 999 ? 5 * MS : 0))).toHaveLength(30);
  });

  test('one packet in 4 s that was not delayed holds it down', () => {
    const delayed = lateAmong(detector(), 0, 3_000, (i) => (i % 200 === 0 ? 0 : 3.5 * MS));
    expect(delayed).toHaveLength(3_000 - 15);
  });

  test('a step of 20 ms stays late for a minute, and is the new normal in the end', () => {
    const late = detector();
    expect(lateAmong(late, 0, 500, () => 0)).toEqual([]);
    expect(lateAmong(late, 500, 3_500, () => 20 * MS)).toHaveLength(3_000);
    lateAmong(late, 3_500, 6_000, () => 20 * MS);
    expect(lateAmong(late, 6_000, 6_500, () => 20 * MS)).toEqual([]);
  });

  test('a first packet that was itself delayed gives way to the first that was not', () => {
    const late = detector();
    expect(lateAmong(late, 0, 50, (i) => (i === 0 ? 15 * MS : 0))).toEqual([]);
    expect(lateAmong(late, 50, 60, () => 4 * MS)).toHaveLength(10);
  });

  test('a packet sent too early now and then makes none of the others late; three in a row are the new normal', () => {
    expect(lateAmong(detector(), 0, 3_000, (i) => (i % 25 === 20 ? -19 * MS : 0))).toEqual([]);
    expect(lateAmong(detector(), 0, 60, (i) => (i >= 20 && i < 23 ? -19 * MS : 0))).toHaveLength(60 - 23);
  });

  test('after 20 s without a packet and without a marker it may have drifted by 250 ppm of that time, not more', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    // 5 ms of allowance: 7.9 ms is within it and the threshold, 8.1 ms would not have been.
    expect(late.returned(9 * PTIME_NS + 20 * SECOND + 7.9 * MS, 9 * PTIME_TICKS + 160_000, SSRC, false)).toBe(false);
    const other = detector();
    lateAmong(other, 0, 10, () => 0);
    expect(other.returned(9 * PTIME_NS + 20 * SECOND + 8.1 * MS, 9 * PTIME_TICKS + 160_000, SSRC, false)).toBe(true);
  });
});

describe('timestamps of 32 bits', () => {
  test('the wrap is not seen', () => {
    expect(lateAmong(detector(), 0, 1_000, () => 0, 0xffff_ffff - 500 * PTIME_TICKS)).toEqual([]);
  });

  test('delay is still seen behind it', () => {
    const found = lateAmong(detector(), 0, 1_000, (i) => (i === 700 ? 4 * MS : 0), 0xffff_ffff - 500 * PTIME_TICKS);
    expect(found).toEqual([700]);
  });

  test('packets of one timestamp are due once: the events of RFC 4733 are not late', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    const event = [10, 11, 12, 13, 14].map((i) => late.returned(i * PTIME_NS, 10 * PTIME_TICKS, SSRC, i === 10));
    expect(event).toEqual([false, false, false, false, false]);
    expect(lateAmong(late, 15, 20, (i) => (i === 18 ? 5 * MS : 0))).toEqual([18]);
  });
});

describe('a new (t0, ts0)', () => {
  test('a new SSRC starts one', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    expect(late.returned(10 * PTIME_NS + 50 * MS, 777, SSRC + 1, false)).toBe(false);
    expect(late.returned(11 * PTIME_NS + 50 * MS, 777 + 160, SSRC + 1, false)).toBe(false);
    expect(late.returned(12 * PTIME_NS + 54 * MS, 777 + 320, SSRC + 1, false)).toBe(true);
  });

  test('a marker after silence starts one: a sender whose timestamps stood still meanwhile is not late', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    const silent = 9 * PTIME_NS + SILENCE_NS;
    expect(late.returned(silent, 10 * PTIME_TICKS, SSRC, true)).toBe(false);
    expect(late.returned(silent + PTIME_NS, 11 * PTIME_TICKS, SSRC, false)).toBe(false);
    expect(late.returned(silent + 2 * PTIME_NS + 4 * MS, 12 * PTIME_TICKS, SSRC, false)).toBe(true);
  });

  test('silence without a marker does not', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    expect(late.returned(9 * PTIME_NS + SILENCE_NS, 10 * PTIME_TICKS, SSRC, false)).toBe(true);
  });

  test('a marker after a shorter pause does not', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    expect(late.returned(9 * PTIME_NS + SILENCE_NS - 1, 10 * PTIME_TICKS, SSRC, true)).toBe(true);
  });

  test('a marker without silence does not: a sender that marks every packet is measured like any other', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0);
    expect(late.returned(10 * PTIME_NS + 50 * MS, 10 * PTIME_TICKS, SSRC, true)).toBe(true);
  });

  test('a marker on timestamps that went back by a second or more starts one without silence', () => {
    const late = detector();
    lateAmong(late, 0, 10, () => 0, 80_000);
    expect(late.returned(10 * PTIME_NS, 3_000, SSRC, true)).toBe(false);
    expect(late.returned(11 * PTIME_NS, 3_160, SSRC, false)).toBe(false);
  });
});
