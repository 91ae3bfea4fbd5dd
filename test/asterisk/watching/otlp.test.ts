/** Metrics that are pushed: a real receiver has the same numbers of them, under the same names, as who scrapes. */
import { mkdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { until } from '../kit/process.ts';
import { scratchFolder } from '../kit/scratch.ts';
import { startSipServe } from '../kit/sip-server.ts';
import { runSipp } from '../kit/sipp.ts';
import { startVictoriaMetrics } from './victoria-metrics.ts';

const scratch = scratchFolder();

const CONFIGURATION = `
[behavior]
mode = "tone"
auto_answer_delay_ms = 0

[media]
rtp_port_range_start = 30000
rtp_port_range_end = 30399
`;

/** Where a series comes from, and which bucket it is, apart. */
const NOT_OURS = new Set(['__name__', 'vmrange', 'host.name', 'scope.name', 'scope.version']);

/** Sample lines of a scrape, those of classic buckets left out. */
function scraped(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.includes('_bucket{'));
  return new Map(
    lines.map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      return [`${name}{${labels.split(',').toSorted().join(',')}}`, Number(value)];
    }),
  );
}

test('what is pushed at the end is what was scraped', async () => {
  const dir = scratch('otlp');
  mkdirSync(join(dir, 'victoria'));
  const receiver = await startVictoriaMetrics(join(dir, 'victoria'));
  // The next push after the first would come in an hour.
  const metrics = `otlp_url = "${receiver.url}/opentelemetry"\notlp_interval_seconds = 3600`;
  const server = await startSipServe(dir, CONFIGURATION, { metrics });
  onTestFinished(() => server.running.stop());
  await server.lines(/ Metrics are pushed to http:\/\/127\.0\.0\.1:8428\/opentelemetry\/v1\/metrics every 3600 s$/);
  const calls = { target: '127.0.0.1:5070', extension: '610', calls: 10, durationMs: 1_000 };
  expect((await runSipp({ dir: join(dir, 'sipp'), ...calls })).successful).toBe(10);
  const { media } = (await server.idle()) as unknown as { readonly media: { readonly pacing_error_ms: { readonly p99: number } } };
  const text = await (await fetch('http://127.0.0.1:8090/metrics', { headers: { accept: 'text/plain' } })).text();
  await server.running.stop();

  // It shows what it has taken a moment later.
  const series = await until('the last push', async () => {
    const found = await receiver.series();
    const tone = found.find(({ labels }) => labels['__name__'] === 'rtplat_sip_calls_total' && labels['action'] === 'tone');
    return tone?.value === 10 ? found : undefined;
  });
  for (const { labels } of series) {
    expect(labels).toMatchObject({ 'service.name': 'rtplat-sip-serve', 'service.instance.id': `${hostname()}:8090` });
  }
  const named = (labels: Readonly<Record<string, string>>): string => {
    const own = Object.entries(labels).filter(([name]) => !NOT_OURS.has(name) && !name.startsWith('service.'));
    const pairs = own.map(([name, value]) => `${name}="${value}"`).toSorted();
    return `${labels['__name__']}{${pairs.join(',')}}`;
  };
  const pushed = new Map(series.filter(({ labels }) => labels['vmrange'] === undefined).map(({ labels, value }) => [named(labels), value]));
  // It was stopping by then, which /health has as a check.
  expect(pushed.delete('rtplat_check_ok{check="service"}')).toBe(true);
  const expected = scraped(text);
  expect(expected.size).toBeGreaterThan(100);
  expect([...pushed.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
  // What goes on without calls: time, the self-check, and its answer while the service stops.
  const counts = [...expected].filter(([name]) => /_(total|count|sum)\{/.test(name) && !name.startsWith('rtplat_sip_messages_'));
  for (const [name, value] of counts) expect(pushed.get(name), name).toBeCloseTo(value, 9);

  // The buckets hold every value, and the quantile is where the service says that it is: 2.2 % for a bucket, 0.1 % for HdrHistogram.
  const buckets = series.filter(({ labels }) => labels['__name__'] === 'rtplat_sip_pacing_error_seconds_bucket');
  const ranges = buckets.map(({ labels, value }) => ({ upTo: Number(labels['vmrange']?.split('...')[1]), value }));
  const total = ranges.reduce((sum, { value }) => sum + value, 0);
  expect(total).toBe(expected.get('rtplat_sip_pacing_error_seconds_count{}'));
  let rest = Math.ceil(0.99 * total);
  const p99 = ranges.toSorted((a, b) => a.upTo - b.upTo).find(({ value }) => (rest -= value) <= 0)?.upTo ?? Number.NaN;
  expect((p99 * 1_000) / media.pacing_error_ms.p99).toBeGreaterThan(0.998);
  expect((p99 * 1_000) / media.pacing_error_ms.p99).toBeLessThan(1.024);
});
