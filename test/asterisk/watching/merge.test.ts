/** Histograms of 50 instances, added up by a real Prometheus, are the histogram of all samples. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { CONTENT_TYPES } from '../../../src/core/report/render/exposition.ts';
import type { ExpositionFormat } from '../../../src/core/report/render/exposition.ts';
import { renderPrometheus } from '../../../src/core/report/render/prometheus.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeMetrics } from '../../core/report/make-metrics.ts';
import { until } from '../kit/process.ts';
import { scratchFolder } from '../kit/scratch.ts';
import { startPrometheus } from './prometheus.ts';

const scratch = scratchFolder();
const INSTANCES = 50;
const QUANTILES = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999];

/** Numbers from 0 to 1, the same ones each time (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Each instance another middle and another number of samples: an average of percentiles would be far off. */
function samplesOf(instance: number): readonly number[] {
  const next = random(instance + 1);
  const middleMs = 0.3 * 1.1 ** instance;
  return Array.from({ length: 200 + 40 * instance }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
    return Math.round(middleMs * Math.exp(0.5 * normal) * 1e6);
  });
}

function histogramOf(samples: readonly number[]): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const latencyNs of samples) histogram.record(latencyNs);
  return histogram;
}

/** Upper bounds in seconds, and how many samples are up to each. */
function bucketsOf(text: string): ReadonlyMap<number, number> {
  const found = text.matchAll(/^rtplat_latency_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm);
  return new Map([...found].map(([, bound, count]) => [bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound), Number(count)]));
}

test.each(['prometheus', 'openmetrics'] as const)('%s text', async (format: ExpositionFormat) => {
  const samples = Array.from({ length: INSTANCES }, (_, instance) => samplesOf(instance));
  const texts = samples.map((one) => renderPrometheus(makeMetrics(histogramOf(one), 0), histogramOf(one), format));
  const all = histogramOf(samples.flat());
  const expected = bucketsOf(renderPrometheus(makeMetrics(all, 0), all, format));

  const server = createServer((request, response) => {
    response.setHeader('content-type', CONTENT_TYPES[format]);
    response.end(texts[Number(request.url?.split('/').at(1))]);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const targets = texts.map(
    (_, i) => `      - targets: ['127.0.0.1:${port}']\n        labels: { __metrics_path__: /${i}, instance: 'i${i}' }`,
  );
  const prometheus = await startPrometheus(
    scratch(`merge-${format}`),
    `scrape_configs:
  - job_name: rtplat
    scrape_interval: 1s
    static_configs:
${targets.join('\n')}
  # The same as native histograms, with the buckets that we have.
  - job_name: rtplat-native
    scrape_interval: 1s
    convert_classic_histograms_to_nhcb: true
    static_configs:
${targets.join('\n')}
`,
  );
  expect(await prometheus.scraped()).toBe(2 * INSTANCES);
  for (const job of ['rtplat', 'rtplat-native']) {
    const series = job === 'rtplat' ? 'rtplat_latency_seconds_count' : 'rtplat_latency_seconds';
    await until(`${INSTANCES} instances of ${job}`, async () => {
      const [count] = await prometheus.query(`count(${series}{job="${job}"})`);
      return count?.value === INSTANCES || undefined;
    });
  }

  // Bucket by bucket: equal, to the last packet.
  const merged = await prometheus.query('sum by (le) (rtplat_latency_seconds_bucket{job="rtplat"})');
  expect(new Map(merged.map(({ labels, value }) => [Number(labels['le']?.replace('+Inf', 'Infinity')), value]))).toEqual(expected);

  // Quantile by quantile: in the bucket where the quantile of all samples is.
  const sorted = samples.flat().toSorted((a, b) => a - b);
  const bounds = [0, ...expected.keys()];
  const classic = 'sum by (le) (rtplat_latency_seconds_bucket{job="rtplat"})';
  const native = 'sum(rtplat_latency_seconds{job="rtplat-native"})';
  for (const q of QUANTILES) {
    const truth = (sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN) / 1e9;
    const upper = bounds.findIndex((bound) => truth <= bound);
    for (const source of [classic, native]) {
      const [found] = await prometheus.query(`histogram_quantile(${q}, ${source})`);
      expect(found?.value, `${q} of ${source}`).toBeGreaterThan(bounds[upper - 1] ?? Number.NaN);
      expect(found?.value, `${q} of ${source}`).toBeLessThanOrEqual(bounds[upper] ?? Number.NaN);
    }
  }
});
