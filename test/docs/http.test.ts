// The JSON of docs/http.md has the members that the service answers with, and its table names every Prometheus metric.
import { afterAll, describe, expect, test } from 'vitest';
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import { LocalMedia } from '../../src/core/relay/media.ts';
import { nowNs } from '../../src/core/udp/clock.ts';
import type { MetricsDocument } from '../../src/core/report/metrics.ts';
import { renderPrometheus } from '../../src/core/report/render/prometheus.ts';
import { healthDocument } from '../../src/core/service/health.ts';
import { createLogger } from '../../src/core/service/log.ts';
import { relayRoutes } from '../../src/core/service/relay-routes.ts';
import { createPortableEngine } from '../../src/core/udp/portable.ts';
import { readPage } from './markdown.ts';

const page = readPage('docs/http.md');
const media = new LocalMedia(createPortableEngine(), {
  bindAddress: '127.0.0.1',
  bufferBytes: null,
  echoSocket: 'per-call',
  lossTimeoutNs: 2e9,
  lateThresholdNs: 3e6,
});
const fleet = new RelayFleet({
  media,
  range: { first: 10_000, last: 10_100 },
  echo: () => undefined,
  log: createLogger({ format: 'text', level: 'error', write: () => {} }),
  nowNs,
});
fleet.open('ID', 'PJSIP/alice-00000001');
const health = (): ReturnType<typeof healthDocument> =>
  healthDocument({
    signalling: { name: 'ari', ok: true, reason: null },
    echo: { name: 'echo', ok: true, reason: null },
    ports: fleet.ports(),
    stopping: false,
    uptimeSeconds: 1,
    activeCalls: 0,
    totalCalls: 0,
    memoryBytes: 1,
    cpuPercent: null,
  });
/** Of a service that had something to measure, on an engine whose clock is the kernel's. */
const SPREAD = { p50: 0.031, p99: 0.249, max: 1.874 };
const counted = fleet.metrics.bind(fleet);
const metrics = (): MetricsDocument => ({ ...counted(), host_delay_ms: SPREAD });
const answer = relayRoutes({ fleet: Object.assign(fleet, { metrics }), health });

afterAll(() => media.stop());

/** Paths of all members: `ports.free`, `checks[].name`. */
function membersOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((element) => membersOf(element, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, member]) => membersOf(member, path === '' ? name : `${path}.${name}`));
}

const examples = page.blocks.filter(({ language }) => language === 'json');

describe('the examples of docs/http.md', () => {
  test('are there for each document', () => {
    expect(new Set(examples.map(({ heading }) => heading))).toEqual(
      new Set(['GET /health', 'GET /metrics', 'GET /channels/ID', 'GET /sla']),
    );
  });

  test.each(examples)('$heading', ({ heading, lines }) => {
    const answered = answer({ path: heading.replace('GET ', ''), accept: '' });
    expect(membersOf(JSON.parse(lines.join('\n'))).toSorted()).toEqual(membersOf(JSON.parse(answered?.body ?? '')).toSorted());
  });
});

test('every path that is described is served', () => {
  const paths = page.headings.filter((heading) => heading.startsWith('GET ')).map((heading) => heading.slice(4));
  // Events are not answered but streamed.
  for (const path of paths.filter((one) => one !== '/events')) expect(answer({ path, accept: '' })?.status, path).toBe(200);
});

test('the table of Prometheus names is complete', () => {
  const shown = [...page.prose.matchAll(/^\| `(rtplat_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
  // What was not measured is left out: here everything was.
  const measured = Object.fromEntries(Object.entries(metrics()).map(([name, value]) => [name, value ?? 1])) as unknown as MetricsDocument;
  const text = renderPrometheus(measured, fleet.histogram, 'prometheus');
  expect(shown).toEqual([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`));
});
