import { parse } from 'smol-toml';
import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { ValueType } from '../../../../src/core/service/config/schema.ts';
import {
  choice,
  decimal,
  integer,
  listOf,
  numericAddress,
  port,
  shown,
  text,
  yesOrNo,
} from '../../../../src/core/service/config/value-types.ts';

const CODECS = choice(['PCMU', 'PCMA', 'L16']);
const STATUS = choice([486, 503]);

/** What TOML's notation of a value is read as. */
function read(type: ValueType<unknown>, toml: string): unknown {
  return type.read(parse(`value = ${toml}`)['value']);
}

describe('accepted', () => {
  const TAKEN: readonly (readonly [ValueType<unknown>, string, unknown])[] = [
    [integer(1, 9), '1', 1],
    [integer(1, 9), '9', 9],
    [port, '0', 0],
    [port, '65_535', 65_535],
    [decimal(0, 1), '1', 1],
    [decimal(0, 1), '0.25', 0.25],
    [yesOrNo, 'true', true],
    [text(), `'as it "is"'`, 'as it "is"'],
    [numericAddress, '"192.0.2.1"', '192.0.2.1'],
    [numericAddress, '"2001:db8::1"', '2001:db8::1'],
    [CODECS, '"L16"', 'L16'],
    [STATUS, '503', 503],
    [listOf(CODECS, 1, 3, 'distinct'), '["PCMA", "PCMU"]', ['PCMA', 'PCMU']],
    [listOf(CODECS, 1, 3, 'distinct'), '"PCMA"', ['PCMA']],
    [listOf(port, 0, 4, 'repeated'), '[1, 1]', [1, 1]],
    [listOf(port, 0, 4, 'repeated'), '[]', []],
  ];
  it.each(TAKEN)('%#: %o takes %s', (type, toml, value) => {
    expect(read(type, toml)).toEqual({ value });
  });
});

describe('refused', () => {
  const REFUSED: readonly (readonly [ValueType<unknown>, string, string])[] = [
    [integer(1, 9), '0', ''],
    [integer(1, 9), '10', ''],
    [integer(1, 9), '5.5', ''],
    [integer(1, 9), 'nan', ''],
    [integer(1, 9), '"5"', 'write it without quotes'],
    [integer(1, 9), '"55"', ''],
    [integer(1, 9), 'true', ''],
    [integer(1, 9), '1979-05-27', ''],
    [decimal(0, 1), '1.5', ''],
    [decimal(0, 1), '-0.1', ''],
    [decimal(0, 1), 'nan', ''],
    [decimal(0, 1), 'inf', ''],
    [decimal(0, 1), '"0.5"', ''],
    [yesOrNo, '"true"', 'write it without quotes'],
    [yesOrNo, '1', ''],
    [text(), '5', 'write it in quotes'],
    [text(), '" "', 'leave the key away to have none'],
    [text(), String.raw`"a\r\nb"`, 'without line breaks and control characters'],
    [text(), String.raw`"\u0085"`, 'without line breaks and control characters'],
    [text({ most: 3 }), '"four"', 'at most 3 characters'],
    [text({ fault: () => 'never' }), '"a"', 'never'],
    [numericAddress, '"localhost"', 'names are not looked up here'],
    [numericAddress, '"192.0.2.256"', 'names are not looked up here'],
    [CODECS, '"pcmu"', 'did you mean "PCMU"?'],
    [CODECS, '"G729"', ''],
    [STATUS, '"503"', 'write it without quotes'],
    [STATUS, '500', ''],
    [listOf(port, 1, 2, 'repeated'), '[]', ''],
    [listOf(port, 1, 2, 'repeated'), '[1, 2, 3]', ''],
    [listOf(port, 1, 2, 'repeated'), '{ a = 1 }', ''],
  ];
  it.each(REFUSED)('%#: %o does not take %s', (type, toml, hint) => {
    expect(read(type, toml)).toMatchObject({ hint, expected: expect.any(String) });
  });

  it('an element of a list, with its place', () => {
    expect(read(listOf(CODECS, 1, 3, 'distinct'), '["PCMU", "PCMX"]')).toEqual({
      expected: 'one of "PCMU", "PCMA", "L16"',
      raw: 'PCMX',
      hint: 'did you mean "PCMU"?',
      at: [1],
    });
    expect(read(listOf(CODECS, 1, 3, 'distinct'), '["PCMU", "PCMU"]')).toMatchObject({ expected: 'named once', at: [1] });
  });
});

test('what is printed is TOML of the same value', () => {
  const cases: readonly fc.Arbitrary<{ readonly type: ValueType<unknown>; readonly value: unknown }>[] = [
    fc.integer().map((value) => ({ type: integer(-(2 ** 31), 2 ** 31), value })),
    fc.double({ min: 0, max: 1e300, noNaN: true }).map((value) => ({ type: decimal(0, 1e300), value })),
    fc.boolean().map((value) => ({ type: yesOrNo, value })),
    fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((value) => value.trim() !== '')
      .map((value) => ({ type: text(), value })),
    fc.constantFrom('PCMU', 'L16').map((value) => ({ type: CODECS, value })),
    fc.uniqueArray(fc.constantFrom(486, 503)).map((value) => ({ type: listOf(STATUS, 0, 2, 'distinct'), value })),
  ];
  fc.assert(
    fc.property(fc.oneof(...cases), ({ type, value }) => {
      expect(read(type, type.print(value))).toEqual({ value });
    }),
  );
});

test('any value of TOML is taken or refused with a reason', () => {
  const types = [integer(0, 5), decimal(0, 1), yesOrNo, text(), numericAddress, CODECS, STATUS, listOf(CODECS, 1, 2, 'distinct')];
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.anything({ withNullPrototype: true, withDate: true }), (type, raw) => {
      const result = type.read(raw);
      expect('value' in result ? type.read(result.value) : result.expected).toEqual(
        'value' in result ? result : expect.stringMatching(/./),
      );
      expect(shown(raw)).toMatch(/./);
    }),
  );
});
