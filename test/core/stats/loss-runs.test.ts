import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { LossRuns, type LossRunSummary } from '../../../src/core/stats/loss-runs.ts';

const PTIME_MS = 20;
/** RFC 3611 §4.7.2 recommends 16. */
const GMIN = 16;

/** Fates written down: `.` received, `x` lost; blanks are for the reader. */
function summaryOf(fates: string): LossRunSummary {
  const runs = new LossRuns();
  for (const fate of fates) {
    if (fate === 'x') runs.lost();
    else if (fate === '.') runs.received();
  }
  return runs.summary(PTIME_MS);
}

function received(count: number): string {
  return '.'.repeat(count);
}

describe('RFC 3611 §4.7.2: bursts and gaps', () => {
  it('has nothing to say about nothing', () => {
    expect(summaryOf('')).toEqual({
      packets: 0,
      lost: 0,
      bursts: 0,
      burstDensity: null,
      gapDensity: null,
      burstDurationMs: null,
      gapDurationMs: null,
      longestLossRun: 0,
      burstRatio: null,
    });
  });

  test('without loss all is one gap', () => {
    expect(summaryOf(received(500))).toMatchObject({ bursts: 0, gapDensity: 0, gapDurationMs: 10_000, burstDensity: null });
  });

  test('a lost packet between GMIN received ones belongs to the gap', () => {
    expect(summaryOf(`${received(20)}x${received(GMIN)}x${received(20)}`)).toMatchObject({
      bursts: 0,
      gapDensity: 2 / (40 + GMIN + 2),
      gapDurationMs: (40 + GMIN + 2) * PTIME_MS,
    });
  });

  test('GMIN − 1 received packets do not end a burst', () => {
    expect(summaryOf(`${received(20)}x${received(GMIN - 1)}x${received(20)}`)).toMatchObject({
      bursts: 1,
      burstDensity: 2 / (GMIN + 1),
      burstDurationMs: (GMIN + 1) * PTIME_MS,
      gapDensity: 0,
      gapDurationMs: 20 * PTIME_MS,
    });
  });

  it('takes the mean of several', () => {
    expect(summaryOf(`${received(100)} xx ${received(40)} x ${received(59)} x..x.x ${received(200)}`)).toEqual({
      packets: 408,
      lost: 6,
      bursts: 2,
      burstDensity: 5 / 8,
      gapDensity: 1 / 400,
      burstDurationMs: 4 * PTIME_MS,
      gapDurationMs: (400 * PTIME_MS) / 3,
      longestLossRun: 2,
      burstRatio: (6 / 5) * (1 - 6 / 408),
    });
  });

  test('a burst at either end has no gap beyond it', () => {
    expect(summaryOf(`xx ${received(30)} xx`)).toMatchObject({ bursts: 2, burstDensity: 1, gapDensity: 0, gapDurationMs: 30 * PTIME_MS });
  });

  test('when everything was lost there is no gap, and no ratio of random loss to compare with', () => {
    expect(summaryOf('x'.repeat(50))).toMatchObject({
      bursts: 1,
      burstDensity: 1,
      burstDurationMs: 1_000,
      gapDensity: null,
      gapDurationMs: null,
      longestLossRun: 50,
      burstRatio: null,
    });
  });

  test('a summary on the way does not change what comes after it', () => {
    const once = new LossRuns();
    const often = new LossRuns();
    for (const fate of `${received(30)}xx..x${received(30)}x..x${received(3)}`) {
      for (const runs of [once, often]) {
        if (fate === 'x') runs.lost();
        else runs.received();
      }
      often.summary(PTIME_MS);
    }
    expect(often.summary(PTIME_MS)).toEqual(once.summary(PTIME_MS));
  });

  test('any stream is counted as the definitions say', () => {
    const stretch = fc.tuple(fc.nat({ max: 40 }), fc.nat({ max: 4 })).map(([good, bad]) => '.'.repeat(good) + 'x'.repeat(bad));
    fc.assert(
      fc.property(fc.array(stretch, { maxLength: 30 }), (stretches) => {
        const fates = stretches.join('');
        expect(summaryOf(fates)).toEqual(byDefinition(fates));
      }),
      { numRuns: 500 },
    );
  });
});

describe('ITU-T G.107 §7.5: the burst ratio', () => {
  test('is about 1 for random loss', () => {
    const runs = new LossRuns();
    // A linear congruential generator: the same loss of 10 % on every run.
    let state = 1;
    for (let i = 0; i < 200_000; i++) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      if (state < 0.1 * 2 ** 32) runs.lost();
      else runs.received();
    }
    expect(runs.summary(PTIME_MS).burstRatio).toBeCloseTo(1, 1);
  });

  test('is the mean run over that of random loss', () => {
    expect(summaryOf(`${received(45)}xxxxx${received(45)}xxxxx`).burstRatio).toBeCloseTo(5 * 0.9, 9);
  });
});

/** The same numbers from the whole stream at once: losses grouped by distance, then read off by position. */
function byDefinition(fates: string): LossRunSummary {
  const losses = Array.from(fates).flatMap((fate, i) => (fate === 'x' ? [i] : []));
  const clusters: number[][] = [];
  for (const at of losses) {
    const last = clusters.at(-1);
    if (last !== undefined && at - last.at(-1)! - 1 < GMIN) last.push(at);
    else clusters.push([at]);
  }
  const bursts = clusters
    .filter((cluster) => cluster.length > 1)
    .map((cluster) => ({ from: cluster[0]!, to: cluster.at(-1)!, lost: cluster.length }));
  const inBurst = Array.from(fates, (_, i) => bursts.some(({ from, to }) => i >= from && i <= to));
  const burstPackets = inBurst.filter(Boolean).length;
  const burstLost = bursts.reduce((sum, { lost }) => sum + lost, 0);
  const gapPackets = fates.length - burstPackets;
  const gaps = inBurst.filter((burst, i) => !burst && (i === 0 || inBurst[i - 1] === true)).length;
  const lossRuns = fates.split('.').filter((run) => run !== '');
  return {
    packets: fates.length,
    lost: losses.length,
    bursts: bursts.length,
    burstDensity: bursts.length === 0 ? null : burstLost / burstPackets,
    gapDensity: gaps === 0 ? null : (losses.length - burstLost) / gapPackets,
    burstDurationMs: bursts.length === 0 ? null : (burstPackets * PTIME_MS) / bursts.length,
    gapDurationMs: gaps === 0 ? null : (gapPackets * PTIME_MS) / gaps,
    longestLossRun: Math.max(0, ...lossRuns.map((run) => run.length)),
    burstRatio:
      losses.length === 0 || losses.length === fates.length ? null : (losses.length / lossRuns.length) * (1 - losses.length / fates.length),
  };
}
