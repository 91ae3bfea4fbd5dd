import * as fc from 'fast-check';
import hdr from 'hdr-histogram-js';
import { describe, expect, it, test } from 'vitest';
import { HIGHEST_NS, LatencyHistogram, LOWEST_NS } from '../../../src/core/stats/histogram.ts';

const MS = 1_000_000;

function histogramOf(valuesNs: Iterable<number>): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const valueNs of valuesNs) histogram.record(valueNs);
  return histogram;
}

/** 1 µs to 60 s, as many small as large. */
const latencyNs = fc.double({ min: 3, max: Math.log10(HIGHEST_NS), noNaN: true }).map((power) => Math.round(10 ** power));
const latenciesNs = fc.array(latencyNs, { maxLength: 300 });

/** Everything that is exact, and the buckets. The sum of many floating-point numbers depends on their order by a rounding. */
function contentOf(histogram: LatencyHistogram): unknown {
  const { count, minNs, maxNs } = histogram;
  return { count, minNs, maxNs, buckets: [...histogram.buckets()] };
}

describe('one histogram', () => {
  it('has no numbers before the first sample', () => {
    expect(new LatencyHistogram()).toMatchObject({ count: 0, minNs: null, maxNs: null, meanNs: null });
    expect(new LatencyHistogram().quantileNs(0.5)).toBeNull();
    expect([...new LatencyHistogram().buckets()]).toEqual([]);
  });

  it('keeps minimum, maximum and mean exact', () => {
    expect(histogramOf([1_234_567, 7_654_321, 3_000_001])).toMatchObject({
      count: 3,
      minNs: 1_234_567,
      maxNs: 7_654_321,
      meanNs: (1_234_567 + 7_654_321 + 3_000_001) / 3,
    });
  });

  test('the quantiles of one sample are that sample', () => {
    const histogram = histogramOf([5_123_457]);
    expect([0, 0.5, 0.99, 1].map((quantile) => histogram.quantileNs(quantile))).toEqual([5_123_457, 5_123_457, 5_123_457, 5_123_457]);
  });

  test('a sample above the range is counted at its end, and the maximum stays exact', () => {
    const histogram = histogramOf([90e9]);
    expect(histogram).toMatchObject({ count: 1, maxNs: 90e9 });
    expect(histogram.countAtOrBelow(70e9)).toBe(1);
  });

  test('a negative sample, a fault of the clock, is counted as 0 and shows in the minimum', () => {
    const histogram = histogramOf([-5_000, 1 * MS]);
    expect(histogram).toMatchObject({ count: 2, minNs: -5_000, meanNs: (1 * MS - 5_000) / 2 });
    expect(histogram.countAtOrBelow(1_000)).toBe(1);
  });

  test('every quantile is within 3 significant digits of the sample of its rank', () => {
    fc.assert(
      fc.property(fc.array(latencyNs, { minLength: 1, maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), (values, quantile) => {
        const sorted = values.toSorted((a, b) => a - b);
        const rank = Math.max(1, Math.ceil(quantile * values.length - 1e-9));
        const exact = sorted[rank - 1]!;
        // Half a unit below the lowest value is the coarsest that the buckets get: 512 ns.
        expect(Math.abs(histogramOf(values).quantileNs(quantile)! - exact)).toBeLessThanOrEqual(Math.max(512, exact / 1_000));
      }),
    );
  });

  test('countAtOrBelow and the buckets agree with the count', () => {
    fc.assert(
      fc.property(latenciesNs, (values) => {
        const histogram = histogramOf(values);
        const buckets = [...histogram.buckets()];
        expect(buckets.reduce((sum, { count }) => sum + count, 0)).toBe(values.length);
        expect(buckets.map(({ upToNs }) => upToNs)).toEqual(buckets.map(({ upToNs }) => upToNs).toSorted((a, b) => a - b));
        expect(histogram.countAtOrBelow(2 * HIGHEST_NS)).toBe(values.length);
        expect(histogram.countAtOrBelow(0)).toBe(0);
      }),
    );
  });

  it('starts anew after a reset', () => {
    const histogram = histogramOf([1 * MS, 2 * MS]);
    histogram.reset();
    expect(contentOf(histogram)).toEqual(contentOf(new LatencyHistogram()));
    histogram.record(3 * MS);
    expect(histogram).toMatchObject({ count: 1, minNs: 3 * MS, maxNs: 3 * MS, meanNs: 3 * MS });
  });
});

describe('merging', () => {
  test('gives exactly the histogram of all samples', () => {
    fc.assert(
      fc.property(latenciesNs, latenciesNs, (left, right) => {
        const merged = histogramOf(left);
        merged.merge(histogramOf(right));
        expect(contentOf(merged)).toEqual(contentOf(histogramOf([...left, ...right])));
      }),
    );
  });

  test('leaves the other as it was', () => {
    const other = histogramOf([5 * MS]);
    histogramOf([1 * MS]).merge(other);
    expect(contentOf(other)).toEqual(contentOf(histogramOf([5 * MS])));
  });
});

describe('encoding', () => {
  test('what is decoded is what was encoded, through JSON', () => {
    fc.assert(
      fc.property(latenciesNs, (values) => {
        const histogram = histogramOf(values);
        const decoded = LatencyHistogram.decode(JSON.parse(JSON.stringify(histogram.encode())) as ReturnType<LatencyHistogram['encode']>);
        expect(contentOf(decoded)).toEqual(contentOf(histogram));
        expect(decoded.meanNs).toBe(histogram.meanNs);
      }),
      { numRuns: 30 },
    );
  });

  test('a decoded histogram takes more samples, and merges', () => {
    const decoded = LatencyHistogram.decode(histogramOf([1 * MS]).encode());
    decoded.record(2 * MS);
    decoded.merge(histogramOf([3 * MS]));
    expect(contentOf(decoded)).toEqual(contentOf(histogramOf([1 * MS, 2 * MS, 3 * MS])));
  });

  it('is what other HdrHistogram readers read: V2, compressed, base64', () => {
    const encoded = histogramOf([1 * MS, 2 * MS, 3 * MS]).encode();
    expect(encoded).toMatchObject({ encoding: 'hdr-v2-base64', unit: 'ns', count: 3, minNs: 1 * MS, maxNs: 3 * MS, sumNs: 6 * MS });
    expect(encoded.data).toMatch(/^HISTFAAA/);
    const read = hdr.decodeFromCompressedBase64(encoded.data);
    expect(read.totalCount).toBe(3);
    expect(read.numberOfSignificantValueDigits).toBe(3);
  });

  test.each(['', 'not base64 at all', 'SElTVA==', 'HISTFAAAAAAAAAAA'])('refuses what is no histogram: %j', (data) => {
    expect(() => LatencyHistogram.decode({ ...new LatencyHistogram().encode(), data })).toThrow(RangeError);
  });

  it('refuses a count that its data contradicts', () => {
    expect(() => LatencyHistogram.decode({ ...histogramOf([1 * MS]).encode(), count: 2 })).toThrow('holds 1 samples but says 2');
  });

  test.each([
    ['another range', { lowestDiscernibleValue: 1, highestTrackableValue: HIGHEST_NS, numberOfSignificantValueDigits: 3 }],
    ['another upper end', { lowestDiscernibleValue: LOWEST_NS, highestTrackableValue: 2 * HIGHEST_NS, numberOfSignificantValueDigits: 3 }],
    ['another precision', { lowestDiscernibleValue: LOWEST_NS, highestTrackableValue: HIGHEST_NS, numberOfSignificantValueDigits: 2 }],
  ] as const)('refuses data of %s: merging it would not be exact', (_, configuration) => {
    const other = hdr.build({ ...configuration, bitBucketSize: 32, useWebAssembly: false });
    other.recordValue(5 * MS);
    const encoded = { ...histogramOf([5 * MS]).encode(), data: hdr.encodeIntoCompressedBase64(other) };
    expect(() => LatencyHistogram.decode(encoded)).toThrow('another range or precision than 1 µs to 60 s with 3 digits');
  });

  test.each(['minNs', 'maxNs'] as const)('refuses samples without %s', (name) => {
    expect(() => LatencyHistogram.decode({ ...histogramOf([1 * MS]).encode(), [name]: null })).toThrow('samples but no minimum or maximum');
  });
});
