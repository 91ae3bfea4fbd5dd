import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeRuns, worst } from '../../../src/core/report/merge.ts';
import type { RunSummary } from '../../../src/core/report/run.ts';
import { checkRun, checkService } from '../../../src/core/report/verdict.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeMetrics } from './make-metrics.ts';
import { histogramOf, makeRun } from './make-run.ts';

const samples = fc.array(fc.integer({ min: 1_000, max: 5_000_000_000 }), { minLength: 0, maxLength: 200 });

/** 20,000 samples at `ms`. */
function many(ms: number): LatencyHistogram {
  return histogramOf(Array.from({ length: 20_000 }, () => ms * 1e6));
}

/** The bound on p50 that a run was checked against. */
function medianBound(summary: RunSummary): number | undefined {
  return checkRun(summary).checks[0]?.bound;
}

describe('mergeRuns', () => {
  it('gives exactly the histogram, percentiles and ratios of all samples', () => {
    fc.assert(
      fc.property(fc.array(samples, { minLength: 1, maxLength: 4 }), (parts) => {
        const merged = mergeRuns(parts.map((values, i) => ({ name: `${i}.json`, run: makeRun({ latency: histogramOf(values) }) })));
        const all = makeRun({ latency: histogramOf(parts.flat()) });
        const names = ['total_latencies', 'p50_latency', 'p95_latency', 'p99_latency', 'max_latency'] as const;
        for (const name of names) expect(merged.summary[name], name).toBe(all.summary[name]);
        expect(merged.summary.avg_latency ?? 0).toBeCloseTo(all.summary.avg_latency ?? 0, 5);
        expect(merged.summary.packet_loss_ratio).toBe(parts.length / (parts.flat().length + parts.length));
        const buckets = (encoded: typeof merged.histogram): unknown => [...LatencyHistogram.decode(encoded).buckets()];
        expect(buckets(merged.histogram)).toEqual(buckets(all.histogram));
      }),
      { numRuns: 50 },
    );
  });

  it('does not average percentiles: one slow run of two moves p99, not the median', () => {
    const fast = makeRun({ latency: histogramOf(Array.from({ length: 1000 }, () => 1e6)) });
    const slow = makeRun({ latency: histogramOf(Array.from({ length: 100 }, () => 100e6)) });
    const { summary } = mergeRuns([
      { name: 'fast', run: fast },
      { name: 'slow', run: slow },
    ]);
    expect(summary.p50_latency).toBeCloseTo(1, 2);
    expect(summary.p99_latency).toBeCloseTo(100, 0);
    expect(summary.max_latency).toBe(100);
  });

  it('adds counters and leaves out what cannot be computed from sums', () => {
    const counts = {
      totalChannels: 5,
      activeChannels: 1,
      peakChannels: 3,
      sent: 10,
      received: 8,
      lost: 1,
      late: 2,
      duplicates: 1,
      reordered: 2,
      inFlight: 1,
      socketDrops: 4,
    };
    const run = makeRun({ counts, mos: 4.1, rFactor: 90, latency: histogramOf(Array.from({ length: 8 }, () => 1e6)) });
    const { summary, runs, send_error_histogram } = mergeRuns([
      { name: 'a', run },
      { name: 'b', run },
    ]);
    expect(runs).toBe(2);
    expect(summary).toMatchObject({
      total_channels: 10,
      active_channels: 2,
      peak_channels: 3,
      sent: 20,
      received: 16,
      lost: 2,
      late: 4,
      late_ratio: 4 / 16,
      packet_loss_ratio: 2 / 18,
      duplicates: 2,
      reordered: 4,
      in_flight: 2,
      socket_drops: 8,
      jitter_ms: null,
      mos: null,
      r_factor: null,
      engine: 'portable',
      match: 'header',
      clock: 'user',
    });
    expect(send_error_histogram?.count).toBe(6);
  });

  it('says null where one of the runs did not measure', () => {
    const without = makeRun({ sendError: null, match: null, engine: 'batch', clock: 'kernel' });
    const { summary, ...rest } = mergeRuns([
      { name: 'a', run: makeRun() },
      { name: 'b', run: without },
    ]);
    expect(summary).toMatchObject({ send_error_ms: null, socket_drops: null, match: null, engine: 'mixed', clock: 'user' });
    expect('send_error_histogram' in rest).toBe(false);
  });

  it('knows of no loss where a call was matched by audio: what is not heard need not be lost', () => {
    const ratioOf = (match: string): number | null =>
      mergeRuns([
        { name: 'a', run: makeRun() },
        { name: 'b', run: makeRun({ match }) },
      ]).summary.packet_loss_ratio;
    expect(ratioOf('audio')).toBeNull();
    expect(ratioOf('audio+header')).toBeNull();
    expect(ratioOf('payload')).toBeCloseTo(2 / 2_002);
  });

  it('keeps the gravest verdict, and whose reason it is', () => {
    const doubtful = makeRun({ verdict: 'inconclusive', verdictReasons: ['send error p99 3 ms'] });
    const { summary } = mergeRuns([
      { name: 'a', run: makeRun() },
      { name: 'b', run: doubtful },
    ]);
    expect([summary.verdict, summary.verdict_reasons]).toEqual(['inconclusive', ['b: send error p99 3 ms']]);
    expect(worst(['pass', 'inconclusive', 'fail', 'insufficient'])).toBe('fail');
    expect(worst(['pass', 'insufficient'])).toBe('insufficient');
    expect(worst([])).toBe('pass');
  });

  it('has nothing to say of no run', () => {
    expect(() => mergeRuns([])).toThrow(RangeError);
  });
});

describe('checkRun and checkService', () => {
  it('passes what holds every bound', () => {
    expect(checkRun(makeRun({ latency: many(5) }).summary).verdict).toBe('pass');
    expect(checkService(makeMetrics(many(5), 1)).verdict).toBe('pass');
  });

  it('names each violated bound with its value', () => {
    const { verdict, checks } = checkRun(makeRun({ latency: many(15) }).summary);
    expect(verdict).toBe('fail');
    const failed = checks.filter(({ status }) => status === 'fail');
    expect(failed.map(({ name, bound }) => [name, bound])).toEqual([
      ['p50_latency', 8],
      ['p95_latency', 12],
    ]);
    expect(failed[0]?.value).toBeCloseTo(15, 1);
  });

  it('picks the row of the table by the most channels at once, not by all calls ever', () => {
    const counts = {
      totalChannels: 1000,
      activeChannels: 0,
      sent: 20_000,
      received: 20_000,
      lost: 0,
      late: 0,
      duplicates: 0,
      reordered: 0,
      inFlight: 0,
      socketDrops: null,
    };
    expect(medianBound(makeRun({ latency: many(5), counts: { ...counts, peakChannels: 20 } }).summary)).toBe(8);
    expect(medianBound(makeRun({ latency: many(5), counts }).summary)).toBe(12);
    expect(checkService(makeMetrics(many(5), 0)).channels).toBe(2);
  });

  it('believes neither pass nor fail of an instrument in doubt', () => {
    for (const ms of [5, 50]) {
      const { verdict, checks } = checkRun(makeRun({ latency: many(ms), verdict: 'inconclusive', verdictReasons: ['host busy'] }).summary);
      expect(verdict).toBe('inconclusive');
      expect(new Set(checks.map(({ status }) => status))).toEqual(new Set(['inconclusive']));
    }
  });

  it('says insufficient of too few samples', () => {
    expect(checkRun(makeRun().summary).verdict).toBe('insufficient');
  });
});
