import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { closest, editDistance } from '../../../../src/core/service/config/suggest.ts';

describe('editDistance', () => {
  it.each([
    ['', '', 0],
    ['port', 'port', 0],
    ['prot', 'port', 1],
    ['por', 'port', 1],
    ['ports', 'port', 1],
    ['pert', 'port', 1],
    ['', 'port', 4],
    ['ca', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('%j to %j is %i', (a, b, distance) => {
    expect(editDistance(a, b)).toBe(distance);
    expect(editDistance(b, a)).toBe(distance);
  });

  test('is a number of edits: zero for the same, one for any one edit, never more than the longer text', () => {
    const name = fc.string({ unit: fc.constantFrom(...'abc_'), maxLength: 12 });
    fc.assert(
      fc.property(name, name, fc.nat(), (a, b, at) => {
        expect(editDistance(a, a)).toBe(0);
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(a, b)).toBeLessThanOrEqual(Math.max(a.length, b.length));
        const i = at % (a.length + 1);
        expect(editDistance(a, `${a.slice(0, i)}z${a.slice(i)}`)).toBe(1);
      }),
    );
  });
});

describe('closest', () => {
  const KEYS = ['port', 'bind_address', 'domain', 'transports'];

  it.each([
    ['prot', 'port'],
    ['bind-address', 'bind_address'],
    ['Bind_Adress', 'bind_address'],
    ['transport', 'transports'],
    ['DOMAIN', 'domain'],
  ])('of %j is %j', (name, meant) => {
    expect(closest(name, KEYS)).toBe(meant);
  });

  it.each(['', 'x', 'codec', 'tarpsrota', 'p'.repeat(100_000)])('there is none of %.20j', (name) => {
    expect(closest(name, KEYS)).toBeUndefined();
  });

  it('prefers the nearer one, wherever it stands', () => {
    expect(closest('tone_amplitud', ['tone_amplitudes', 'tone_amplitude'])).toBe('tone_amplitude');
    expect(closest('tone_amplitud', ['tone_amplitude', 'tone_amplitudes'])).toBe('tone_amplitude');
  });
});
