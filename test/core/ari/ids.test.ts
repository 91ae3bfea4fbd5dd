import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { bridgePrefix, externalPrefix, isApplicationName, legIds } from '../../../src/core/ari/ids.ts';

const NAME_CHARACTERS = 'abcxyzABCXYZ0189-_'.split('');
const name = fc.array(fc.constantFrom(...NAME_CHARACTERS), { minLength: 1, maxLength: 64 }).map((characters) => characters.join(''));

test.each(['rtplat', 'rtplat-2', 'a', 'A_b-9', 'x'.repeat(64)])('%j is an application name', (text) => {
  expect(isApplicationName(text)).toBe(true);
});

test.each(['', 'x'.repeat(65), 'a.b', 'a b', 'a,b', 'ä', 'a/b', 'a\n', 'a%2e', 'a?b'])('%j is none', (text) => {
  expect(isApplicationName(text)).toBe(false);
});

test('no application takes the channels or bridges of another for its own', () => {
  fc.assert(
    fc.property(name, name, fc.nat(), (ours, theirs, serial) => {
      fc.pre(ours !== theirs);
      const { externalId, bridgeId } = legIds(theirs, 'i', serial);
      expect(isApplicationName(ours)).toBe(true);
      expect(externalId.startsWith(externalPrefix(theirs))).toBe(true);
      expect(bridgeId.startsWith(bridgePrefix(theirs))).toBe(true);
      expect(externalId.startsWith(externalPrefix(ours))).toBe(false);
      expect(bridgeId.startsWith(bridgePrefix(ours))).toBe(false);
    }),
  );
});

test('calls, runs and kinds differ in their names', () => {
  const ids = [legIds('a', 'i', 1), legIds('a', 'i', 2), legIds('a', 'j', 1)].flatMap(({ externalId, bridgeId }) => [externalId, bridgeId]);
  expect(new Set(ids).size).toBe(6);
});
