import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { excessOf } from '../../../src/core/report/json-shape.ts';

/** How deep a value is nested; 0 of what is neither list nor object. */
function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('excessOf', () => {
  it('refuses what is nested too deep, closed or not, and says so', () => {
    expect(excessOf('['.repeat(64) + ']'.repeat(64))).toBeUndefined();
    expect(excessOf('['.repeat(65) + ']'.repeat(65))).toBe('it is nested more than 64 deep');
    expect(excessOf('{"a":'.repeat(1_000_000))).toBe('it is nested more than 64 deep');
    expect(excessOf('[{}],'.repeat(1_000))).toBeUndefined();
  });

  it('refuses too many values, of any kind', () => {
    for (const value of ['[]', '{}', '0', '""', '{"a":1,"b":2}']) {
      expect(excessOf(`[${`${value},`.repeat(4_000_001)}0]`), value).toBe('it has more than 4000000 values');
    }
  });

  it('takes no text of a string for a list', () => {
    expect(excessOf(JSON.stringify(`"${'['.repeat(1_000)}\\`))).toBeUndefined();
    expect(excessOf(`{"${'['.repeat(100)}":"${'\\\\'.repeat(101)}","b":["${'{'.repeat(100)}\\""]}`)).toBeUndefined();
    expect(excessOf(`"${'['.repeat(100)}`)).toBeUndefined();
  });

  it('agrees with what JSON.parse makes of a text', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'max', maxDepth: 4 }), fc.integer({ min: 0, max: 70 }), (value, more) => {
        const text = '['.repeat(more) + JSON.stringify(value) + ']'.repeat(more);
        expect(excessOf(text) === undefined).toBe(depthOf(JSON.parse(text)) <= 64);
      }),
    );
  });
});
