/** Whose sound is it: the calls of a run, and how many of them may be asked for. */
import { expect, it } from 'vitest';
import { WINDOW } from '../../../src/core/match/audio-correlator.ts';
import { NoiseReference } from '../../../src/core/match/reference.ts';
import { MarkerBoard } from '../../../src/core/verdict/marker-board.ts';
import { correlator } from './kit/scene.ts';

const board = (): MarkerBoard => {
  const made = new MarkerBoard(correlator);
  for (const call of [1, 5, 2, 9]) made.put(call, { ssrc: call, reference: new NoiseReference(call), sent: () => 60_000 });
  return made;
};

it('asks for the nearest first, and knows calls by their SSRC while they are up', () => {
  const made = board();
  expect(made.others(5)).toEqual([2, 1, 9]);
  expect(made.withSsrc(9, 5)).toBe(9);
  expect(made.withSsrc(5, 5)).toBeNull();
  made.take(9);
  expect(made.withSsrc(9, 5)).toBeNull();
});

it('finds what was sent within 4 s, and nothing else; and not more than 20 times a second', () => {
  const made = board();
  const window = new Int16Array(WINDOW);
  new NoiseReference(2).read(50_123, WINDOW, window, 0);
  expect(made.isOf(1, window, 1e9)).toBe(false);
  expect(made.isOf(2, window, 1.04e9)).toBeUndefined();
  expect(made.isOf(2, window, 1.05e9)).toBe(true);
  new NoiseReference(2).read(100, WINDOW, window, 0);
  expect(made.isOf(2, window, 2e9)).toBe(false);
  expect(made.isOf(2, new Int16Array(WINDOW), 3e9)).toBe(false);
});
