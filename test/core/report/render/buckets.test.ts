import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EXPONENTIAL_SCHEMA, exponentialBuckets, ZERO_THRESHOLD_SECONDS } from '../../../../src/core/report/render/buckets.ts';
import { histogramOf } from '../make-run.ts';

const latencies = fc.array(fc.integer({ min: 0, max: 59_000_000_000 }), { maxLength: 200 });
const bound = (index: number): number => 2 ** (index / 2 ** EXPONENTIAL_SCHEMA);

it('puts every value where it belongs, to the resolution of the histogram', () => {
  fc.assert(
    fc.property(latencies, fc.constantFrom(1, 1_000), (values, scale) => {
      const { zeroCount, buckets } = exponentialBuckets({ labels: {}, histogram: histogramOf(values), scale });
      const seconds = values.map((value) => (value * scale) / 1e9);
      let below = zeroCount;
      let last = ZERO_THRESHOLD_SECONDS;
      for (const [index, count] of buckets) {
        expect(count).toBeGreaterThan(0);
        expect(bound(index)).toBeGreaterThan(last);
        last = bound(index);
        below += count;
        expect(below).toBeLessThanOrEqual(seconds.filter((value) => value <= last).length);
        expect(below).toBeGreaterThanOrEqual(seconds.filter((value) => value <= last * 0.998 - 0.6e-6 * scale).length);
      }
      expect(below).toBe(values.length);
    }),
  );
});

it('the sum of two is the one of both', () => {
  fc.assert(
    fc.property(latencies, latencies, (left, right) => {
      const counted = (values: readonly number[]): ReadonlyMap<number | 'zero', number> => {
        const { zeroCount, buckets } = exponentialBuckets({ labels: {}, histogram: histogramOf(values), scale: 1 });
        return new Map<number | 'zero', number>([['zero', zeroCount], ...buckets]);
      };
      const sum = new Map(counted(left));
      for (const [index, count] of counted(right)) sum.set(index, (sum.get(index) ?? 0) + count);
      expect(sum).toEqual(counted([...left, ...right]));
    }),
  );
});
