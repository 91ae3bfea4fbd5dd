import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import hdr from 'hdr-histogram-js';
import type { Histogram } from 'hdr-histogram-js';
import { describe, expect, it, test } from 'vitest';
import { HIGHEST_NS, HISTOGRAM_BYTES, histogramStorage, LatencyHistogram, LOWEST_NS } from '../../../src/core/stats/histogram.ts';
import type { HistogramStorage } from '../../../src/core/stats/histogram.ts';
import type { RecordingOrder, RecordingReport } from './recording-thread.ts';

const MS = 1_000_000;

function histogramOf(valuesNs: Iterable<number>, storage?: HistogramStorage): LatencyHistogram {
  const histogram = new LatencyHistogram(storage);
  for (const valueNs of valuesNs) histogram.record(valueNs);
  return histogram;
}

/** 1 µs to 60 s, as many small as large. */
const latencyNs = fc.double({ min: 3, max: Math.log10(HIGHEST_NS), noNaN: true }).map((power) => Math.round(10 ** power));
const latenciesNs = fc.array(latencyNs, { maxLength: 300 });

/** Where buckets begin and end: multiples of 512 ns, and of ever larger powers of two from 2048 · 512 ns on. */
const edgeNs = fc
  .tuple(fc.nat(2_048), fc.nat(16), fc.constantFrom(-1, -0.5, 0, 0.4, 1))
  .map(([unit, scale, beside]) => unit * 512 * 2 ** scale + beside);
/** All that a clock may come up with. */
const anyNs = fc.oneof(
  latencyNs,
  edgeNs,
  fc.constantFrom(0, -1, -5_000, HIGHEST_NS - 1, HIGHEST_NS, HIGHEST_NS + 1, 90e9),
  fc.double({ min: -1e6, max: 1e11, noNaN: true }),
);
const anyValuesNs = fc.array(anyNs, { maxLength: 200 });

function hdrOf(valuesNs: Iterable<number>): Histogram {
  const histogram = hdr.build({
    lowestDiscernibleValue: LOWEST_NS,
    highestTrackableValue: HIGHEST_NS,
    numberOfSignificantValueDigits: 3,
    bitBucketSize: 32,
    useWebAssembly: false,
  });
  for (const valueNs of valuesNs) histogram.recordValue(Math.max(0, Math.min(HIGHEST_NS, Math.round(valueNs))));
  return histogram;
}

/** The same for all encodings of the same buckets: how far the zeros behind the last sample are written out depends on the writer. */
function canonical(data: string): string {
  return hdr.encodeIntoCompressedBase64(hdr.decodeFromCompressedBase64(data));
}

function totalOf(histogram: LatencyHistogram): number {
  return [...histogram.buckets()].reduce((sum, { count }) => sum + count, 0);
}

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

describe('beside hdr-histogram-js', () => {
  test('the quantiles are the same', () => {
    fc.assert(
      fc.property(
        fc.array(anyNs, { minLength: 1, maxLength: 200 }),
        fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.95, 0.99, 0.999, 1)),
        (values, quantile) => {
          const theirs = hdrOf(values).getValueAtPercentile(quantile * 100);
          const [least, most] = [Math.min(...values), Math.max(...values)];
          expect(histogramOf(values).quantileNs(quantile)).toBe(Math.max(least, Math.min(most, theirs)));
        },
      ),
    );
  });

  test('several quantiles in one pass are those that are asked for one by one', () => {
    const some = fc.array(fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.5, 0.99, 1)));
    fc.assert(
      fc.property(fc.array(anyNs, { maxLength: 200 }), some, (values, quantiles) => {
        const histogram = histogramOf(values);
        const ascending = quantiles.toSorted((a, b) => a - b);
        const each = values.length === 0 ? [] : ascending.map((quantile) => histogram.quantileNs(quantile));
        expect(histogram.quantilesNs(ascending)).toEqual(each);
      }),
    );
  });

  test('a quantile that falls on a sample is not rounded up to the next one', () => {
    const values = Array.from({ length: 100 }, (_, i) => (i + 1) * MS);
    const histogram = histogramOf(values);
    const reference = hdrOf(values);
    for (let rank = 1; rank <= 100; rank++) {
      const valueNs = histogram.quantileNs(rank / 100)!;
      expect(valueNs).toBe(Math.min(100 * MS, reference.getValueAtPercentile((rank / 100) * 100)));
      expect(Math.floor(valueNs / MS)).toBe(rank);
    }
  });

  test('it reads the same from what we encode as from what it encodes itself', () => {
    fc.assert(
      fc.property(anyValuesNs, (values) => {
        expect(canonical(histogramOf(values).encode().data)).toBe(canonical(hdr.encodeIntoCompressedBase64(hdrOf(values))));
      }),
      { numRuns: 50 },
    );
  });

  test('we read the same from what it encodes', () => {
    fc.assert(
      fc.property(anyValuesNs, (values) => {
        const histogram = histogramOf(values);
        const decoded = LatencyHistogram.decode({ ...histogram.encode(), data: hdr.encodeIntoCompressedBase64(hdrOf(values)) });
        expect(contentOf(decoded)).toEqual(contentOf(histogram));
      }),
      { numRuns: 50 },
    );
  });

  test('every bucket begins and ends where its bucket does', () => {
    const ends = Array.from({ length: 2_048 }, (_, unit) => (unit + 1) * 512 - 1);
    for (let scale = 1; scale <= 16; scale++) {
      for (let unit = 1_024; unit < 2_048; unit++) ends.push((unit + 1) * 512 * 2 ** scale - 1);
    }
    const inRange = ends.filter((endNs) => endNs < HIGHEST_NS);
    // The beginning of the next one, too.
    const values = inRange.flatMap((endNs) => [endNs, endNs + 1]);
    const histogram = histogramOf(values);
    const used = [...histogram.buckets()];
    expect(used.map(({ upToNs }) => upToNs).slice(0, inRange.length)).toEqual(inRange);
    expect(used.map(({ count }) => count)).toEqual([1, ...inRange.slice(1).map(() => 2), 1]);
    expect(canonical(histogram.encode().data)).toBe(canonical(hdr.encodeIntoCompressedBase64(hdrOf(values))));
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

describe('a full bucket', () => {
  /** 2^32 − 1 samples of 5 ms. */
  function full(): LatencyHistogram {
    const histogram = histogramOf([5 * MS]);
    for (let power = 1; power <= 32; power++) histogram.merge(histogram.snapshot());
    return histogram;
  }

  it('takes no more samples, and neither does the count', () => {
    const histogram = full();
    const before = contentOf(histogram);
    expect(histogram.count).toBe(2 ** 32 - 1);
    histogram.record(5 * MS + 1);
    histogram.merge(histogramOf([5 * MS, 5 * MS]));
    expect(contentOf(histogram)).toEqual(before);
    expect(histogram.meanNs).toBeCloseTo(5 * MS, 3);
  });

  it('leaves room in the others', () => {
    const histogram = full();
    histogram.record(7 * MS);
    expect(histogram).toMatchObject({ count: 2 ** 32, minNs: 5 * MS, maxNs: 7 * MS });
    expect(histogram.quantileNs(1)).toBe(7 * MS);
    expect(contentOf(LatencyHistogram.decode(histogram.encode()))).toEqual(contentOf(histogram));
  });
});

describe('storage', () => {
  const shared = (): HistogramStorage => histogramStorage(new SharedArrayBuffer(HISTOGRAM_BYTES), 0);

  test('fresh memory is an empty histogram', () => {
    expect(contentOf(new LatencyHistogram(shared()))).toEqual(contentOf(new LatencyHistogram()));
  });

  test('what one records, another over the same storage has', () => {
    fc.assert(
      fc.property(anyValuesNs, (values) => {
        const storage = shared();
        histogramOf(values, storage);
        expect(contentOf(new LatencyHistogram(storage))).toEqual(contentOf(histogramOf(values)));
      }),
      { numRuns: 30 },
    );
  });

  test('histograms side by side do not touch each other', () => {
    const buffer = new SharedArrayBuffer(3 * HISTOGRAM_BYTES);
    const [left, middle, right] = [0, 1, 2].map((place) => histogramStorage(buffer, place * HISTOGRAM_BYTES));
    histogramOf([0, 90e9], left);
    histogramOf([0, 90e9], right);
    const histogram = histogramOf([-1, 1 * MS, 95e9], middle);
    expect(contentOf(histogram)).toEqual(contentOf(histogramOf([-1, 1 * MS, 95e9])));
    histogram.reset();
    for (const storage of [left, right]) expect(contentOf(new LatencyHistogram(storage))).toEqual(contentOf(histogramOf([0, 90e9])));
  });

  test.each([
    ['that is not aligned', HISTOGRAM_BYTES + 8, 4],
    ['that ends too soon', HISTOGRAM_BYTES, 8],
  ])('refuses a place %s', (_, bytes, byteOffset) => {
    expect(() => histogramStorage(new SharedArrayBuffer(bytes), byteOffset)).toThrow(RangeError);
  });

  test('a reset leaves no trace, however the samples came', () => {
    fc.assert(
      fc.property(anyValuesNs, anyValuesNs, anyValuesNs, (recorded, merged, decoded) => {
        const storage = shared();
        const histogram = histogramOf(recorded, storage);
        histogram.merge(histogramOf(merged));
        histogram.merge(LatencyHistogram.decode(histogramOf(decoded).encode()));
        for (const value of recorded) histogram.record(value);
        histogram.reset();
        expect([...storage.counts, ...storage.numbers].every((number) => number === 0)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('a reset touches only what was used', () => {
    const storage = shared();
    const histogram = histogramOf([1 * MS, 2 * MS], storage);
    storage.counts[0] = 7;
    storage.counts[storage.counts.length - 1] = 8;
    histogram.reset();
    expect([storage.counts[0], storage.counts.at(-1)]).toEqual([7, 8]);
  });

  test.each([
    ['narrower', 2 * MS, 2 * MS],
    ['wider', 0.5 * MS, 6 * MS],
  ])('no sample is lost to a minimum and a maximum that a file only claims, %s than its samples', (_, minNs, maxNs) => {
    const values = [1 * MS, 2 * MS, 3 * MS];
    const decoded = LatencyHistogram.decode({ ...histogramOf(values).encode(), minNs, maxNs });
    for (const value of [0.7 * MS, 2 * MS, 5 * MS]) decoded.record(value);
    expect(totalOf(decoded)).toBe(6);
    expect(totalOf(decoded.snapshot())).toBe(6);
  });
});

describe('a reader while another thread records', () => {
  test('a snapshot stays as it is', () => {
    const histogram = histogramOf([1 * MS]);
    const snapshot = histogram.snapshot();
    histogram.record(2 * MS);
    expect(contentOf(snapshot)).toEqual(contentOf(histogramOf([1 * MS])));
    expect(snapshot.meanNs).toBe(1 * MS);
  });

  it('counts a sample of which it sees only the bucket, so that what it encodes can be decoded', () => {
    const storage = histogramStorage(new SharedArrayBuffer(HISTOGRAM_BYTES), 0);
    const live = histogramOf([1 * MS, 3 * MS], storage);
    storage.counts[storage.counts.findIndex((count) => count > 0)]! += 1;
    expect(live.snapshot()).toMatchObject({ count: 3, meanNs: 2 * MS });
    expect(LatencyHistogram.decode(live.encode()).count).toBe(3);
  });

  it('answers with the maximum when the buckets were emptied under its hands', () => {
    const storage = histogramStorage(new SharedArrayBuffer(HISTOGRAM_BYTES), 0);
    const live = histogramOf([1 * MS, 3 * MS], storage);
    storage.counts.fill(0);
    expect(live.quantileNs(0.5)).toBe(3 * MS);
    expect(contentOf(live.snapshot())).toEqual(contentOf(new LatencyHistogram()));
  });

  it('gets whole answers at every instant, and all samples in the end', async () => {
    const values = Float64Array.from({ length: 2_000 }, (_, i) => Math.round(1_000 * 1.008 ** ((i * 769) % 2_000)));
    const most = Math.max(...values);
    const buffer = new SharedArrayBuffer(HISTOGRAM_BYTES);
    const stop = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const order: RecordingOrder = { buffer, stop, values };
    const thread = new Worker(new URL('recording-thread.ts', import.meta.url), { workerData: order });
    try {
      await once(thread, 'message');
      const live = new LatencyHistogram(histogramStorage(buffer, 0));
      for (let reading = 0; reading < 200; reading++) {
        const p99 = live.quantileNs(0.99)!;
        expect(p99).toBeGreaterThan(0);
        expect(p99).toBeLessThanOrEqual(most);
        const snapshot = live.snapshot();
        expect(totalOf(snapshot)).toBe(snapshot.count);
        const inOrder = [snapshot.minNs!, ...[0, 0.5, 0.99, 1].map((quantile) => snapshot.quantileNs(quantile)!), snapshot.maxNs!];
        expect(inOrder).toEqual(inOrder.toSorted((a, b) => a - b));
        if (reading % 20 === 0) expect(LatencyHistogram.decode(live.encode()).count).toBeGreaterThan(0);
      }
      const reported = once(thread, 'message');
      Atomics.store(new Int32Array(stop), 0, 1);
      const [{ passes }] = (await reported) as [RecordingReport];
      const single = histogramOf(values);
      expect(live).toMatchObject({ count: passes * values.length, minNs: single.minNs, maxNs: single.maxNs });
      expect([...live.buckets()]).toEqual([...single.buckets()].map(({ upToNs, count }) => ({ upToNs, count: count * passes })));
    } finally {
      await thread.terminate();
    }
  });
});
