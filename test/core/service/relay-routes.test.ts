import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RelayFleet } from '../../../src/core/relay/fleet.ts';
import { LocalMedia } from '../../../src/core/relay/media.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import type { HealthDocument } from '../../../src/core/service/health.ts';
import type { EventTeller } from '../../../src/core/service/http.ts';
import { relayEvents, relayRoutes } from '../../../src/core/service/relay-routes.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { MappedEngine } from '../../kit/mapped-engine.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { HttpCounts } from '../../../src/core/service/http-counts.ts';

const HEALTHY: HealthDocument = {
  status: 'healthy',
  reason: null,
  checks: [],
  uptime_seconds: 1,
  active_calls: 0,
  total_calls: 0,
  memory_usage_mb: 50,
  cpu_usage_percent: null,
  ports: { total: 1, free: 1, bound: 0, draining: 0, foreign: 0 },
};

let fleet: RelayFleet;
let media: LocalMedia;
let health: HealthDocument;

beforeEach(() => {
  health = HEALTHY;
  media = new LocalMedia(new MappedEngine(createPortableEngine()), {
    bindAddress: '127.0.0.1',
    bufferBytes: null,
    echoSocket: 'per-call',
    lossTimeoutNs: 1e8,
    lateThresholdNs: 3e6,
  });
  fleet = new RelayFleet({
    media,
    range: { first: 10_000, last: 10_000 },
    echo: () => ({ address: '127.0.0.1', port: 4_000 }),
    log: new MemoryLog().logger,
    nowNs,
  });
});

afterEach(async () => {
  await media.stop();
});

function get(path: string, accept = ''): { status: number; contentType: string; body: string } {
  const answer = relayRoutes({ fleet, health: () => health, http: new HttpCounts() })({ path, accept });
  if (answer === undefined) throw new Error(`nothing under ${path}`);
  return { ...answer, body: String(answer.body) };
}

function document(path: string): unknown {
  return JSON.parse(get(path).body);
}

describe('GET /health', () => {
  it('is 200 with the document when healthy', () => {
    expect(get('/health').status).toBe(200);
    expect(document('/health')).toEqual(HEALTHY);
  });

  it('is 503 with the reason when not', () => {
    health = { ...HEALTHY, status: 'unhealthy', reason: 'no connection to Asterisk' };
    expect(get('/health').status).toBe(503);
    expect(document('/health')).toMatchObject({ status: 'unhealthy', reason: 'no connection to Asterisk' });
  });
});

describe('GET /metrics', () => {
  it('is JSON with the ten names, null where nothing was measured', () => {
    expect(get('/metrics').contentType).toBe('application/json; charset=utf-8');
    expect(document('/metrics')).toMatchObject({
      total_channels: 0,
      active_channels: 0,
      total_latencies: 0,
      p50_latency: null,
      p95_latency: null,
      p99_latency: null,
      max_latency: null,
      avg_latency: null,
      late_ratio: null,
      packet_loss_ratio: null,
    });
  });

  it.each([
    ['text/plain;version=0.0.4', 'text/plain; version=0.0.4; charset=utf-8'],
    ['application/openmetrics-text;version=1.0.0,text/plain;q=0.5', 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
    ['text/html,*/*;q=0.8', 'application/json; charset=utf-8'],
  ])('for Accept: %s is %s', (accept, contentType) => {
    const answer = get('/metrics', accept);
    expect([answer.status, answer.contentType]).toEqual([200, contentType]);
    expect(answer.body.startsWith('{')).toBe(contentType.startsWith('application/json'));
  });
});

describe('calls', () => {
  it('are listed live ones first, then the ended, newest first', async () => {
    const [one, two, three] = [fleet.open('1.1', 'PJSIP/a'), fleet.open('2.2', 'PJSIP/b'), fleet.open('3.3', 'PJSIP/c')];
    await one.bind();
    one.close('completed', 'caller hung up');
    three.close('refused', 'no ports available');
    const { channels } = document('/channels') as { channels: { id: string; state: string; port: number | null }[] };
    expect(channels.map(({ id, state, port }) => [id, state, port])).toEqual([
      ['2.2', 'allocating', null],
      ['3.3', 'ended', null],
      ['1.1', 'ended', 10_000],
    ]);
    two.close('failed', 'x');
    await one.release();
  });

  it('are found by their id, live or ended', () => {
    const call = fleet.open('1756544841.212', 'PJSIP/a');
    expect(document('/channels/1756544841.212')).toMatchObject({ id: '1756544841.212', name: 'PJSIP/a', ended_at: null, end_reason: null });
    call.close('failed', 'cancelled');
    expect(document('/channels/1756544841.212')).toMatchObject({ state: 'ended', end_reason: 'cancelled' });
  });

  it.each(['/channels/', '/channels/none', '/channels/a/b', '/channels/__proto__'])('that nobody knows are 404: %s', (path) => {
    expect(get(path).status).toBe(404);
  });
});

it('GET /sla is insufficient before anything was measured', () => {
  expect(document('/sla')).toMatchObject({ verdict: 'insufficient' });
});

it('GET / is the dashboard, and what is not there is left to the server', () => {
  expect(get('/').contentType).toBe('text/html; charset=utf-8');
  expect(get('/').body).toContain('<title>rtplat ari-serve</title>');
  expect(relayRoutes({ fleet, health: () => health, http: new HttpCounts() })({ path: '/metricsx', accept: '' })).toBeUndefined();
});

interface Client {
  readonly told: string[];
  readonly pieces: unknown[];
  readonly gone: () => void;
}

/** @param unread what the client has not taken yet, bytes. */
function listen(events: EventTeller, query = '', unread = 0): Client {
  const told: string[] = [];
  const pieces: unknown[] = [];
  const send = (event: string, data: unknown): void => {
    told.push(event);
    if (event === 'charts') pieces.push(data);
  };
  return { told, pieces, gone: events({ send, unread }, new URLSearchParams(query)) };
}

/** Pictures come when what draws them is loaded. */
async function drawn({ pieces }: Client, times: number): Promise<void> {
  while (pieces.length < times) await new Promise((resolve) => setImmediate(resolve));
}

describe('GET /events', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('tells metrics, health and calls at once and every second, until the client is gone', () => {
    const { told, gone } = listen(relayEvents({ fleet, health: () => health, http: new HttpCounts() }));
    expect(told).toEqual(['metrics', 'health', 'calls']);
    vi.advanceTimersByTime(3_000);
    expect(told).toHaveLength(12);
    gone();
    vi.advanceTimersByTime(3_000);
    expect(told).toHaveLength(12);
  });

  it('tells the pieces of the page to who asks for them', async () => {
    const client = listen(relayEvents({ fleet, health: () => health, http: new HttpCounts() }), '?charts');
    await drawn(client, 1);
    expect(client.told).toEqual(['metrics', 'health', 'calls', 'charts']);
    expect(client.pieces).toEqual([expect.objectContaining({ quiet: expect.stringMatching(/^Nothing was measured yet/) as string })]);
    client.gone();
  });

  it('draws once a second however many pages there are, and not at all without one', async () => {
    const recent = vi.spyOn(fleet, 'recent');
    const events = relayEvents({ fleet, health: () => health, http: new HttpCounts() });
    const watching = listen(events);
    vi.advanceTimersByTime(3_000);
    expect(recent).not.toHaveBeenCalled();
    const pages: Client[] = [];
    for (let i = 0; i < 5; i++) {
      pages.push(listen(events, '?charts'));
      vi.advanceTimersByTime(100);
    }
    for (const page of pages) await drawn(page, 1);
    expect(recent).toHaveBeenCalledTimes(1);
    for (let second = 2; second <= 10; second++) {
      vi.advanceTimersByTime(1_000);
      for (const page of pages) await drawn(page, second);
      expect(recent).toHaveBeenCalledTimes(second);
    }
    for (const { gone } of pages) gone();
    vi.advanceTimersByTime(3_000);
    expect(recent).toHaveBeenCalledTimes(10);
    watching.gone();
  });

  it('keeps pictures from a client that is behind, and nothing else', async () => {
    const events = relayEvents({ fleet, health: () => health, http: new HttpCounts() });
    const slow = listen(events, '?charts', 100_000);
    const fast = listen(events, '?charts');
    await drawn(fast, 1);
    vi.advanceTimersByTime(1_000);
    await drawn(fast, 2);
    expect(slow.told).toEqual(['metrics', 'health', 'calls', 'metrics', 'health', 'calls']);
    for (const { gone } of [slow, fast]) gone();
  });

  it('says when it cannot draw, and goes on', async () => {
    vi.spyOn(fleet, 'recent').mockImplementation(() => {
      throw new Error('no <memory>');
    });
    const client = listen(relayEvents({ fleet, health: () => health, http: new HttpCounts() }), '?charts');
    await drawn(client, 1);
    expect(client.pieces).toEqual([{ quiet: 'The pictures could not be drawn: no &lt;memory&gt;' }]);
    vi.advanceTimersByTime(1_000);
    await drawn(client, 2);
    client.gone();
  });

  it('tells nothing that docs/http.md does not describe', async () => {
    const client = listen(relayEvents({ fleet, health: () => health, http: new HttpCounts() }), '?charts');
    await drawn(client, 1);
    client.gone();
    const page = readFileSync(new URL('../../../docs/http.md', import.meta.url), 'utf8');
    const section = page.slice(page.indexOf('## GET /events'), page.indexOf('## GET /\n'));
    for (const event of client.told) expect(section).toContain(`\`${event}\``);
  });
});
