import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { blockLength, percentileOf, resampleMean, resampleShare, standardError } from '../../../src/core/stats/bootstrap.ts';
import type { WeightedValue } from '../../../src/core/stats/bootstrap.ts';

const RESAMPLES = 2_000;
const uniform = (random: SeededRandom): number => random.uint32() / 2 ** 32;

/** Each value keeps `memory` of the one before it. */
function series(count: number, memory: number, seed: number): readonly WeightedValue[] {
  const random = new SeededRandom(seed);
  let value = 0;
  return Array.from({ length: count }, () => {
    value = memory * value + uniform(random) - 0.5;
    return { weight: 1, value };
  });
}

const errorOf = (values: readonly WeightedValue[]): number =>
  standardError(resampleMean(values, RESAMPLES, new SeededRandom(1)).deviations);

describe('resampleMean', () => {
  it('finds the standard error of a mean of independent values: s / √n', () => {
    const expected = Math.sqrt(1 / 12 / 1000);
    expect(errorOf(series(1000, 0, 3)) / expected).toBeGreaterThan(0.85);
    expect(errorOf(series(1000, 0, 3)) / expected).toBeLessThan(1.15);
  });

  it('sees that neighbours are alike: the error of a mean of values with a memory is larger than if they had none', () => {
    // 1 / (1 − 0.8) of the mean's error, of which blocks of 10 see three quarters.
    const expected = Math.sqrt(1 / 12 / 1000) / (1 - 0.8);
    const found = errorOf(series(1000, 0.8, 3)) / expected;
    expect(found).toBeGreaterThan(0.55);
    expect(found).toBeLessThan(1.15);
    const order = new SeededRandom(5);
    const shuffled = series(1000, 0.8, 3)
      .map((each) => [order.uint32(), each] as const)
      .toSorted(([a], [b]) => a - b)
      .map(([, each]) => each);
    expect(errorOf(shuffled)).toBeLessThan(0.6 * errorOf(series(1000, 0.8, 3)));
  });

  it('is nothing for a constant, whatever the weights, and the same for the same seed', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 2, maxLength: 50 }), fc.integer(), (weights, seed) => {
        const values = weights.map((weight) => ({ weight, value: 0.5 }));
        const { deviations } = resampleMean(values, 50, new SeededRandom(seed));
        for (const deviation of deviations) expect(deviation).toBeCloseTo(0, 12);
        const varied = weights.map((weight, i) => ({ weight, value: i % 3 }));
        expect(resampleMean(varied, 50, new SeededRandom(seed))).toEqual(resampleMean(varied, 50, new SeededRandom(seed)));
      }),
    );
  });

  it('draws blocks whose number is that of its degrees of freedom, and one', () => {
    expect([1, 2, 8, 9, 27, 1000].map(blockLength)).toEqual([1, 1, 2, 3, 3, 10]);
    expect(resampleMean(series(27, 0, 1), 10, new SeededRandom(1)).degrees).toBe(8);
  });
});

it('resampleShare finds the standard error of a share: √(p (1 − p) / n)', () => {
  const { deviations, degrees } = resampleShare(0.9, 100, RESAMPLES, new SeededRandom(1));
  expect(standardError(deviations)).toBeCloseTo(0.03, 2);
  expect(degrees).toBe(99);
});

it('percentileOf counts from the least', () => {
  const deviations = Float64Array.of(3, 1, 2, 4);
  expect([0, 0.25, 0.5, 0.75, 1].map((p) => percentileOf(deviations, p))).toEqual([1, 1, 2, 3, 4]);
});
