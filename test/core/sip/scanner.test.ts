import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  hasForbiddenControl,
  isToken,
  isUriText,
  MAXIMUM_PARAMETERS,
  parseDecimal,
  Scanner,
  sliceTrimmed,
  splitAtCommas,
} from '../../../src/core/sip/scanner.ts';

describe('parseDecimal', () => {
  it.each([
    ['0', 0],
    ['0068', 68],
    ['255', 255],
    ['2147483647', 2 ** 31 - 1],
  ])('%s', (text, value) => {
    expect(parseDecimal(text, 2 ** 31 - 1)).toBe(value);
  });

  it.each(['', '-1', '+1', ' 1', '1 ', '1.0', '0x10', 'five', '2147483648', '36893488147419103232', '9'.repeat(10_000), '１'])(
    'is undefined for %j',
    (text) => {
      expect(parseDecimal(text, 2 ** 31 - 1)).toBeUndefined();
    },
  );

  it('reads back every number up to its maximum', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeNat(), (value, maximum) => {
        expect(parseDecimal(String(value), maximum)).toBe(value <= maximum ? value : undefined);
      }),
    );
  });
});

test('sliceTrimmed takes SP and HTAB away, and no other space', () => {
  expect(sliceTrimmed('[ \t a b\t ]', 1, 8)).toBe('a b');
  expect(sliceTrimmed(' \t ', 0, 3)).toBe('');
  expect(sliceTrimmed('\u{feff}a\u{a0}', 0, 3)).toBe('\u{feff}a\u{a0}');
});

test('isToken: RFC 3261 §25.1', () => {
  expect(isToken("Az09-.!%*_+`'~")).toBe(true);
  for (const text of ['', 'a b', 'a:b', 'a"', '<', 'é', 'a\0', '(', '@', '/']) expect(isToken(text), text).toBe(false);
});

test('hasForbiddenControl: line breaks never, NUL only behind a backslash', () => {
  for (const text of ['a\r', 'a\nb', '\r\n', 'a\0', '\0', '"\\\0\0"']) expect(hasForbiddenControl(text), JSON.stringify(text)).toBe(true);
  for (const text of ['', 'a\tb', '"NUL:\\\0"', '\u{7}']) expect(hasForbiddenControl(text), JSON.stringify(text)).toBe(false);
});

test('isUriText: a scheme, a colon and no character that would end it', () => {
  for (const text of ['sip:a', 'soap.beep://192.0.2.103:3002', 'isbn:2983792873', 'x-y+z.1:\u{e9}'])
    expect(isUriText(text), text).toBe(true);
  for (const text of [
    '',
    'sip',
    'sip:',
    ':a',
    '1sip:a',
    'si p:a',
    'sip:a b',
    'sip:a\t',
    '<sip:a>',
    'sip:"a"',
    'sip:a\r',
    'sip:\0',
    'é:a',
  ]) {
    expect(isUriText(text), text).toBe(false);
  }
});

describe('splitAtCommas', () => {
  it.each<[string, readonly string[]]>([
    ['', []],
    [' , ,', []],
    ['a', ['a']],
    [' a ,b, \tc', ['a', 'b', 'c']],
    ['"a, b" <sip:a>, <sip:c,d>;x="e,f"', ['"a, b" <sip:a>', '<sip:c,d>;x="e,f"']],
    ['"a\\", b", c', ['"a\\", b"', 'c']],
    ['"a\\\\", b', ['"a\\\\"', 'b']],
    ['"never, ends', ['"never, ends']],
    ['<never, ends', ['<never, ends']],
    ['"ends in a backslash, \\', ['"ends in a backslash, \\']],
  ])('%j', (text, values) => {
    expect(splitAtCommas(text)).toEqual(values);
  });

  it('gives back what was joined', () => {
    const value = fc
      .array(fc.oneof(fc.constantFrom('"a,b"', '<c,d>', '"\\","', ';e'), fc.stringMatching(/^[a-z]{1,4}$/)), { minLength: 1 })
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.array(value), (values) => {
        expect(splitAtCommas(values.join(' , '))).toEqual(values);
      }),
    );
  });
});

describe('Scanner', () => {
  it('reads a quoted string and resolves its escapes', () => {
    const scanner = new Scanner('"a \\"b\\" \\\\"rest');
    expect(scanner.quoted()).toBe('a "b" \\');
    expect(scanner.text.slice(scanner.at)).toBe('rest');
  });

  it.each(['', 'a', '"', '"a', '"a\\"', '"a\\'])('finds no quoted string in %j', (text) => {
    expect(new Scanner(text).quoted()).toBeUndefined();
  });

  it('reads whatever was quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (content) => {
        const escaped = content.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
        const scanner = new Scanner(`"${escaped}";`);
        expect(scanner.quoted()).toBe(content);
        expect(scanner.peek()).toBe(';'.charCodeAt(0));
      }),
    );
  });

  it.each([
    ['example.com', 'example.com'],
    ['my_host-1:5060', 'my_host-1'],
    ['192.0.2.1;a', '192.0.2.1'],
    ['[2001:db8::10]:5070', '2001:db8::10'],
    ['[::ffff:192.0.2.1]', '::ffff:192.0.2.1'],
  ])('reads the host of %s', (text, host) => {
    expect(new Scanner(text).host()).toBe(host);
  });

  it.each(['', ':5060', '[', '[]', '[1]', '[2001:db8::1', '[2001:db8::1%eth0]', '[2001:db8::g]'])('finds no host in %j', (text) => {
    expect(new Scanner(text).host()).toBeUndefined();
  });

  it.each([
    ['5060', 5060],
    ['00080;', 80],
    ['65535', 65_535],
    ['65536', undefined],
    ['0', undefined],
    ['', undefined],
    ['x', undefined],
  ])('reads the port of %j', (text, port) => {
    expect(new Scanner(text).port()).toBe(port);
  });

  it('reads parameters, with blanks and quotes anywhere they may be', () => {
    const scanner = new Scanner(' ;  Tag =  a ; lr;x="a;b\\"c" ;received=[2001:db8::9:255];empty="",next');
    expect([...(scanner.parameters() ?? [])]).toEqual([
      ['tag', 'a'],
      ['lr', undefined],
      ['x', 'a;b"c'],
      ['received', '[2001:db8::9:255]'],
      ['empty', ''],
    ]);
    expect(scanner.atComma).toBe(true);
  });

  it.each([';', ';;', ';a;', ';a=', ';=a', ';a="b', ';a=<', ';a;A', ';tag=1;tag=2'])('refuses the parameters %j', (text) => {
    expect(new Scanner(text).parameters()).toBeUndefined();
  });

  it('takes names that objects have as names like all others', () => {
    const parameters = new Scanner(';__proto__=1;constructor=2;hasOwnProperty;toString=x').parameters();
    expect(parameters?.get('__proto__')).toBe('1');
    expect(parameters?.get('hasownproperty')).toBeUndefined();
    expect(parameters?.has('valueof')).toBe(false);
    expect(parameters?.size).toBe(4);
  });

  it(`takes ${MAXIMUM_PARAMETERS} parameters and no more`, () => {
    const text = Array.from({ length: MAXIMUM_PARAMETERS }, (_, i) => `;p${i}`).join('');
    expect(new Scanner(text).parameters()?.size).toBe(MAXIMUM_PARAMETERS);
    expect(new Scanner(`${text};more`).parameters()).toBeUndefined();
  });
});
