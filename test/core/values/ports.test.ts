import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatPortRange, overlapOf, parsePort, parsePortRange, portCount, wholeNumber } from '../../../src/core/values/ports.ts';

describe('parsePort', () => {
  it.each([
    ['1', 1],
    ['4000', 4_000],
    ['65535', 65_535],
    ['0080', 80],
  ])('%j', (text, port) => {
    expect(parsePort(text)).toBe(port);
  });

  it.each(['', '0', '65536', '-1', '+1', '1.0', '1e3', '0x50', ' 80', '80 ', '８０', '9'.repeat(16)])('refuses %j', (text) => {
    expect(parsePort(text)).toBeUndefined();
  });

  it('takes 0 only where it means any free port', () => {
    expect(parsePort('0', 'zero-allowed')).toBe(0);
  });
});

describe('parsePortRange', () => {
  it.each([
    ['10000-10100', 10_000, 10_100],
    ['10000 - 10100', 10_000, 10_100],
    ['10000', 10_000, 10_000],
    ['1-65535', 1, 65_535],
  ])('%j', (text, first, last) => {
    expect(parsePortRange(text)).toEqual({ first, last });
  });

  it.each(['', '-', '10000-', '-10000', '10100-10000', '0-10', '1-65536', '1-2-3', 'a-b', '10000–10100', '1..2'])('refuses %j', (text) => {
    expect(parsePortRange(text)).toBeUndefined();
  });

  const range = fc
    .tuple(fc.integer({ min: 1, max: 65_535 }), fc.integer({ min: 1, max: 65_535 }))
    .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));

  test('what was formatted is read as the same', () => {
    fc.assert(
      fc.property(range, (value) => {
        expect(parsePortRange(formatPortRange(value))).toEqual(value);
      }),
    );
  });

  test('an overlap holds exactly the ports of both', () => {
    fc.assert(
      fc.property(range, range, fc.integer({ min: 1, max: 65_535 }), (a, b, port) => {
        const both = overlapOf(a, b);
        const inside = (r: { first: number; last: number }): boolean => port >= r.first && port <= r.last;
        expect(both !== undefined && inside(both)).toBe(inside(a) && inside(b));
        expect(overlapOf(b, a)).toEqual(both);
        if (both !== undefined) expect(portCount(both)).toBeGreaterThan(0);
      }),
    );
  });
});

test('both ends of a range count', () => {
  expect(portCount({ first: 10_000, last: 10_100 })).toBe(101);
});

test('anything else is no number, and nothing throws', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const value = wholeNumber(text);
      expect(value === undefined || (Number.isSafeInteger(value) && value >= 0)).toBe(true);
      expect(parsePortRange(text) === undefined || /^\s*\d+\s*(-\s*\d+\s*)?$/.test(text)).toBe(true);
    }),
  );
});
