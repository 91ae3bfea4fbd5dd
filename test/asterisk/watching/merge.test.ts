/** Histograms of 50 instances, added up by a real Prometheus, are the histogram of all samples. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { EXPONENTIAL_SCHEMA } from '../../../src/core/report/render/buckets.ts';
import { expose } from '../../../src/core/report/render/exposition.ts';
import type { Exposition, ExpositionFormat } from '../../../src/core/report/render/exposition.ts';
import { metricFamilies, renderPrometheus } from '../../../src/core/report/render/prometheus.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';
import { makeMetrics } from '../../core/report/make-metrics.ts';
import { until } from '../kit/process.ts';
import { scratchFolder } from '../kit/scratch.ts';
import { startPrometheus } from './prometheus.ts';
import type { Prometheus } from './prometheus.ts';

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

/** What a service answers that has measured these. */
function exposed(histogram: LatencyHistogram, format: ExpositionFormat): Exposition {
  return expose(metricFamilies(makeMetrics(histogram, 0), histogram), format);
}

/** Serves each answer under its number; the targets of a scrape configuration that scrape them, each an instance. */
async function served(answers: readonly Exposition[]): Promise<string> {
  const server = createServer((request, response) => {
    const answer = answers[Number(request.url?.split('/').at(1))];
    response.setHeader('content-type', answer?.contentType ?? '');
    response.end(answer?.body);
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const targets = answers.map(
    (_, i) => `      - targets: ['127.0.0.1:${port}']\n        labels: { __metrics_path__: /${i}, instance: 'i${i}' }`,
  );
  return targets.join('\n');
}

const SAMPLES = Array.from({ length: INSTANCES }, (_, instance) => samplesOf(instance));
const ALL = histogramOf(SAMPLES.flat());
const SORTED = SAMPLES.flat().toSorted((a, b) => a - b);
/** Upper bounds in seconds, and how many of all samples are up to each. */
const EXPECTED = bucketsOf(renderPrometheus(makeMetrics(ALL, 0), ALL, 'prometheus'));

/** The sample at a quantile, seconds. */
function truthOf(quantile: number): number {
  return (SORTED[Math.ceil(quantile * SORTED.length) - 1] ?? Number.NaN) / 1e9;
}

async function haveAll(prometheus: Prometheus, series: string): Promise<void> {
  await until(`${INSTANCES} instances of ${series}`, async () => {
    const [count] = await prometheus.query(`count(${series})`);
    return count?.value === INSTANCES || undefined;
  });
}

/** The classic buckets, bucket by bucket: equal, to the last packet. */
async function expectClassic(prometheus: Prometheus): Promise<void> {
  const merged = await prometheus.query('sum by (le) (rtplat_latency_seconds_bucket{job="rtplat"})');
  expect(new Map(merged.map(({ labels, value }) => [Number(labels['le']?.replace('+Inf', 'Infinity')), value]))).toEqual(EXPECTED);
}

test.each(['prometheus', 'openmetrics'] as const)('%s text', async (format) => {
  const targets = await served(SAMPLES.map((one) => exposed(histogramOf(one), format)));
  const prometheus = await startPrometheus(
    scratch(`merge-${format}`),
    `scrape_configs:
  - job_name: rtplat
    scrape_interval: 1s
    static_configs:
${targets}
  # The same as native histograms, with the buckets that we have.
  - job_name: rtplat-native
    scrape_interval: 1s
    convert_classic_histograms_to_nhcb: true
    static_configs:
${targets}
`,
  );
  expect(await prometheus.scraped()).toBe(2 * INSTANCES);
  await haveAll(prometheus, 'rtplat_latency_seconds_count{job="rtplat"}');
  await haveAll(prometheus, 'rtplat_latency_seconds{job="rtplat-native"}');
  await expectClassic(prometheus);

  // Quantile by quantile: in the bucket where the quantile of all samples is.
  const bounds = [0, ...EXPECTED.keys()];
  const classic = 'sum by (le) (rtplat_latency_seconds_bucket{job="rtplat"})';
  const native = 'sum(rtplat_latency_seconds{job="rtplat-native"})';
  for (const q of QUANTILES) {
    const truth = truthOf(q);
    const upper = bounds.findIndex((bound) => truth <= bound);
    for (const source of [classic, native]) {
      const [found] = await prometheus.query(`histogram_quantile(${q}, ${source})`);
      expect(found?.value, `${q} of ${source}`).toBeGreaterThan(bounds[upper - 1] ?? Number.NaN);
      expect(found?.value, `${q} of ${source}`).toBeLessThanOrEqual(bounds[upper] ?? Number.NaN);
    }
  }
});

test('protobuf, with exponential buckets', async () => {
  const one = await served([exposed(ALL, 'protobuf')]);
  const targets = await served(SAMPLES.map((samples) => exposed(histogramOf(samples), 'protobuf')));
  const prometheus = await startPrometheus(
    scratch('merge-protobuf'),
    `scrape_configs:
  - job_name: rtplat
    scrape_interval: 1s
    always_scrape_classic_histograms: true
    static_configs:
${targets}
  # One histogram of all samples.
  - job_name: rtplat-all
    scrape_interval: 1s
    static_configs:
${one}
`,
  );
  expect(await prometheus.scraped()).toBe(INSTANCES + 1);
  await haveAll(prometheus, 'rtplat_latency_seconds{job="rtplat"}');
  await haveAll(prometheus, 'rtplat_latency_seconds_count{job="rtplat"}');
  await expectClassic(prometheus);

  const sum = 'sum(rtplat_latency_seconds{job="rtplat"})';
  const [merged] = await prometheus.histograms(sum);
  const [all] = await prometheus.histograms('rtplat_latency_seconds{job="rtplat-all"}');
  expect(merged?.buckets.length).toBeGreaterThan(100);
  expect(merged?.buckets).toEqual(all?.buckets);
  expect([merged?.count, all?.count]).toEqual([SORTED.length, SORTED.length]);
  const seconds = SORTED.reduce((total, ns) => total + ns, 0) / 1e9;
  expect(merged?.sum).toBeCloseTo(seconds, 6);
  expect(all?.sum).toBeCloseTo(seconds, 6);

  // No further from the truth than a bucket is wide, and 0.1 % that HdrHistogram rounds.
  const factor = 2 ** (1 / 2 ** EXPONENTIAL_SCHEMA) * 1.001;
  for (const q of QUANTILES) {
    const [found] = await prometheus.query(`histogram_quantile(${q}, ${sum})`);
    expect(found?.value, `${q}`).toBeGreaterThan(truthOf(q) / factor);
    expect(found?.value, `${q}`).toBeLessThan(truthOf(q) * factor);
  }
});
