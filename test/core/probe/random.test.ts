import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/probe/random.ts';

function draw(seed: number, count: number): number[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, () => random.uint32());
}

describe('SeededRandom', () => {
  it('repeats itself for a seed, and differs from seed to seed', () => {
    expect(draw(42, 10)).toEqual(draw(42, 10));
    expect(draw(42, 10)).not.toEqual(draw(43, 10));
    expect(draw(2 ** 32 + 42, 3)).toEqual(draw(42, 3));
  });

  it('fills its range evenly, without repeating an SSRC in a large probe', () => {
    const values = draw(1, 10_000);
    expect(values.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
    expect(new Set(values).size).toBe(values.length);
    const quarters = [0, 0, 0, 0];
    for (const value of values) quarters[value >>> 30]! += 1;
    for (const quarter of quarters) expect(Math.abs(quarter - 2_500)).toBeLessThan(250);
  });

  it('gives 16 bits for a sequence number', () => {
    const random = new SeededRandom(7);
    const values = Array.from({ length: 1_000 }, () => random.uint16());
    expect(Math.max(...values)).toBeLessThan(65_536);
    expect(Math.max(...values)).toBeGreaterThan(60_000);
  });
});
