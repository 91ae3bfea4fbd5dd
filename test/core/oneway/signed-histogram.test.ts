import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SignedHistogram } from '../../../src/core/oneway/signed-histogram.ts';

describe('SignedHistogram', () => {
  it('has nothing to say of no delay', () => {
    const empty = new SignedHistogram();
    expect([empty.count, empty.minNs, empty.maxNs, empty.quantileNs(0.5)]).toEqual([0, null, null, null]);
  });

  it('has the quantiles of all delays together, those below 0 first', () => {
    const delays = fc.array(fc.integer({ min: -50_000_000, max: 50_000_000 }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(delays, fc.constantFrom(0.01, 0.25, 0.5, 0.9, 0.99, 1), (values, quantile) => {
        const histogram = new SignedHistogram();
        for (const value of values) histogram.record(value);
        const ascending = values.toSorted((a, b) => a - b);
        const exact = ascending[Math.max(1, Math.ceil(quantile * values.length)) - 1] ?? 0;
        expect(histogram.count).toBe(values.length);
        expect(histogram.minNs).toBe(ascending[0]);
        expect(histogram.maxNs).toBe(ascending.at(-1));
        // Three digits, and a microsecond at the least.
        expect(Math.abs((histogram.quantileNs(quantile) ?? 0) - exact)).toBeLessThanOrEqual(Math.max(1_000, Math.abs(exact) * 2e-3));
      }),
    );
  });
});
