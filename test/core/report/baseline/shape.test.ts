import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LatencyCurve, sharesBySecond } from '../../../../src/core/report/baseline/shape.ts';
import { SecondSeries } from '../../../../src/core/report/series.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../make-run.ts';

const latencies = fc.array(fc.integer({ min: 1_000, max: 200_000_000 }), { minLength: 1, maxLength: 200 });

describe('a curve', () => {
  it('has the quantiles of its histogram', () => {
    fc.assert(
      fc.property(latencies, fc.double({ min: 0.01, max: 1, noNaN: true }), (values, quantile) => {
        const histogram = histogramOf(values);
        expect(new LatencyCurve(histogram).quantileNs(quantile)).toBe(histogram.quantileNs(quantile));
      }),
    );
  });

  it('is read both ways', () => {
    fc.assert(
      fc.property(latencies, (values) => {
        const curve = new LatencyCurve(histogramOf(values));
        expect(curve.shareAt(0)).toBe(0);
        expect(curve.shareAt(Math.max(...values))).toBe(1);
        for (const share of [0.1, 0.5, 0.9, 1]) expect(curve.shareAt(curve.quantileNs(share))).toBeGreaterThanOrEqual(share - 1e-9);
      }),
    );
  });
});

/** Half of the packets within 0.1 ms, and a tail of tens of milliseconds: what a straight line over the latency is wrong about. */
const heavy = Array.from({ length: 1000 }, (_, i) => (i < 900 ? 5e6 + i * 100 : 5.1e6 + (i - 900) ** 2 * 10_000));

function shapeOfSeconds(seconds: readonly (readonly number[])[]): Parameters<typeof sharesBySecond>[0] {
  const latency = new LatencyHistogram();
  const series = new SecondSeries(2e9);
  for (const [second, values] of seconds.entries()) {
    for (const [i, value] of values.entries()) {
      const dueNs = (second + i / values.length) * 1e9;
      series.sent(dueNs);
      series.received(dueNs, value, false);
      latency.record(value);
    }
  }
  return { curve: new LatencyCurve(latency), series: series.finish((seconds.length + 3) * 1e9, 0), durationSeconds: seconds.length };
}

describe('the share of each second', () => {
  it.each([0.5, 0.95, 0.99])('at the quantile %d is that very share where all seconds are alike', (quantile) => {
    for (const { weight, value } of sharesBySecond(shapeOfSeconds([heavy, heavy, heavy]), quantile)) {
      expect(weight).toBe(1000);
      expect(Math.abs(value - quantile)).toBeLessThan(0.01);
    }
  });

  it('of p95 is hardly lower in a second whose tail alone is longer', () => {
    const longer = heavy.map((value, i) => (i < 940 ? value : value + 20e6));
    const [usual, late] = sharesBySecond(shapeOfSeconds([heavy, longer, heavy, heavy]), 0.95).map(({ value }) => value);
    expect(usual).toBeGreaterThan(0.94);
    expect(late).toBeGreaterThan(0.9);
    expect(late).toBeLessThan(0.95);
  });

  it('leaves out seconds without a packet', () => {
    expect(sharesBySecond(shapeOfSeconds([heavy, [], heavy]), 0.5)).toHaveLength(2);
  });
});
