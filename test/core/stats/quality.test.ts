import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { E_MODEL_DEFAULTS, type EModelParameters, mosFromR, rFactor, scoreStream } from '../../../src/core/stats/quality.ts';

/** R with this one-way delay, loss and burst ratio. */
function impaired(oneWayMs: number, pplPercent: number, burstR: number): number {
  return rFactor({ tMs: oneWayMs, taMs: oneWayMs, trMs: 2 * oneWayMs, pplPercent, bpl: 25.1, burstR });
}

describe('ITU-T G.107: R', () => {
  test('is 93.2 at the defaults', () => {
    expect(rFactor().toFixed(1)).toBe('93.2');
    expect(rFactor(E_MODEL_DEFAULTS)).toBe(rFactor());
  });

  // Computed by another implementation of the Recommendation, T = Ta = Tr/2.
  test.each([
    [10, 92.85],
    [50, 91.76],
    [100, 90.66],
    [150, 89.54],
    [200, 85.8],
    [300, 72.67],
    [400, 62.25],
  ])('with %i ms one way, echo included, is %f', (oneWayMs, r) => {
    expect(rFactor({ tMs: oneWayMs, taMs: oneWayMs, trMs: 2 * oneWayMs })).toBeCloseTo(r, 1);
  });

  // The same, with the delay free of echo: Idd alone.
  test.each([
    [100, 93.21],
    [150, 93.04],
    [200, 90.16],
    [300, 78.45],
    [400, 69.14],
  ])('with %i ms and no echo is %f', (taMs, r) => {
    expect(rFactor({ taMs })).toBeCloseTo(r, 1);
  });

  test.each([
    [{ pplPercent: 3 }, 54.17],
    [{ pplPercent: 1, bpl: 25.1, tMs: 50, taMs: 50, trMs: 100 }, 88.12],
    [{ pplPercent: 5, bpl: 25.1, tMs: 50, taMs: 50, trMs: 100 }, 75.98],
    [{ pplPercent: 5, bpl: 25.1, burstR: 2, tMs: 50, taMs: 50, trMs: 100 }, 74.55],
  ] satisfies [Partial<EModelParameters>, number][])('with loss %o is %f', (parameters, r) => {
    expect(rFactor(parameters)).toBeCloseTo(r, 1);
  });

  // G.113 (02/2001), Appendix I: planning values of Ie under random packet loss, whole numbers. The Bpl of later editions were fitted to
  // them: closely for G.729A, roughly for the others.
  test.each([
    [
      'G.729A with VAD',
      { ie: 11, bpl: 19 },
      0.6,
      [
        [0, 11],
        [0.5, 13],
        [1, 15],
        [1.5, 17],
        [2, 19],
        [3, 23],
        [4, 26],
        [8, 36],
        [16, 49],
      ],
    ],
    [
      'G.723.1 with VAD',
      { ie: 15, bpl: 16.1 },
      1.2,
      [
        [0, 15],
        [0.5, 17],
        [1, 19],
        [1.5, 22],
        [2, 24],
        [3, 27],
        [4, 32],
        [8, 41],
        [16, 55],
      ],
    ],
    [
      'G.711 with concealment',
      { ie: 0, bpl: 25.1 },
      3,
      [
        [0, 0],
        [1, 5],
        [2, 7],
        [3, 10],
        [5, 15],
        [7, 20],
        [10, 25],
        [15, 35],
        [20, 45],
      ],
    ],
  ] satisfies [string, Partial<EModelParameters>, number, [number, number][]][])(
    '%s loses what G.113 plans for it with packet loss',
    (_, codec, within, planned) => {
      for (const [pplPercent, ie] of planned) {
        expect(Math.abs(rFactor() - rFactor({ ...codec, pplPercent }) - ie), `${pplPercent} %`).toBeLessThanOrEqual(within);
      }
    },
  );

  // By the other implementation, away from the defaults: every term has its part in one of them.
  test.each([
    [{ tMs: 100, telr: 45 }, 70.72],
    [{ tMs: 100, telr: 45, stmr: 5 }, 70.81],
    [{ tMs: 100, telr: 45, stmr: 30 }, 64.95],
    [{ wepl: 20, trMs: 100 }, 77.41],
    [{ qdu: 10 }, 74.95],
    [{ slr: 2 }, 92.54],
    [{ ps: 60, pr: 60 }, 70.27],
    [{ nc: -50 }, 76.35],
  ] satisfies [Partial<EModelParameters>, number][])('with %o is %f', (parameters, r) => {
    expect(rFactor(parameters)).toBeCloseTo(r, 2);
  });

  test.each([
    ['circuit noise', { nc: -50 }],
    ['the noise floor', { nfor: -50 }],
    ['room noise, send side', { ps: 60 }],
    ['room noise, receive side', { pr: 60 }],
    ['too quiet a connection', { slr: 20 }],
    ['too loud a connection', { slr: 2 }],
    ['quantizing distortion', { qdu: 10 }],
    ['too much sidetone', { stmr: 5 }],
    ['the codec', { ie: 11 }],
    ['talker echo', { telr: 40, tMs: 50 }],
    ['listener echo', { wepl: 20, trMs: 100 }],
    ['delay', { taMs: 300 }],
    ['loss', { pplPercent: 1 }],
  ] satisfies [string, Partial<EModelParameters>][])('falls with %s', (_, parameters) => {
    expect(rFactor(parameters)).toBeLessThan(rFactor() - 0.5);
  });

  test('rises by the advantage factor', () => {
    expect(rFactor({ a: 10 })).toBeCloseTo(rFactor() + 10, 9);
  });

  test('§7.4: talker echo below 1 ms is not counted as echo', () => {
    // Not at all: only the sidetone sees it, and that hardly.
    expect(rFactor({ tMs: 0.99, telr: 30 })).toBeGreaterThan(rFactor({ tMs: 1, telr: 30 }));
    expect(rFactor({ tMs: 0.99 })).toBeCloseTo(rFactor(), 2);
  });

  test('§7.4: much sidetone (STMR < 9 dB) masks the talker echo', () => {
    const echo = { tMs: 100, telr: 45 };
    const unmasked = rFactor({ stmr: 9 }) - rFactor({ stmr: 9, ...echo });
    expect(rFactor({ stmr: 8.999 }) - rFactor({ stmr: 8.999, ...echo })).toBeLessThan(unmasked - 0.05);
  });

  test('§7.4: little sidetone (STMR > 20 dB) adds to the talker echo', () => {
    // Ist counts once more, inside Idte, even where there is no echo.
    expect(rFactor({ stmr: 20 }) - rFactor({ stmr: 20.001 })).toBeGreaterThan(0.05);
  });

  test('Table 1: delay costs less where users are less sensitive to it (sT, mT)', () => {
    const low = rFactor({ taMs: 400, st: 0.55, mtMs: 120 });
    expect(low).toBeGreaterThan(rFactor({ taMs: 400 }));
    expect(rFactor({ taMs: 400, st: 0.4, mtMs: 150 })).toBeGreaterThan(low);
    expect(rFactor({ taMs: 120, mtMs: 120 })).toBe(rFactor());
  });

  test('more delay, loss or burstiness never raises it', () => {
    const ms = fc.double({ min: 1, max: 2_000, noNaN: true });
    const percent = fc.double({ min: 0, max: 100, noNaN: true });
    const burst = fc.double({ min: 1, max: 8, noNaN: true });
    fc.assert(
      fc.property(ms, ms, percent, percent, burst, burst, (t1, t2, p1, p2, b1, b2) => {
        const better = impaired(Math.min(t1, t2), Math.min(p1, p2), Math.min(b1, b2));
        const worse = impaired(Math.max(t1, t2), Math.max(p1, p2), Math.max(b1, b2));
        expect(worse).toBeLessThanOrEqual(better + 1e-9);
      }),
    );
  });
});

describe('ITU-T G.107 Annex B: MOS', () => {
  // Table B.1, which rounds 4.024 up.
  test.each([
    [90, 4.34],
    [80, 4.03],
    [70, 3.6],
    [60, 3.1],
    [50, 2.58],
  ])('R = %i is %f', (r, mos) => {
    expect(Math.abs(mosFromR(r) - mos)).toBeLessThan(0.0075);
  });

  test('is 1 at the bottom and 4.5 at the top', () => {
    expect([-20, 0, 3].map(mosFromR)).toEqual([1, 1, 1]);
    expect([100, 120].map(mosFromR)).toEqual([4.5, 4.5]);
  });

  test('never falls while R rises', () => {
    const r = fc.double({ min: -50, max: 150, noNaN: true });
    fc.assert(
      fc.property(r, r, (a, b) => {
        expect(mosFromR(Math.min(a, b))).toBeLessThanOrEqual(mosFromR(Math.max(a, b)) + 1e-9);
      }),
    );
  });
});

describe('the score of a stream', () => {
  const stream = { codec: 'G.711', packets: 500, lossRatio: 0.01, roundTripMs: 100 } as const;

  it('tells the terms that R is the sum of', () => {
    const { rFactor: r, terms } = scoreStream(stream);
    const { ro, is, id, ieEff, a } = terms ?? { ro: 0, is: 0, id: 0, ieEff: 0, a: 0 };
    expect(ro - is - id - ieEff + a).toBe(r);
    // By hand: 95 · 1 / (1 + 25.1).
    expect(ieEff).toBeCloseTo(3.6398, 4);
    expect(scoreStream({ ...stream, packets: 99 }).terms).toBeNull();
  });

  it('takes half of the round trip, and says so', () => {
    const score = scoreStream(stream);
    expect(score.inputs).toEqual({
      codec: 'G.711',
      concealment: 'G.711 Appendix I',
      ie: 0,
      bpl: 25.1,
      oneWayMs: 50,
      delaySource: 'half of the round trip',
      lossPercent: 1,
      burstR: 1,
      packets: 500,
    });
    expect(score.rFactor).toBeCloseTo(88.12, 1);
    expect(score.mos).toBe(mosFromR(score.rFactor!));
  });

  it('prefers the measured one-way delay', () => {
    const score = scoreStream({ ...stream, oneWayMs: 300 });
    expect(score.inputs).toMatchObject({ oneWayMs: 300, delaySource: 'measured one way' });
    expect(score.rFactor).toBeLessThan(scoreStream(stream).rFactor!);
  });

  it('counts bursts of loss worse than random loss, and regular loss as random', () => {
    expect(scoreStream({ ...stream, burstR: 4 }).rFactor).toBeLessThan(scoreStream(stream).rFactor!);
    expect(scoreStream({ ...stream, burstR: 0.8 })).toEqual(scoreStream(stream));
    expect(scoreStream({ ...stream, burstR: null })).toEqual(scoreStream(stream));
  });

  test.each([
    ['too few packets', { ...stream, packets: 99 }, {}],
    ['no delay', { codec: 'G.711', packets: 500, lossRatio: 0 }, { oneWayMs: null, delaySource: null }],
    ['a delay of null', { ...stream, roundTripMs: null, oneWayMs: null }, { oneWayMs: null, delaySource: null }],
    ['no loss ratio', { ...stream, lossRatio: null }, { lossPercent: null }],
  ] as const)('is null with %s', (_, measurement, inputs) => {
    const score = scoreStream(measurement);
    expect(score).toMatchObject({ rFactor: null, mos: null });
    expect(score.inputs).toMatchObject(inputs);
  });
});
