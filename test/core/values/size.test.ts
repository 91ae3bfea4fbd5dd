import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseByteSize } from '../../../src/core/values/size.ts';

test.each([
  ['4096', 4_096],
  ['4096B', 4_096],
  ['512kB', 512 * 1_024],
  ['512 KiB', 512 * 1_024],
  ['2MB', 2 * 1_024 ** 2],
  ['1MiB', 1_024 ** 2],
  ['2m', 2 * 1_024 ** 2],
  ['0.5k', 512],
  ['0', 0],
])('%j', (text, bytes) => {
  expect(parseByteSize(text)).toBe(bytes);
});

test.each(['', 'k', '-1', '1.5', '0.3k', '2GB', '1e3', '0x10', '2 M B', '2MBs', '9'.repeat(400)])('refuses %j', (text) => {
  expect(parseByteSize(text)).toBeUndefined();
});

test('anything is a whole number of bytes or nothing', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'0159.kKmMiIbB ') })), (text) => {
      const bytes = parseByteSize(text);
      expect(bytes === undefined || (Number.isInteger(bytes) && bytes >= 0)).toBe(true);
    }),
  );
});
