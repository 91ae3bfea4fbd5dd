import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { InterPacketDelayVariation, packetDelayVariationNs } from '../../../src/core/stats/delay-variation.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const MS = 1_000_000;

describe('RFC 3393: IPDV', () => {
  it('is the difference of neighbours by sequence, without its sign', () => {
    const ipdv = new InterPacketDelayVariation();
    ipdv.add(0, 5 * MS);
    expect(ipdv.magnitudes.count).toBe(0);
    ipdv.add(1, 8 * MS);
    ipdv.add(2, 6 * MS);
    expect(ipdv.magnitudes).toMatchObject({ count: 2, minNs: 2 * MS, maxNs: 3 * MS });
  });

  it('is undefined around a lost packet', () => {
    const ipdv = new InterPacketDelayVariation();
    ipdv.add(10, 5 * MS);
    ipdv.add(12, 9 * MS);
    expect(ipdv.magnitudes.count).toBe(0);
  });

  test('a packet that comes back out of order completes both its pairs', () => {
    const ipdv = new InterPacketDelayVariation();
    ipdv.add(65_535, 5 * MS);
    ipdv.add(65_537, 5 * MS);
    ipdv.add(65_536, 45 * MS);
    expect(ipdv.magnitudes).toMatchObject({ count: 2, minNs: 40 * MS, maxNs: 40 * MS });
  });

  test('a duplicate adds nothing and changes nothing', () => {
    const ipdv = new InterPacketDelayVariation();
    ipdv.add(1, 5 * MS);
    ipdv.add(1, 50 * MS);
    ipdv.add(2, 6 * MS);
    expect(ipdv.magnitudes).toMatchObject({ count: 1, maxNs: 1 * MS });
  });

  test('packets a window apart are not neighbours', () => {
    const ipdv = new InterPacketDelayVariation();
    ipdv.add(0, 5 * MS);
    ipdv.add(1_025, 9 * MS);
    ipdv.add(2_047, 9 * MS);
    expect(ipdv.magnitudes.count).toBe(0);
  });

  test('streams may share one histogram', () => {
    const shared = new LatencyHistogram();
    for (const stream of [new InterPacketDelayVariation(shared), new InterPacketDelayVariation(shared)]) {
      stream.add(7, 1 * MS);
      stream.add(8, 2 * MS);
    }
    expect(shared.count).toBe(2);
  });

  test('the order of arrival within a window does not matter', () => {
    const delays = fc.array(fc.nat({ max: 100 * MS }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(delays, fc.infiniteStream(fc.nat()), (delaysNs, keys) => {
        const ordered = new InterPacketDelayVariation();
        for (const [i, delayNs] of delaysNs.entries()) ordered.add(i, delayNs);
        const shuffled = new InterPacketDelayVariation();
        const order = delaysNs.map((delayNs, i) => ({ i, delayNs, key: keys.next().value as number })).toSorted((a, b) => a.key - b.key);
        for (const { i, delayNs } of order) shuffled.add(i, delayNs);
        expect(shuffled.magnitudes.count).toBe(delaysNs.length - 1);
        expect([...shuffled.magnitudes.buckets()]).toEqual([...ordered.magnitudes.buckets()]);
      }),
    );
  });
});

describe('RFC 5481 §4.2: PDV', () => {
  it('is the quantile of the latency above its minimum', () => {
    const latency = new LatencyHistogram();
    for (let i = 0; i < 100; i++) latency.record((20 + i) * MS);
    expect(packetDelayVariationNs(latency, 0)).toBe(0);
    expect(packetDelayVariationNs(latency, 1)).toBe(99 * MS);
    expect(packetDelayVariationNs(latency, 0.5)! / MS).toBeCloseTo(49, 0);
  });

  it('is null without samples', () => {
    expect(packetDelayVariationNs(new LatencyHistogram(), 0.5)).toBeNull();
  });
});
