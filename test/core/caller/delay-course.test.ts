import { describe, expect, it } from 'vitest';
import { DelayCourse } from '../../../src/core/caller/delay-course.ts';
import type { DelayFacts } from '../../../src/core/caller/delay-course.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { normal } from '../match/kit/path.ts';

const MS = 1e6;

/** Fifty packets a second whose delay, ms, is a function of the second that they come in. */
function factsOf(seconds: number, delayMs: (second: number) => number, jitterMs = 0): DelayFacts {
  const course = new DelayCourse();
  const random = new SeededRandom(3);
  for (let i = 0; i < seconds * 50; i++) course.add(7e9 + i * 20 * MS, (delayMs(i / 50) + jitterMs * normal(random)) * MS);
  return course.facts();
}

describe('moves', () => {
  it('none where the delay stays, whatever its jitter', () => {
    expect(factsOf(60, () => 80, 15).moves).toEqual([]);
  });

  it('up and down, each when it was', () => {
    const { moves } = factsOf(60, (second) => (second < 20 ? 80 : second < 41 ? 120 : 100), 3);
    expect(moves.map(({ at_seconds }) => at_seconds)).toEqual([20, 41]);
    expect(moves.map(({ by_ms }) => Math.round(by_ms / 10) * 10)).toEqual([40, -20]);
  });

  it('not a hiccup of two seconds, nor less than 7 ms', () => {
    expect(factsOf(30, (second) => (second >= 10 && second < 12 ? 300 : 80)).moves).toEqual([]);
    expect(factsOf(30, (second) => (second < 10 ? 80 : 86)).moves).toEqual([]);
  });

  it('no more than twenty', () => {
    expect(factsOf(400, (second) => (Math.floor(second / 10) % 2 === 0 ? 80 : 120)).moves).toHaveLength(20);
  });

  it('not by the few packets of a gap', () => {
    const course = new DelayCourse();
    for (let i = 0; i < 500; i++) if (i < 200 || i > 348 || i % 50 === 0) course.add(i * 20 * MS, (i === 250 || i === 300 ? 400 : 80) * MS);
    expect(course.facts().moves).toEqual([]);
  });
});

describe('a clock that is off', () => {
  it.each([-120, 0, 35])('by %i ppm, with moves in between, within what is stated', (ppm) => {
    const { skewPpm, skewErrorPpm, moves } = factsOf(120, (second) => 80 + (second > 60 ? 20 : 0) + (second * ppm) / 1000, 2);
    expect(moves).toHaveLength(1);
    expect(Math.abs((skewPpm ?? Number.NaN) - ppm)).toBeLessThan(skewErrorPpm ?? Number.NaN);
    expect(skewErrorPpm).toBeLessThan(15);
  });

  it('is not known of a short call, nor of none', () => {
    expect(factsOf(9, () => 80, 2)).toMatchObject({ skewPpm: null, skewErrorPpm: null });
    expect(factsOf(0, () => 80)).toEqual({ moves: [], skewPpm: null, skewErrorPpm: null });
  });
});
