/** Every query of the dashboard has data, from a real Prometheus that scrapes real services with real calls. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { peer } from '../kit/peers.ts';
import { until } from '../kit/process.ts';
import { scratchFolder } from '../kit/scratch.ts';
import { startSipServe } from '../kit/sip-server.ts';
import { note, startWorld } from '../kit/world.ts';
import { startPrometheus } from './prometheus.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const scratch = scratchFolder();

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

const dashboard = JSON.parse(readFileSync(join(ROOT, 'deploy/grafana/rtplat.json'), 'utf8')) as { readonly panels: readonly Panel[] };
const queries = dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

/** As Grafana fills the variables in, with everything chosen. */
function filledIn(expression: string): string {
  return expression.replaceAll('$__rate_interval', '10s').replaceAll('$job', '.*').replaceAll('$instance', '.*');
}

// 600 is relayed, anything else gets a tone.
const SIP_SERVE = `
[behavior]
mode = "tone"
auto_answer_delay_ms = 0

[media]
rtp_port_range_start = 30000
rtp_port_range_end = 30399

[[route]]
match = "600"
action = "relay"
`;

test('every query has data while calls are up, and the metrics are clean', async () => {
  const dir = scratch('dashboard');
  const world = await startWorld(dir, { release: 'sid' });
  await world.echo();
  const service = await world.service();
  const server = await startSipServe(world.folder('sip-serve'), SIP_SERVE);
  onTestFinished(() => server.running.stop());
  await server.healthy();
  // The configuration of the composition, its names and its patience apart.
  const configuration = readFileSync(join(ROOT, 'compose/prometheus.yml'), 'utf8')
    .replaceAll(': 5s', ': 1s')
    .replaceAll('    static_configs', '    always_scrape_classic_histograms: true\n    static_configs')
    .replace('ari-serve:9090', '127.0.0.1:9090')
    .replace('sip-serve:8080', '127.0.0.1:8090');
  const folder = world.folder('prometheus');
  copyFileSync(join(ROOT, 'deploy/prometheus/rules.yml'), join(folder, 'rules.yml'));
  const prometheus = await startPrometheus(folder, configuration);
  expect(await prometheus.scraped()).toBe(2);

  // Each at an address of its own: SIPp's media always leave from the same port.
  const target = '127.0.0.1:5070';
  const relayed = world.callers({ calls: 200, limit: 5, rate: 5, durationMs: 3_000 });
  world.callers({ calls: 200, limit: 5, rate: 5, durationMs: 3_000, target, localIp: '127.0.0.2' });
  world.callers({ calls: 200, limit: 5, rate: 5, durationMs: 3_000, target, localIp: '127.0.0.3', extension: '610' });

  expect(queries.length).toBeGreaterThan(30);
  for (const { title, expr } of queries) {
    await until(`${title}: data of ${expr}`, async () => {
      const found = await prometheus.query(filledIn(expr));
      return found.some(({ value }) => !Number.isNaN(value)) || undefined;
    });
  }
  // Both services, and not only one of them; as classic and as native histograms.
  for (const packets of ['rate(rtplat_latency_seconds_count[10s])', 'histogram_count(rate(rtplat_latency_seconds[10s]))']) {
    const jobs = await prometheus.query(`count by (job) (${packets} > 0)`);
    expect(new Set(jobs.map(({ labels }) => labels['job'])), packets).toEqual(new Set(['rtplat-ari-serve', 'rtplat-sip-serve']));
  }

  for (const url of ['http://127.0.0.1:9090/metrics', 'http://127.0.0.1:8090/metrics']) {
    const text = await (await fetch(url, { headers: { accept: 'text/plain' } })).text();
    const { status, stdout, stderr } = spawnSync(peer('promtool'), ['check', 'metrics'], { input: text, encoding: 'utf8' });
    expect({ status, said: stdout + stderr }, url).toEqual({ status: 0, said: '' });
  }

  // Of the native histogram the quantile that the service itself tells, no further off than a bucket is wide.
  relayed.finish();
  await relayed.result;
  await service.idle();
  const { total_latencies: packets, p99_latency: p99 } = await service.metrics();
  expect(packets).toBeGreaterThan(0);
  const native = 'rtplat_latency_seconds{job="rtplat-ari-serve"}';
  await until('the last packet scraped', async () => {
    const [count] = await prometheus.query(`histogram_count(${native})`);
    return count?.value === packets || undefined;
  });
  const [quantile] = await prometheus.query(`histogram_quantile(0.99, ${native})`);
  const ratio = ((quantile?.value ?? Number.NaN) * 1_000) / (p99 ?? Number.NaN);
  note(`p99 of ${packets} packets: ${p99} ms, of the native histogram ${ratio} times as much`);
  expect(ratio).toBeGreaterThan(0.977);
  expect(ratio).toBeLessThan(1.024);
});

test('promtool accepts the configuration and the rules', () => {
  const dir = scratch('rules');
  const files = ['compose/prometheus.yml', 'deploy/prometheus/rules.yml', 'deploy/prometheus/rules.test.yml'];
  for (const file of files) copyFileSync(join(ROOT, file), join(dir, file.slice(file.lastIndexOf('/') + 1)));
  const promtool = (...args: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync(peer('promtool'), args, { cwd: dir, encoding: 'utf8' });
    if (status !== 0) throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`);
    return stdout + stderr;
  };
  expect(promtool('check', 'config', '--lint=all', '--lint-fatal', 'prometheus.yml')).toMatch(/SUCCESS/);
  expect(promtool('check', 'rules', '--lint=all', '--lint-fatal', 'rules.yml')).toMatch(/SUCCESS: \d+ rules found/);
  // What fires and resolves stands in rules.test.yml; test/deploy counts that it is about each of them.
  expect(promtool('test', 'rules', 'rules.test.yml')).toMatch(/SUCCESS/);
});
