import { describe, expect, it, test } from 'vitest';
import { ALAW_OF_LINEAR, LINEAR_OF_ALAW, LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../../src/core/audio/g711.ts';

/**
 * ITU-T G.711, Tables 1 and 2: the decision values of the positive half as the tables give them, from the ends of the segments and the
 * size of the intervals in each. Interval i lies between decision values i and i+1; what is beyond the last belongs to it.
 */
function decisionValues(segments: readonly (readonly [until: number, interval: number])[], first: readonly number[]): number[] {
  const values = [...first];
  for (const [until, interval] of segments) while (values.at(-1)! < until) values.push(values.at(-1)! + interval);
  return values;
}

/** Table 2a, 14 bits: 0, 1, 3, 5 … 31, 35 … 95, 103 … 8159. */
const ULAW_DECISIONS = decisionValues(
  [31, 95, 223, 479, 991, 2_015, 4_063, 8_159].map((until, segment) => [until, 2 << segment]),
  [0, 1],
);
/** Table 1a, 12 bits (the table counts in halves of them): 0, 1, 2 … 32, 34 … 64, 68 … 2048. */
const ALAW_DECISIONS = decisionValues(
  [32, 64, 128, 256, 512, 1_024, 2_048].map((until, segment) => [until, 1 << segment]),
  [0],
);

function intervalOf(decisions: readonly number[], value: number): number {
  let interval = 0;
  while (interval < decisions.length - 2 && value >= decisions[interval + 1]!) interval += 1;
  return interval;
}

/** Every positive sample, and its negative: −1 is the mirror of 0. */
const POSITIVE = Array.from({ length: 32_768 }, (_, sample) => sample);

describe('µ-law', () => {
  test('there are 128 intervals on either side', () => {
    expect(ULAW_DECISIONS).toHaveLength(129);
    expect(ULAW_DECISIONS.slice(14, 20)).toEqual([27, 29, 31, 35, 39, 43]);
  });

  test('each of the 65536 samples has the code of its interval: Table 2, all bits inverted', () => {
    const wrong = POSITIVE.filter((sample) => {
      const interval = intervalOf(ULAW_DECISIONS, sample >> 2);
      return ULAW_OF_LINEAR[sample] !== 0xff - interval || ULAW_OF_LINEAR[~sample & 0xffff] !== 0x7f - interval;
    });
    expect(wrong).toEqual([]);
  });

  test('each of the 256 codes has the middle of its interval, the first has 0', () => {
    for (let interval = 0; interval < 128; interval++) {
      const middle = interval === 0 ? 0 : (ULAW_DECISIONS[interval]! + ULAW_DECISIONS[interval + 1]!) / 2;
      expect(LINEAR_OF_ULAW[0xff - interval]).toBe(4 * middle);
      expect(LINEAR_OF_ULAW[0x7f - interval]).toBe(interval === 0 ? 0 : -4 * middle);
    }
  });

  test('every code survives decoding and encoding, but for the negative zero', () => {
    for (let code = 0; code < 256; code++) {
      expect(ULAW_OF_LINEAR[LINEAR_OF_ULAW[code]! & 0xffff]).toBe(code === 0x7f ? 0xff : code);
    }
  });

  it.each([
    [0, 0xff],
    [-1, 0x7f],
    [3, 0xff],
    [4, 0xfe],
    [32_767, 0x80],
    [-32_768, 0x00],
    [32_124, 0x80],
    [1_000, 0xce],
  ])('%i is %i', (sample, code) => {
    expect(ULAW_OF_LINEAR[sample & 0xffff]).toBe(code);
  });
});

describe('A-law', () => {
  test('there are 128 intervals on either side', () => {
    expect(ALAW_DECISIONS).toHaveLength(129);
    expect(ALAW_DECISIONS.slice(30, 36)).toEqual([30, 31, 32, 34, 36, 38]);
  });

  test('each of the 65536 samples has the code of its interval: Table 1, even bits inverted', () => {
    const wrong = POSITIVE.filter((sample) => {
      const interval = intervalOf(ALAW_DECISIONS, sample >> 4);
      return ALAW_OF_LINEAR[sample] !== ((0x80 | interval) ^ 0x55) || ALAW_OF_LINEAR[~sample & 0xffff] !== (interval ^ 0x55);
    });
    expect(wrong).toEqual([]);
  });

  test('each of the 256 codes has the middle of its interval', () => {
    for (let interval = 0; interval < 128; interval++) {
      const middle = (ALAW_DECISIONS[interval]! + ALAW_DECISIONS[interval + 1]!) / 2;
      expect(LINEAR_OF_ALAW[(0x80 | interval) ^ 0x55]).toBe(16 * middle);
      expect(LINEAR_OF_ALAW[interval ^ 0x55]).toBe(-16 * middle);
    }
  });

  test('every code survives decoding and encoding', () => {
    for (let code = 0; code < 256; code++) expect(ALAW_OF_LINEAR[LINEAR_OF_ALAW[code]! & 0xffff]).toBe(code);
  });

  it.each([
    [0, 0xd5],
    [-1, 0x55],
    [32_767, 0xaa],
    [-32_768, 0x2a],
    [1_000, 0xfa],
  ])('%i is %i', (sample, code) => {
    expect(ALAW_OF_LINEAR[sample & 0xffff]).toBe(code);
  });
});
