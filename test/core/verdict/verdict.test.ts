/** Verdicts on simulated calls, each with one fault; and on good ones, which have none. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NoiseReference } from '../../../src/core/match/reference.ts';
import { MarkerBoard } from '../../../src/core/verdict/marker-board.ts';
import { correlator, MS, randomOf, renumbering, scene, SIZE, throughUlaw } from './kit/scene.ts';
import type { FarEndWords } from '../../../src/core/verdict/reports.ts';
import type { Far, SentPiece } from './kit/scene.ts';

const SILENCE = new Int16Array(SIZE);
/** A far end that reports every 2.5 s how many of the packets sent so far it has heard. */
const reporting =
  (heardOf: (packets: number) => number) =>
  (sinceAnswerNs: number): FarEndWords => {
    const reports = Math.floor(sinceAnswerNs / 2.5e9);
    if (reports === 0) return { received: 0, reports, farEndLost: null, farEndReceived: null };
    const heard = Math.round(heardOf(125 * reports));
    return { received: reports, reports, farEndLost: 125 * reports - heard, farEndReceived: heard };
  };
const asItIs: Far = ({ samples }) => [{ afterNs: 30 * MS, samples }];
/** What has been said 2 s after the answer. */
const AT_2_S = 20;

describe('a call that is fine', () => {
  it.each<[string, () => Far]>([
    ['echoed as it is', () => asItIs],
    ['in packets of its own', () => renumbering(({ samples }) => samples)],
    ['with 150 ms on the way', () => renumbering(({ samples }) => samples, 150 * MS)],
    ['with 1.2 s on the way', () => renumbering(({ samples }) => samples, 1_200 * MS)],
    ['40 dB softer', () => renumbering(({ samples }) => samples.map((sample) => Math.round(sample / 100)))],
    ['turned upside down', () => renumbering(({ samples }) => samples.map((sample) => -sample))],
    ['through mu-law again', () => renumbering(({ samples }) => throughUlaw(samples))],
  ])('%s', (_, far) => {
    const { verdict, states } = scene({ seconds: 6, far: far() });
    expect(verdict).toMatchObject({ state: 'fine', direction: null });
    expect(states[AT_2_S]).toBe('fine');
    expect(verdict.changes.map(({ state }) => state)).toEqual(['fine']);
  });

  it('with jitter, reordering, and up to 3 % of loss, whatever the seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), fc.double({ min: 0, max: 0.03, noNaN: true }), fc.boolean(), (seed, loss, own) => {
        const random = randomOf(seed);
        const far: Far = ({ samples, index }) =>
          random() < loss
            ? []
            : [
                {
                  afterNs: (50 + 60 * random()) * MS,
                  samples,
                  own: own ? { sequence: index + 9, timestamp: index * SIZE + 5 } : undefined,
                },
              ];
        const { verdict } = scene({ seconds: 8, far, seed });
        expect(verdict.state).toBe('fine');
      }),
      { numRuns: 30 },
    );
  });

  it('when a jitter buffer moves by 60 ms, both ways', () => {
    const far: Far = ({ samples, index, leftNs }) => {
      const afterNs = leftNs > 3e9 && leftNs < 6e9 ? 100 * MS : 40 * MS;
      const moved = leftNs > 3e9 && leftNs < 6e9 ? 3 : 0;
      return [{ afterNs, samples, own: { sequence: index + moved, timestamp: (index + moved) * SIZE } }];
    };
    const { verdict } = scene({ seconds: 9, far });
    expect(verdict.state).toBe('fine');
  });

  it('when the far end begins another stream', () => {
    const far: Far = ({ samples, index }) => [
      {
        afterNs: 40 * MS,
        samples,
        own:
          index < 150 ? { sequence: index, timestamp: index * SIZE } : { sequence: index + 30_000, timestamp: 5 + index * SIZE, ssrc: 77 },
      },
    ];
    expect(scene({ seconds: 8, far }).verdict.state).toBe('fine');
  });
});

describe('a call that is silent', () => {
  it.each<[string, () => Far]>([
    ['with zeros', () => renumbering(() => SILENCE)],
    ['with comfort noise packets', () => renumbering(() => null)],
    [
      'with the noise of a line',
      () => {
        const random = randomOf(5);
        return renumbering(() => SILENCE.map(() => Math.round(120 * (random() - 0.5))));
      },
    ],
    ['under our own headers', () => () => [{ afterNs: 30 * MS, samples: SILENCE }]],
  ])('%s', (_, far) => {
    const { verdict, states } = scene({ seconds: 4, far: far() });
    expect(verdict).toMatchObject({ state: 'silent', direction: null, crossedWith: null });
    expect(verdict.evidence.at(-1)).toMatch(/cannot be told/);
    expect(states[AT_2_S]).toBe('silent');
  });

  it('names the direction by what the far end reports', () => {
    const far = renumbering(() => SILENCE);
    expect(scene({ seconds: 4, far, words: reporting((packets) => packets) }).verdict).toMatchObject({
      ...{ state: 'silent', direction: 'from the far end' },
    });
    // Of a far end that hears nothing it does not matter what comes from it.
    expect(scene({ seconds: 4, far, words: reporting(() => 0) }).verdict).toMatchObject({
      state: 'one-way',
      direction: 'towards the far end',
    });
    const half = scene({ seconds: 4, far, words: reporting((packets) => packets * 0.3) }).verdict;
    expect(half).toMatchObject({ state: 'silent', direction: null });
    expect(half.evidence.at(-1)).toMatch(/a part of them/);
  });

  it('from its middle on', () => {
    const { verdict } = scene({ seconds: 8, far: renumbering(({ samples, leftNs }) => (leftNs < 4e9 ? samples : SILENCE)) });
    expect(verdict.state).toBe('silent');
    expect(verdict.changes.map(({ state }) => state)).toEqual(['fine', 'silent']);
    expect(verdict.sinceMs).toBeGreaterThan(4_000);
    expect(verdict.sinceMs).toBeLessThanOrEqual(6_100);
  });
});

describe('a call that is one-way', () => {
  it('when nothing comes at all', () => {
    const { verdict, states } = scene({ seconds: 4, far: () => [] });
    expect(verdict).toMatchObject({ state: 'one-way', direction: null });
    expect(states[AT_2_S]).toBe('one-way');
    expect(verdict.firstMs).toBeLessThanOrEqual(2_000);
  });

  it.each([
    ['knows of no packet of ours', () => ({ received: 4, reports: 0, farEndLost: null, farEndReceived: null }), 'towards the far end'],
    ['has heard all', reporting((packets) => packets), 'from the far end'],
    ['has heard none', reporting(() => 0), 'towards the far end'],
    ['has heard half of it', reporting((packets) => 0.3 * packets), null],
    ['has spoken once, and not of us', () => ({ received: 1, reports: 0, farEndLost: null, farEndReceived: null }), null],
    ['has not spoken', () => ({ received: 0, reports: 0, farEndLost: null, farEndReceived: null }), null],
  ] as const)('by what the far end says: it %s', (_, words, direction) => {
    const { verdict } = scene({ seconds: 4, far: () => [], words });
    expect(verdict).toMatchObject({ state: 'one-way', direction });
  });

  it.each([
    ['goes on to hear us', (packets: number) => packets, 'from the far end'],
    ['hears us no more', (packets: number) => Math.min(packets, 240), 'towards the far end'],
  ] as const)('in its middle, when the far end %s', (_, heardOf, direction) => {
    const far: Far = (piece) => (piece.index < 240 ? asItIs(piece) : []);
    const { verdict } = scene({ seconds: 12, far, words: reporting(heardOf) });
    expect(verdict).toMatchObject({ state: 'one-way', direction });
    // The report that was there says nothing about what came after it.
    const first = verdict.changes.find(({ state }) => state === 'one-way');
    expect(first).toMatchObject({ direction: null });
  });

  it('when the far end hears nothing any more, and another sound comes', () => {
    const words = reporting((packets) => Math.min(packets, 150));
    const { verdict } = scene({ seconds: 10, far: renumbering(({ samples, leftNs }) => (leftNs < 3e9 ? samples : SILENCE)), words });
    expect(verdict).toMatchObject({ state: 'one-way', direction: 'towards the far end' });
  });

  it('in its middle, and fine again', () => {
    const far = renumbering(({ samples, leftNs }) => (leftNs > 3e9 && leftNs < 7e9 ? undefined : samples));
    const { verdict, states } = scene({ seconds: 12, far });
    expect(verdict.changes.map(({ state }) => state)).toEqual(['fine', 'one-way', 'fine']);
    expect(verdict.state).toBe('one-way');
    expect(states.at(-1)).toBe('fine');
  });
});

/** Speech-like: bursts of coloured noise with pauses. */
function voice(seed: number): (piece: SentPiece) => Int16Array {
  const random = randomOf(seed);
  let low = 0;
  return ({ index }) => {
    const loud = Math.floor(index / 25) % 3 === 2 ? 0 : 4_000;
    return SILENCE.map(() => {
      low = 0.8 * low + 0.2 * (random() - 0.5) * loud * 4;
      return Math.round(low);
    });
  };
}

describe('a call that is crossed', () => {
  it('with foreign sound', () => {
    const { verdict, states } = scene({ seconds: 6, far: renumbering(voice(3)) });
    expect(verdict).toMatchObject({ state: 'crossed', direction: null, crossedWith: null });
    expect(verdict.evidence[0]).toMatch(/of no call of this run/);
    expect(states[AT_2_S]).toBe('crossed');
  });

  it.each([3, 11])('with call %i of the same run, told by its sound', (other) => {
    const board = new MarkerBoard(correlator);
    const reference = new NoiseReference(99);
    let index = 0;
    for (const call of [2, 3, 4, 11]) {
      board.put(call, { ssrc: call, reference: call === other ? reference : new NoiseReference(call), sent: () => index * SIZE });
    }
    const far = renumbering((piece) => {
      index = piece.index;
      const samples = new Int16Array(SIZE);
      reference.read(Math.max(0, piece.index - 7) * SIZE + 31, SIZE, samples, 0);
      return throughUlaw(samples);
    });
    const { verdict, states } = scene({ seconds: 5, far, board });
    expect(verdict).toMatchObject({ state: 'crossed', crossedWith: other });
    expect(verdict.evidence[0]).toContain(`that of call ${other}`);
    expect(states[AT_2_S]).toBe('crossed');
  });

  it('with another call, told by its SSRC', () => {
    const board = new MarkerBoard(correlator);
    board.put(2, { ssrc: 0xbeef, reference: undefined, sent: () => 0 });
    const say = voice(9);
    const far: Far = (piece) => [
      { afterNs: 30 * MS, samples: say(piece), own: { sequence: piece.index, timestamp: piece.index * SIZE, ssrc: 0xbeef } },
    ];
    expect(scene({ seconds: 4, far, board }).verdict).toMatchObject({ state: 'crossed', crossedWith: 2 });
  });

  it('and not when somebody speaks over it, as loud as it is', () => {
    const say = voice(4);
    const far = renumbering((piece) => {
      const other = say(piece);
      return piece.samples.map((sample, i) => sample + (other[i] ?? 0));
    });
    expect(scene({ seconds: 6, far }).verdict.state).toBe('fine');
  });
});

describe('a call that is clipped', () => {
  it.each([600, 1_500, 5_000])('at its beginning, of which %i ms are missing', (ms) => {
    const { verdict, states } = scene({ seconds: 9, far: renumbering(({ samples, leftNs }) => (leftNs < ms * MS ? undefined : samples)) });
    expect(verdict).toMatchObject({ state: 'clipped', direction: null });
    expect(verdict.evidence[0]).toBe(`the first ${ms} ms after the answer never came back`);
    // After 1.5 s too little has come to be recognised 2 s after the answer; it is then, half a second later.
    expect(states[AT_2_S]).toBe(ms > 2_000 ? 'one-way' : ms > 1_000 ? 'unknown' : 'clipped');
    if (ms < 2_000) expect(states[AT_2_S + 5]).toBe('clipped');
  });

  it('at its beginning, with silence in its place', () => {
    const { verdict } = scene({ seconds: 7, far: renumbering(({ samples, leftNs }) => (leftNs < 3e9 ? SILENCE : samples)) });
    expect(verdict.changes.map(({ state }) => state)).toEqual(['silent', 'clipped']);
    expect(verdict.state).toBe('clipped');
  });

  it.each([0.2, 0.5, 0.7])('at %f of the amplitude', (limit) => {
    const most = 4_400 * limit;
    const far = renumbering(({ samples }) => samples.map((sample) => Math.max(-most, Math.min(most, sample))));
    const { verdict, states } = scene({ seconds: 4, far });
    expect(verdict.state).toBe('clipped');
    expect(verdict.evidence[0]).toMatch(/peaks/);
    expect(states[AT_2_S]).toBe('clipped');
  });

  it.each([0.95, 1])('and not at %f of it', (limit) => {
    const most = 4_400 * limit;
    const far = renumbering(({ samples }) => samples.map((sample) => Math.max(-most, Math.min(most, sample))));
    expect(scene({ seconds: 6, far }).verdict.state).toBe('fine');
  });
});

describe('a call that is robotic', () => {
  it('when every third piece is said again in place of the next', () => {
    let last: Int16Array = SILENCE;
    const far = renumbering(({ samples, index }) => {
      if (index % 3 === 2) return last;
      last = samples;
      return samples;
    });
    const { verdict, states } = scene({ seconds: 6, far });
    expect(verdict).toMatchObject({ state: 'robotic', direction: 'towards the far end' });
    expect(states[AT_2_S]).toBe('robotic');
  });

  it.each([
    ['numbers what it sends one by one: lost before that', 'towards the far end', (sequence: number, _index: number) => sequence],
    ['numbers with gaps: its own, or ours', null, (_sequence: number, index: number) => index],
  ] as const)('when a fifth is lost, and the far end %s', (_, direction, number) => {
    let sent = 0;
    const far: Far = ({ samples, index }) => {
      if (index % 25 < 5) return [];
      sent += 1;
      return [{ afterNs: 40 * MS, samples, own: { sequence: number(sent, index), timestamp: index * SIZE } }];
    };
    expect(scene({ seconds: 8, far }).verdict).toMatchObject({ state: 'robotic', direction });
  });

  it('when a fifth is lost, and the far end gives each that came the next number and time', () => {
    let sent = 0;
    const far: Far = ({ samples, index }) => {
      if (index % 25 < 5) return [];
      sent += 1;
      return [{ afterNs: 40 * MS, samples, own: { sequence: sent, timestamp: sent * SIZE } }];
    };
    expect(scene({ seconds: 8, far }).verdict).toMatchObject({ state: 'robotic', direction: 'towards the far end' });
  });

  it.each([
    [0.2, 'towards the far end'],
    [0, 'from the far end'],
    [0.1, 'both ways'],
  ] as const)('and by RTCP, whoever numbers: %f lost on the way there, of a fifth', (lost, direction) => {
    const lossy: Far = (piece) => (piece.index % 10 < 2 ? [] : asItIs(piece));
    const copied: Far = (piece) =>
      piece.index % 10 < 2
        ? []
        : [{ afterNs: 40 * MS, samples: piece.samples, own: { sequence: piece.index, timestamp: piece.index * SIZE } }];
    const words = reporting((packets) => packets * (1 - lost));
    for (const far of [lossy, copied]) {
      expect(scene({ seconds: 8, far, words }).verdict).toMatchObject({ state: 'robotic', direction });
      expect(scene({ seconds: 8, far }).verdict).toMatchObject({ state: 'robotic', direction: null });
    }
  });

  it('when pieces come 250 ms late, in every half second', () => {
    const far: Far = ({ samples, index }) => [{ afterNs: (index % 25 < 4 ? 290 : 40) * MS, samples }];
    const { verdict } = scene({ seconds: 8, far });
    expect(verdict.state).toBe('robotic');
    expect(verdict.evidence[0]).toMatch(/too late/);
  });

  it('when bursts of 100 ms are a tenth of it, whatever the seed', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
        const random = randomOf(seed);
        const starts = new Set(Array.from({ length: 20 }, (_, second) => second * 50 + Math.floor(40 * random())));
        const far = renumbering(({ samples, index }) => {
          for (let back = 0; back < 6; back++) if (starts.has(index - back)) return undefined;
          return samples;
        });
        expect(scene({ seconds: 10, far, seed }).verdict.state).toBe('robotic');
      }),
      { numRuns: 20 },
    );
  });
});

describe('where nothing can be said', () => {
  it('of a call that ends before anything came', () => {
    const { verdict } = scene({ seconds: 1, far: () => [] });
    expect(verdict).toMatchObject({ state: 'unknown', firstMs: null, changes: [] });
    expect(verdict.evidence[0]).toMatch(/over 1\.0 s after its answer/);
  });

  it('of silence that comes where silence was sent', () => {
    const { verdict } = scene({ seconds: 4, far: renumbering(() => SILENCE), marked: false });
    expect(verdict.state).toBe('unknown');
    expect(verdict.evidence[0]).toMatch(/--match header/);
  });

  it('but headers that come back say enough', () => {
    expect(scene({ seconds: 4, far: asItIs, marked: false }).verdict.state).toBe('fine');
    expect(scene({ seconds: 4, far: () => [], marked: false }).verdict.state).toBe('one-way');
    expect(scene({ seconds: 6, far: (piece) => (piece.index % 5 === 0 ? [] : asItIs(piece)), marked: false }).verdict.state).toBe(
      'robotic',
    );
    expect(scene({ seconds: 4, far: renumbering(voice(1)), marked: false }).verdict.state).toBe('crossed');
  });
});

describe('the course of a verdict', () => {
  it('is bounded', () => {
    const far = renumbering(({ samples, leftNs }) => (Math.floor(leftNs / 4e9) % 2 === 1 ? SILENCE : samples));
    const { verdict } = scene({ seconds: 100, far });
    expect(verdict.changes).toHaveLength(16);
    expect(verdict.changesLeftOut).toBeGreaterThan(0);
    expect(verdict.state).toBe('silent');
  });
});
