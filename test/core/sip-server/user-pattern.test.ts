import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { compileUserPattern } from '../../../src/core/sip-server/user-pattern.ts';

function matches(pattern: string, text: string): boolean {
  const compiled = compileUserPattern(pattern);
  if ('fault' in compiled) throw new Error(compiled.fault);
  return compiled.pattern.matches(text);
}

describe('a pattern', () => {
  it.each([
    ['600', '600'],
    ['6??', '612'],
    ['6??', '6ab'],
    ['?', '😀'],
    ['*', ''],
    ['*', 'anyone'],
    ['**', ''],
    ['6*', '6'],
    ['6*', '612345'],
    ['*6', '66'],
    ['*a*b*c', 'xxaxxbxxbxxc'],
    ['[0-9][0-9]', '42'],
    ['[a-c1-3]', 'b'],
    ['[a-c1-3]', '3'],
    ['[!0-9]*', 'alice'],
    ['[^0-9]*', 'alice'],
    ['[*]98', '*98'],
    ['[?]', '?'],
    ['[]]', ']'],
    ['[a-]', '-'],
    ['[-a]', '-'],
    ['[[]', '['],
    ['a.b+c', 'a.b+c'],
    [']', ']'],
    ['-', '-'],
  ])('%j matches %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(true);
  });

  it.each([
    ['600', '6000'],
    ['600', '60'],
    ['600', ''],
    ['6??', '61'],
    ['6??', '6123'],
    ['?', ''],
    ['6*', '7'],
    ['*6', '67'],
    ['*a*b*c', 'xxaxxcxxb'],
    ['[0-9]', 'a'],
    ['[0-9]', ''],
    ['[!0-9]', '5'],
    ['[!0-9]', ''],
    ['[a-]', 'b'],
    ['Alice', 'alice'],
    ['a.c', 'abc'],
  ])('%j does not match %j', (pattern, text) => {
    expect(matches(pattern, text)).toBe(false);
  });

  it.each([
    ['[', 'the [ has no ], or nothing stands between them'],
    ['6[0-9', 'the [ has no ], or nothing stands between them'],
    ['[]', 'the [ has no ], or nothing stands between them'],
    ['[!]', 'the [ has no ], or nothing stands between them'],
    ['[9-0]', '9-0 runs backwards'],
  ])('%j is none: %s', (pattern, fault) => {
    expect(compileUserPattern(pattern)).toEqual({ fault });
  });
});

test('a pattern matches what its plain meaning says', () => {
  const parts = fc.constantFrom('a', 'b', '?', '*', '[ab]', '[!a]', '[a-c]');
  const meaning: Readonly<Record<string, string>> = { '?': '.', '*': '.*', '[!a]': '[^a]' };
  const texts = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), maxLength: 10 });
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 8 }), texts, (pattern, text) => {
      const judge = new RegExp(`^(?:${pattern.map((part) => meaning[part] ?? part).join('')})$`, 'u');
      expect(matches(pattern.join(''), text)).toBe(judge.test(text));
    }),
    { numRuns: 2_000 },
  );
});

test('any text is a pattern or has a fault, and any text is matched or not', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (pattern, text) => {
      const compiled = compileUserPattern(pattern);
      expect('fault' in compiled ? compiled.fault : compiled.pattern.matches(text)).toSatisfy(
        (result: unknown) => typeof result === 'boolean' || typeof result === 'string',
      );
    }),
  );
});

// With backtracking into every star this would take longer than the test may.
test('many stars cost no more than pattern times text', () => {
  expect(matches(`${'*a'.repeat(60)}b`, 'a'.repeat(20_000))).toBe(false);
});
