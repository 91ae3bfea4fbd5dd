import { describe, expect, it, test } from 'vitest';
import { AudioCorrelator } from '../../../src/core/match/audio-correlator.ts';
import { AudioMatcher } from '../../../src/core/match/audio.ts';
import type { AudioCounters, AudioMatch } from '../../../src/core/match/audio.ts';
import { NoiseReference } from '../../../src/core/match/reference.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { FOREIGN } from './kit/foreign.ts';
import { asAlaw, asG722, asUlaw, clip, concealed, gain, noisy, normal, referenceAudio, run, skew, slip } from './kit/path.ts';
import type { Change, PathResult } from './kit/path.ts';

const MS = 1e6;
/** Of G.722, there and back: 22 samples at 16 kHz. */
const G722_MS = 1.375;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1]!;
}

/** 300 to 3400 Hz by a filter of 49 samples that is steep, so that it rings; 24 samples late. */
const ringing: Change = (audio) => {
  const taps = Array.from({ length: 49 }, (_, i) => {
    const x = i - 24;
    const band = (hertz: number): number => (x === 0 ? hertz / 4_000 : Math.sin((Math.PI * x * hertz) / 4_000) / (Math.PI * x));
    return band(3_400) - band(300);
  });
  return audio.map((_, at) => clip(taps.reduce((sum, tap, i) => sum + tap * (audio[at - i] ?? 0), 0)));
};

/** Every packet is in one state, and every delay told is within its stated error of what it truly was. */
function expectTruth({ matches, counters, returned }: PathResult, addedMs: number = 0): void {
  const { received, matched, unmatched, repeated, torn, silent, duplicates, late, untracked } = counters;
  expect(received).toBe(returned);
  expect(matched + unmatched + repeated + torn + silent + duplicates + late + untracked).toBe(received);
  expect(matches).toHaveLength(matched);
  for (const { delayNs, trueDelayNs, errorNs, score } of matches) {
    expect(Math.abs(delayNs - trueDelayNs - addedMs * MS)).toBeLessThan(errorNs);
    expect(errorNs).toBeLessThan(0.2 * MS);
    expect(score).toBeGreaterThan(0.4);
    expect(score).toBeLessThanOrEqual(1);
  }
}

describe('a network that delays, moves and loses packets', () => {
  const networks = [20, 80, 150].flatMap((delayMs) => [0.01, 0.03, 0.05].map((loss) => [delayMs, loss] as const));

  test.each(networks)('%d ms, jitter 5 ms, loss %d, both laws', (delayMs, loss) => {
    const result = run({ seed: delayMs + 100 * loss, seconds: 60, delayMs, jitterMs: 5, loss, changes: [asUlaw, asAlaw, asUlaw] });
    expectTruth(result);
    expect(result.counters.matched).toBe(result.returned);
    expect(result.counters.found).toBe(result.counters.windows);
    expect(Math.abs(median(result.matches.map(({ delayNs }) => delayNs)) / MS - delayMs)).toBeLessThan(2);
  });

  test('packets out of order, late by more than a window', () => {
    const result = run({ seed: 5, seconds: 20, delayMs: 400, jitterMs: 100 });
    expectTruth(result);
    expect(result.counters).toMatchObject({ matched: 1000, late: 0, restarts: 0 });
  });

  test.each([40, 80, 240, 480])('packets of %d samples', (packet) => {
    const result = run({ seed: packet, seconds: 10, delayMs: 80, packet, jitterMs: 5, changes: [asUlaw] });
    expectTruth(result);
    expect(result.counters.matched).toBe(result.returned);
  });
});

describe('what a switch does to audio', () => {
  const changes: readonly (readonly [string, readonly Change[], number, number])[] = [
    ['20 dB lower', [asUlaw, gain(-20), asAlaw], 0, 1],
    ['40 dB lower', [asUlaw, gain(-40), asAlaw], 0, 1],
    ['6 dB louder', [asUlaw, gain(6), asAlaw], 0, 1],
    ['clipped: 40 dB louder', [asUlaw, gain(40), asAlaw], 0, 1],
    ['upside down', [asUlaw, (audio) => audio.map((sample) => clip(-sample)), asAlaw], 0, 1],
    ['noise as loud as it', [asUlaw, noisy(2_540, 1), asAlaw], 0, 0.99],
    ['a filter that rings for 6 ms', [asUlaw, ringing, asAlaw], 3, 0.99],
    // Its filters are empty before the first packet.
    ['G.722 between the laws', [asUlaw, asG722, asAlaw], G722_MS, 0.99],
    ['G.722 twice, lower, with noise', [asG722, gain(-10), noisy(50, 2), asAlaw, asG722], 2 * G722_MS, 0.99],
  ];

  test.each(changes)('%s', (_, changes, addedMs, leastShare) => {
    const result = run({ seed: 11, seconds: 20, delayMs: 80, changes });
    expectTruth(result, addedMs);
    expect(result.counters.matched).toBeGreaterThanOrEqual(leastShare * result.returned);
  });

  test.each([
    ['G722', G722_MS],
    ['L16', 0],
  ] as const)('%s at 16 kHz, with loss', (wide, addedMs) => {
    const result = run({ seed: 12, seconds: 20, delayMs: 80, jitterMs: 5, loss: 0.05, wide });
    expectTruth(result, addedMs);
    expect(result.counters.matched).toBeGreaterThan(0.99 * result.returned);
  });

  test.each([100, -100])('a clock that is %d ppm off', (ppm) => {
    const { matches, counters } = run({ seed: 13, seconds: 60, delayMs: 80, changes: [asUlaw, skew(ppm)] });
    expect(counters.matched).toBe(3_000);
    for (const { delayNs, timestamp, errorNs } of matches) {
      // The packet's own timestamps are of the other clock.
      const seconds = ((timestamp - matches[0]!.timestamp) >>> 0) / 8_000;
      expect(Math.abs(delayNs - (80 - seconds * ppm * 1e-3) * MS)).toBeLessThan(errorNs);
    }
  });

  test('concealed packets get no delay, and no other packet a wrong one', () => {
    const result = run({ seed: 14, seconds: 60, delayMs: 80, changes: [asUlaw, concealed(0.05, 3), asAlaw] });
    expectTruth(result);
    const { matched, unmatched, repeated } = result.counters;
    expect(unmatched + repeated).toBeGreaterThan(100);
    // What is lost is some 5 %.
    expect(matched).toBeGreaterThan(0.93 * result.returned);
    expect(result.counters.found).toBe(result.counters.windows);
  });

  test('a jitter buffer that moves: each packet has the delay of its own side', () => {
    const places = [50_000, 100_000, 123_456];
    const frame = 160;
    const result = run({ seed: 15, seconds: 20, delayMs: 80, changes: [asUlaw, slip(places, -frame)] });
    const { matches, counters } = result;
    for (const { delayNs, trueDelayNs, timestamp, errorNs } of matches) {
      const at = (timestamp - matches[0]!.timestamp) >>> 0;
      const moves = places.filter((place) => place < at + frame / 2).length;
      const between = places.some((place) => place > at && place < at + frame);
      if (!between) expect(Math.abs(delayNs - trueDelayNs - moves * 20 * MS)).toBeLessThan(errorNs);
    }
    expect(counters.matched).toBeGreaterThan(990);
  });
});

test('a packet that is half of one delay and half of another has none', () => {
  const { counters, matches } = run({
    seed: 16,
    seconds: 10,
    delayMs: 80,
    changes: [asUlaw, slip([200 * 160 + 80, 300 * 160 + 70], -800)],
  });
  expect(counters).toMatchObject({ torn: 2, unmatched: 0 });
  for (const { delayNs, trueDelayNs, errorNs } of matches) {
    const moves = Math.round((delayNs - trueDelayNs) / (100 * MS));
    expect(Math.abs(delayNs - trueDelayNs - moves * 100 * MS)).toBeLessThan(errorNs);
    expect([0, 1, 2]).toContain(moves);
  }
});

test('behind lost packets filters join what was before to what comes: such a packet has the delay of its newer part', () => {
  const [held, frame] = [102, 160];
  const joined: Change = (audio) => {
    const out = new Int16Array(audio.length);
    let before = new Int16Array(held);
    for (let at = 0; at + frame <= audio.length; at += frame) {
      if ((at / frame) % 20 === 7) continue;
      const all = Int16Array.from([...before, ...audio.subarray(at, at + frame)]);
      out.set(all.subarray(0, frame), at);
      before = all.slice(frame);
    }
    return out;
  };
  const result = run({ seed: 17, seconds: 20, delayMs: 80, jitterMs: 5, changes: [asUlaw, joined, asAlaw] });
  expectTruth(result, 12.75);
  // The first one begins before all that was sent.
  expect(result.counters).toMatchObject({ matched: 949, unmatched: 1, silent: 50 });
  const parts = result.matches.flatMap(({ piece }) => (piece.count < frame ? [piece] : []));
  expect(parts).toHaveLength(50);
  for (const { from, count } of parts) {
    expect(from + count).toBe(frame);
    // A half or a third; of a half, most is new.
    expect([80, 53]).toContain(count);
  }
});

test('a sender that is late and then in time: sound that was held back has come after it left', () => {
  const audio = referenceAudio(18, 10);
  const held = 102;
  const heard = new Int16Array(audio.length);
  heard.set(audio.subarray(0, -held), held);
  const matches: AudioMatch[] = [];
  const matcher = new AudioMatcher({
    ...{ correlator: new AudioCorrelator(), reference: new NoiseReference(18), sampleRateHz: 8_000, clockRateHz: 8_000 },
    onMatch: (match) => matches.push(match),
  });
  for (let packet = 0; packet < 500; packet++) {
    const leftNs = packet * 20 * MS + (packet % 50 === 20 ? 18 * MS : 0);
    matcher.sent(leftNs, 160);
    matcher.receive(leftNs + MS, packet * 160, heard, packet * 160, 160);
  }
  matcher.end();
  expect(matcher.counters()).toMatchObject({ matched: 499, unmatched: 1 });
  for (const { delayNs, timestamp } of matches) {
    // What comes behind a late packet began in it, and waited for less than usual.
    const behindLate = (timestamp / 160) % 50 === 21;
    const late = (timestamp / 160) % 50 === 20;
    expect(delayNs / MS).toBeCloseTo(behindLate ? 1 : 13.75 + (late ? 18 : 0), 0);
  }
});

describe('audio without the reference', () => {
  test.each(Object.entries(FOREIGN))('nothing is found in %s', (_, make) => {
    const { matches, counters } = run({ seed: 21, seconds: 60, delayMs: 80, other: make(60, 4) });
    expect(matches).toEqual([]);
    expect(counters.found).toBe(0);
    expect(counters.windows).toBeGreaterThan(100);
  });

  test('comfort noise by turns with it: each packet is what it is', () => {
    const random = new SeededRandom(1);
    const stretch = 2_400;
    const gated: Change = (audio) => audio.map((sample, i) => (Math.floor(i / stretch) % 2 === 0 ? sample : clip(30 * normal(random))));
    const result = run({ seed: 23, seconds: 20, delayMs: 80, jitterMs: 5, changes: [asUlaw, gated, asAlaw] });
    expectTruth(result);
    expect(result.counters).toMatchObject({ matched: 505, unmatched: 495 });
  });

  test('half of all packets lost', () => {
    const result = run({ seed: 24, seconds: 20, delayMs: 80, jitterMs: 5, loss: 0.5, changes: [asUlaw] });
    expectTruth(result);
    expect(result.counters.matched).toBe(result.returned);
  });

  test('silence is silent', () => {
    const { counters } = run({ seed: 22, seconds: 5, delayMs: 80, changes: [gain(-100), noisy(3, 1)] });
    expect(counters).toMatchObject({ silent: 250, windows: 0, matched: 0 });
  });
});

test('a delay up to the longest is found, and none above it', () => {
  expect(run({ seed: 31, seconds: 10, delayMs: 3_950 }).counters).toMatchObject({ matched: 500 });
  expect(run({ seed: 31, seconds: 10, delayMs: 4_050 }).counters).toMatchObject({ matched: 0, unmatched: 500 });
  expect(run({ seed: 31, seconds: 10, delayMs: 950, longestNs: 1e9 }).counters).toMatchObject({ matched: 500 });
  expect(run({ seed: 31, seconds: 10, delayMs: 1_050, longestNs: 1e9 }).counters).toMatchObject({ matched: 0, unmatched: 500 });
});

describe('streams that are not as they should be', () => {
  interface Bench {
    readonly matcher: AudioMatcher;
    readonly matches: AudioMatch[];
    /** Packet `packet` of the reference comes under this timestamp, 50 ms after it left. */
    readonly come: (packet: number, timestamp: number) => void;
    readonly counters: () => AudioCounters;
  }

  function bench(): Bench {
    const audio = referenceAudio(1, 20);
    const matches: AudioMatch[] = [];
    const matcher = new AudioMatcher({
      correlator: new AudioCorrelator(),
      reference: new NoiseReference(1),
      sampleRateHz: 8_000,
      clockRateHz: 8_000,
      onMatch: (match) => matches.push(match),
    });
    let left = 0;
    const come = (packet: number, timestamp: number): void => {
      for (; left < packet + 3; left++) matcher.sent(left * 20 * MS, 160);
      matcher.receive((packet * 20 + 50) * MS, timestamp >>> 0, audio, packet * 160, 160);
    };
    const counters = (): AudioCounters => {
      matcher.end();
      return matcher.counters();
    };
    return { matcher, matches, come, counters };
  }

  it('follows timestamps through their wrap, and begins anew after a jump', () => {
    const { matches, come, counters } = bench();
    for (let packet = 0; packet < 100; packet++) come(packet, 2 ** 32 - 8_000 + packet * 160);
    for (let packet = 100; packet < 200; packet++) come(packet, 1_000_000 + packet * 160);
    // The first one behind the jump might have been a stray.
    expect(counters()).toMatchObject({ received: 200, matched: 199, late: 1, restarts: 1 });
    for (const { delayNs } of matches) expect(Math.abs(delayNs - 50 * MS)).toBeLessThan(0.05 * MS);
  });

  it('is not led astray by single timestamps', () => {
    const { come, counters } = bench();
    for (let packet = 0; packet < 200; packet++) come(packet, packet % 20 === 7 ? packet * 12_345_678 : packet * 160);
    expect(counters()).toMatchObject({ received: 200, matched: 190, late: 10, restarts: 0 });
  });

  it('counts what comes twice, and what is no audio', () => {
    const { matcher, come, counters } = bench();
    for (let packet = 0; packet < 100; packet++) {
      come(packet, packet * 160);
      if (packet % 10 === 0) come(packet, packet * 160);
      // Of a window that is over.
      if (packet === 40) come(20, 20 * 160);
    }
    matcher.receive(0, 0, new Int16Array(9_000), 0, 9_000);
    matcher.receive(0, 0, new Int16Array(0), 0, 0);
    expect(counters()).toMatchObject({ received: 113, matched: 100, duplicates: 11, untracked: 2 });
  });

  it('bears a flood of packets of one sample', () => {
    const { matcher, counters } = bench();
    const sample = Int16Array.of(1_000);
    for (let i = 0; i < 20_000; i++) matcher.receive(i, i, sample, 0, 1);
    const { received, unmatched, untracked } = counters();
    expect(received).toBe(20_000);
    expect(unmatched + untracked).toBe(20_000);
  });

  it('takes a better time of leaving', () => {
    const { matcher, matches, come, counters } = bench();
    come(0, 0);
    come(1, 160);
    expect([matcher.correct(3, 61 * MS), matcher.correct(4, 81 * MS)]).toEqual([true, false]);
    for (let packet = 2; packet < 50; packet++) come(packet, packet * 160);
    expect(counters().matched).toBe(50);
    expect(matches.map(({ delayNs }) => Math.round(delayNs / MS))).toEqual([50, 50, 50, 49, ...Array.from({ length: 46 }, () => 50)]);
  });
});
