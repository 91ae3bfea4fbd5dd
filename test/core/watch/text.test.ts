import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asciiText, fitted, padded, safeText, widthOfText } from '../../../src/core/watch/text.ts';

/** Any UTF-16, lone surrogates and controls among it, and much of what terminals mind. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
      fc.constantFrom(
        '\u001B[2J',
        '\u001B]0;x\u0007',
        '\u009B31m',
        '\r',
        '\n',
        '\u202E',
        '\u2066',
        '\u200D',
        'e\u0301',
        '通話',
        '😀',
        '\u{E0041}',
      ),
    ),
  )
  .map((parts) => parts.join(''));

describe('a safe text', () => {
  it.each([
    ['PJSIP/alice-00000001', 'PJSIP/alice-00000001'],
    ['\u001B[2J\u0007', '\\x1b[2J\\x07'],
    ['a\u202Etxt.exe', 'a\\u202etxt.exe'],
    ['zero\u200Bwidth', 'zero\\u200bwidth'],
    ['e\u0301', '\u00e9'],
    ['x\u0301\u0301', 'x\\u301\\u301'],
    ['\u3164', '\\u3164'],
    ['\uD800', '\\ud800'],
    ['Zoë 通話 😀', 'Zoë 通話 😀'],
  ])('of %j is %j', (text, safe) => {
    expect(safeText(text)).toBe(safe);
  });

  it('is no longer than anybody reads', () => {
    expect(safeText('x'.repeat(1_000_000))).toBe(`${'x'.repeat(1_000)}…`);
  });

  it('holds nothing that moves a cursor, a character or a line', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(safeText(text)).not.toMatch(
          /[\p{Cc}\p{Cs}\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]|\p{M}|[\u{E0000}-\u{E0FFF}]/u,
        );
      }),
    );
  });
});

describe('the width of a text', () => {
  it.each([
    ['abc', 3],
    ['–…·▁█', 5],
    ['通話', 4],
    ['😀', 2],
    ['✅', 2],
    ['ｱ', 1],
    ['Ａ', 2],
  ])('%s: %d', (text, width) => {
    expect(widthOfText(text)).toBe(width);
  });
});

describe('a text in so many cells', () => {
  it('is cut where it does not fit, and says so', () => {
    expect(fitted('abcdef', 6)).toBe('abcdef');
    expect(fitted('abcdef', 5)).toBe('abcd…');
    expect(fitted('通話中', 4)).toBe('通…');
    expect(fitted('ab', 1)).toBe('…');
    expect(fitted('ab', 0)).toBe('');
    expect(padded('ab', 4, 'left')).toBe('ab  ');
    expect(padded('ab', 4, 'right')).toBe('  ab');
    expect(padded('通話中', 4, 'right')).toBe(' 通…');
  });

  it('is never wider, and padded exactly so wide, in ASCII too', () => {
    fc.assert(
      fc.property(hostile, fc.nat({ max: 30 }), fc.constantFrom('left' as const, 'right' as const), (text, width, align) => {
        const safe = safeText(text);
        expect(widthOfText(fitted(safe, width))).toBeLessThanOrEqual(width);
        const cells = padded(safe, width, align);
        expect(widthOfText(cells)).toBe(width);
        expect(asciiText(cells)).toMatch(/^[ -~]*$/);
        expect(asciiText(cells)).toHaveLength(width);
      }),
    );
  });
});
