import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { formatDurationNs, parseDurationNs } from '../../../src/core/values/duration.ts';

const MS = 1e6;

describe('parseDurationNs', () => {
  it.each([
    ['20ms', 20 * MS],
    ['5s', 5e9],
    ['2m', 120e9],
    ['2min', 120e9],
    ['1h', 3600e9],
    ['250us', 250e3],
    ['250µs', 250e3],
    ['7ns', 7],
    ['0.5s', 5e8],
    ['.5s', 5e8],
    ['5.s', 5e9],
    [' 5 s ', 5e9],
    ['0', 0],
    ['0.0', 0],
    ['0ms', 0],
  ])('%j', (text, ns) => {
    expect(parseDurationNs(text)).toBe(ns);
  });

  it.each([
    '',
    ' ',
    '5',
    's',
    '-5s',
    '+5s',
    '5 sec',
    '1e3s',
    '0x10s',
    '1.2.3s',
    '.',
    '.s',
    '5s5',
    '5ss',
    '5MS',
    '1,5s',
    'NaN',
    'Infinity',
    '9'.repeat(400) + 's',
  ])('refuses %j', (text) => {
    expect(parseDurationNs(text)).toBeUndefined();
  });

  it('takes a number without a unit only where one unit is meant', () => {
    expect(parseDurationNs('20', 'ms')).toBe(20 * MS);
    expect(parseDurationNs('20', 's')).toBe(20e9);
    expect(parseDurationNs('20us', 's')).toBe(20e3);
  });

  it('answers anything with a number of nanoseconds or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'0159. .msuhn-eE') })), (text) => {
        const ns = parseDurationNs(text, 's');
        expect(ns === undefined || (Number.isFinite(ns) && ns >= 0)).toBe(true);
      }),
    );
  });
});

describe('formatDurationNs', () => {
  it.each([
    [0, '0s'],
    [20 * MS, '20ms'],
    [90e9, '90s'],
    [2.5 * MS, '2.5ms'],
    [2.5e9, '2.5s'],
    [100 * MS, '100ms'],
    [250e3, '250us'],
    [1_500, '1.5us'],
    [7, '7ns'],
    [60e9, '1m'],
    [7200e9, '2h'],
    [5400e9, '90m'],
    [129_600e9, '36h'],
    [1.5e9 + 1, '1500000001ns'],
    [10.05 * MS, '10.05ms'],
  ])('%d ns is %s', (ns, text) => {
    expect(formatDurationNs(ns)).toBe(text);
  });

  test('what was formatted is read as the same', () => {
    const ns = fc.oneof(
      fc.integer({ min: 0, max: 1e15 }),
      fc.tuple(fc.integer({ min: 0, max: 9_999 }), fc.constantFrom(1, 1e3, 1e6, 1e8, 1e9, 60e9, 3600e9)).map(([n, unit]) => n * unit),
    );
    fc.assert(
      fc.property(ns, (value) => {
        expect(parseDurationNs(formatDurationNs(value))).toBe(value);
      }),
    );
  });
});
