import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffMs } from '../../../src/core/ari/backoff.ts';

const options = fc.record({ firstMs: fc.integer({ min: 1, max: 1_000 }), capMs: fc.integer({ min: 1_000, max: 60_000 }) });
const random = fc.double({ min: 0, max: 1, noNaN: true });

test('doubles from half of the first delay to the whole cap', () => {
  const fixed = { firstMs: 250, capMs: 4_000 };
  expect([1, 2, 3, 4, 5, 6, 1e9].map((attempt) => backoffMs(attempt, 0, fixed))).toEqual([125, 250, 500, 1_000, 2_000, 2_000, 2_000]);
  expect([1, 2, 3, 4, 5, 6, 1e9].map((attempt) => backoffMs(attempt, 1, fixed))).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
});

test('never longer than the cap, never at once, and never shorter than the attempt before for the same chance', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2_000 }), random, options, (attempt, chance, opts) => {
      const ms = backoffMs(attempt, chance, opts);
      expect(ms).toBeLessThanOrEqual(opts.capMs);
      expect(ms).toBeGreaterThanOrEqual(opts.firstMs / 2);
      expect(backoffMs(attempt + 1, chance, opts)).toBeGreaterThanOrEqual(ms);
    }),
  );
});
