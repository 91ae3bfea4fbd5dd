import hdr from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { renderHgrm } from '../../../../src/core/report/render/hgrm.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { histogramOf } from '../make-run.ts';

/** `value percentile count` of each line. */
function linesOf(text: string): readonly (readonly number[])[] {
  return text
    .split('\n')
    .slice(1)
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.trim().split(/\s+/).map(Number));
}

test('is what HdrHistogram writes of the same samples, in milliseconds', () => {
  const values = Array.from({ length: 5_000 }, (_, i) => 40_000 + i * i * 3);
  const theirs = hdr.build({ lowestDiscernibleValue: 1_000, highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: 3 });
  for (const value of values) theirs.recordValue(value);
  const ours = renderHgrm(histogramOf(values).encode()).split('\n');
  const lines = theirs.outputPercentileDistribution(5, 1e6).split('\n');
  const maximum = lines.findIndex((line) => line.startsWith('#[Max'));
  expect(ours.toSpliced(maximum, 1)).toEqual(lines.toSpliced(maximum, 1));
  // 75,010,003 ns, where theirs has the end of its bucket.
  expect(ours[maximum]).toBe('#[Max     =       75.010, Total count    =         5000]');
});

test('agrees with the percentiles of the run', () => {
  const histogram = histogramOf(Array.from({ length: 5_000 }, (_, i) => 40_000 + i * i * 3));
  const text = renderHgrm(histogram.encode());
  const lines = linesOf(text);
  expect(lines.length).toBeGreaterThan(20);
  for (const [value = 0, percentile = 0, count = 0] of lines) {
    expect(value).toBeCloseTo((histogram.quantileNs(percentile) ?? Number.NaN) / 1e6, 0);
    expect(count).toBeGreaterThanOrEqual(Math.floor(percentile * 5_000));
  }
  expect(text).toContain('Total count    =         5000]');
});

test('of nothing there is no value', () => {
  const text = renderHgrm(new LatencyHistogram().encode());
  expect(linesOf(text)).toEqual([]);
  expect(text).toContain('Max     =          NaN, Total count    =            0]');
});

test('is the same of base64 without its padding, which run files may have', () => {
  const encoded = histogramOf([40_000, 50_000, 60_000]).encode();
  const runs = [40_000, 50_000, 60_000, 70_000, 80_000].map((_, i) =>
    histogramOf(Array.from({ length: i + 1 }, (_, j) => 40_000 * (j + 1))).encode(),
  );
  const padded = [encoded, ...runs].filter(({ data }) => data.endsWith('='));
  expect(padded.length).toBeGreaterThan(0);
  for (const run of padded) expect(renderHgrm({ ...run, data: run.data.replace(/=+$/, '') })).toBe(renderHgrm(run));
});
