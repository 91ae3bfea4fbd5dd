import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { negotiate } from '../../../../src/core/report/render/negotiate.ts';
import { escapeLabel } from '../../../../src/core/report/render/exposition-text.ts';
import { renderPrometheus } from '../../../../src/core/report/render/prometheus.ts';
import { LatencyHistogram } from '../../../../src/core/stats/histogram.ts';
import { makeMetrics } from '../make-metrics.ts';
import { histogramOf } from '../make-run.ts';

const latency = histogramOf([100_000, 400_000, 400_000, 7_000_000, 30_000_000_000]);

/** Sample lines by name and labels. */
function samplesOf(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const gap = line.lastIndexOf(' ');
    samples.set(line.slice(0, gap), Number(line.slice(gap + 1)));
  }
  return samples;
}

describe('renderPrometheus', () => {
  it('writes text exposition 0.0.4', async () => {
    await expect(renderPrometheus(makeMetrics(latency, 1), latency, 'prometheus')).toMatchFileSnapshot('__snapshots__/metrics.prom');
  });

  it('writes OpenMetrics 1.0', async () => {
    await expect(renderPrometheus(makeMetrics(latency, 1), latency, 'openmetrics')).toMatchFileSnapshot(
      '__snapshots__/metrics.openmetrics',
    );
  });

  it('counts the histogram cumulatively, in seconds, with its exact sum', () => {
    const samples = samplesOf(renderPrometheus(makeMetrics(latency, 0), latency, 'prometheus'));
    expect(samples.get('rtplat_latency_seconds_bucket{le="0.00025"}')).toBe(1);
    expect(samples.get('rtplat_latency_seconds_bucket{le="0.0005"}')).toBe(3);
    expect(samples.get('rtplat_latency_seconds_bucket{le="0.006"}')).toBe(3);
    expect(samples.get('rtplat_latency_seconds_bucket{le="0.008"}')).toBe(4);
    expect(samples.get('rtplat_latency_seconds_bucket{le="10"}')).toBe(4);
    expect(samples.get('rtplat_latency_seconds_bucket{le="+Inf"}')).toBe(5);
    expect(samples.get('rtplat_latency_seconds_sum')).toBe(30.0079);
    expect(samples.get('rtplat_latency_seconds_count')).toBe(5);
  });

  it('leaves out what was not measured', () => {
    const empty = new LatencyHistogram();
    const text = renderPrometheus({ ...makeMetrics(empty, 0), host_delay_ms: null }, empty, 'openmetrics');
    for (const name of ['percentile', 'latency_max', 'late_ratio', 'packet_loss_ratio', 'socket_drops']) expect(text).not.toContain(name);
    expect(text).not.toMatch(/NaN|null|undefined/);
    expect(samplesOf(text).get('rtplat_latency_seconds_count')).toBe(0);
  });

  it('keeps the buckets monotonic and true to the samples, to the resolution of the histogram', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1_000, max: 20_000_000_000 }), { maxLength: 100 }), (values) => {
        const histogram = histogramOf(values);
        let last = 0;
        for (const [name, count] of samplesOf(renderPrometheus(makeMetrics(histogram, 0), histogram, 'prometheus'))) {
          if (!name.startsWith('rtplat_latency_seconds_bucket')) continue;
          const bound = name.slice(name.indexOf('"') + 1, -2);
          const boundNs = bound === '+Inf' ? Number.POSITIVE_INFINITY : Number(bound) * 1e9;
          expect(count).toBeGreaterThanOrEqual(Math.max(last, values.filter((value) => value < boundNs * 0.997).length));
          expect(count).toBeLessThanOrEqual(values.filter((value) => value <= boundNs).length);
          last = count;
        }
        expect(last).toBe(values.length);
      }),
      { numRuns: 100 },
    );
  });

  it('escapes what a label must not hold', () => {
    expect(escapeLabel('a\\b"c\nd')).toBe(String.raw`a\\b\"c\nd`);
  });
});

describe('negotiate', () => {
  it.each([
    [undefined, 'json'],
    ['', 'json'],
    ['*/*', 'json'],
    ['application/json', 'json'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'json'],
    ['application/json, text/plain, */*', 'json'],
    ['text/plain', 'prometheus'],
    ['text/plain, */*', 'prometheus'],
    ['text/plain;version=0.0.4', 'prometheus'],
    ['TEXT/PLAIN; Q=0.5, application/json;q=0.4', 'prometheus'],
    ['application/openmetrics-text;version=1.0.0', 'openmetrics'],
    // What Prometheus 2.42 and 3.x send.
    [
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'openmetrics',
    ],
    [
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'openmetrics',
    ],
    // With native histograms, of 2.40 and of 3.5.
    [
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited,application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'protobuf',
    ],
    [
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'protobuf',
    ],
    ['application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=text, text/plain;q=0.1', 'prometheus'],
    ['application/vnd.google.protobuf', 'json'],
    ['text/plain;version=0.0.4;q=1,*/*;q=0.1', 'prometheus'],
    ['text/plain;q=0, application/json;q=0.1', 'json'],
    ['text/plain;q=7', 'json'],
    ['image/png', 'json'],
    ['text/plain,'.repeat(1000), 'json'],
  ])('%j: %s', (accept, format) => {
    expect(negotiate(accept)).toBe(format);
  });
});
