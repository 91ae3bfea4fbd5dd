import { expect, it } from 'vitest';
import { choose } from '../../../src/core/caller/match-choice.ts';
import type { MatchedBy } from '../../../src/core/caller/match-choice.ts';

const SOON = 0.5e9;
const LATER = 2e9;

it.each<[string, MatchedBy, number, number, boolean, string | undefined]>([
  ['nothing came', {}, 0, 0, true, undefined],
  ['all headers, too few of them yet', { header: 9, payload: 9 }, 9, SOON, false, undefined],
  ['all headers', { header: 10, payload: 10 }, 10, SOON, false, 'header'],
  ['not all headers: bytes may know more', { header: 20, payload: 22 }, 22, SOON, false, undefined],
  ['and they do', { header: 95, payload: 100 }, 100, LATER, false, 'payload'],
  ['headers know more', { header: 95, payload: 3, audio: 80 }, 100, LATER, false, 'header'],
  ['no header, nearly all bytes', { payload: 18 }, 20, SOON, false, 'payload'],
  ['some bytes are as they were by chance', { payload: 13, audio: 80 }, 100, LATER, false, 'audio'],
  ['half of the bytes, and the sound of all', { payload: 50, audio: 99 }, 100, LATER, false, 'payload'],
  ['sound, too early to tell', { audio: 20 }, 40, SOON, false, undefined],
  ['sound', { audio: 20 }, 100, LATER, false, 'audio'],
  ['too little of anything', { header: 1, payload: 3, audio: 9 }, 100, LATER, false, undefined],
  ['nor at the end', { header: 1, payload: 3, audio: 9 }, 100, LATER, true, undefined],
  ['a short call', { header: 2, payload: 2 }, 2, 0, true, 'header'],
  ['a short call, half of it', { audio: 3 }, 6, SOON, true, 'audio'],
  ['a few strays are no match', { audio: 1 }, 4, SOON, true, undefined],
])('%s', (_, by, came, sinceNs, over, expected) => {
  expect(choose(by, came, sinceNs, over)).toBe(expected);
});
