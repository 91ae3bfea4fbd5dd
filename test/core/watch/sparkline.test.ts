import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sparkline, topOf } from '../../../src/core/watch/sparkline.ts';

describe('a sparkline', () => {
  it.each<[readonly (number | null)[], number, number, string, string]>([
    [[0, 1, 2, 3, 4, 5, 6, 7, 8], 8, 9, '▁▂▃▄▅▆▇██', '_.-=+*#@@'],
    [[1, null, 1], 1, 5, '  █ █', '  @ @'],
    [[0, 0], 0, 2, '▁▁', '__'],
    [[9, 9, 4], 8, 2, '█▅', '@+'],
    [[], 1, 3, '   ', '   '],
    [[1], 1, 0, '', ''],
  ])('%j up to %d in %d cells', (values, top, width, blocks, signs) => {
    expect(sparkline(values, top, width, true)).toBe(blocks);
    expect(sparkline(values, top, width, false)).toBe(signs);
  });

  it('is as wide as asked for, blank where nothing was measured, and only there', () => {
    const value = fc.option(fc.double({ min: 0, max: 1e9, noNaN: true }), { nil: null });
    fc.assert(
      fc.property(fc.array(value), fc.nat({ max: 50 }), fc.double({ min: 0, max: 1e9, noNaN: true }), (values, width, top) => {
        const line = sparkline(values, top, width, true);
        expect(line).toHaveLength(width);
        const shown = values.slice(Math.max(0, values.length - width));
        expect([...line.slice(width - shown.length)].map((bar) => bar === ' ')).toEqual(shown.map((each) => each === null));
      }),
    );
  });

  it('knows the highest of what it shows', () => {
    expect(topOf([9, 1, null, 3], 3)).toBe(3);
    expect(topOf([9, null], 1)).toBeNull();
    expect(topOf([0], 1)).toBe(0);
  });
});
