// The JSON of docs/http.md has the members that the services answer with, and its tables name every Prometheus metric.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SipService } from '../../src/commands/sip-serve-service.ts';
import { RelayFleet } from '../../src/core/relay/fleet.ts';
import { LocalMedia } from '../../src/core/relay/media.ts';
import { nowNs } from '../../src/core/udp/clock.ts';
import type { CallDocument, MetricsDocument } from '../../src/core/report/metrics.ts';
import { renderPrometheus } from '../../src/core/report/render/prometheus.ts';
import { readConfig } from '../../src/core/service/config/read.ts';
import { healthDocument } from '../../src/core/service/health.ts';
import { createLogger } from '../../src/core/service/log.ts';
import { relayRoutes } from '../../src/core/service/relay-routes.ts';
import { SIP_SERVE_SCHEMA } from '../../src/core/sip-server/config.ts';
import { createPortableEngine } from '../../src/core/udp/portable.ts';
import { sipFamilies } from '../core/sip-server/families.ts';
import { MemoryLog } from '../kit/memory-log.ts';
import { UdpCaller } from '../kit/udp-caller.ts';
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
    checks: [
      { name: 'ari', ok: true, reason: null },
      { name: 'echo', ok: true, reason: null },
    ],
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
const found = fleet.call.bind(fleet);
const call = (id: string): CallDocument | undefined => {
  const document = found(id);
  return document === undefined ? undefined : { ...document, inside_ms: { out: 0.0812, back: 0.0374 } };
};
const answer = relayRoutes({ fleet: Object.assign(fleet, { metrics, call }), health });

afterAll(() => media.stop());

/** Paths of all members: `ports.free`, `checks[].name`. */
function membersOf(value: unknown, path = ''): readonly string[] {
  if (Array.isArray(value)) return [...new Set(value.flatMap((element) => membersOf(element, `${path}[]`)))];
  if (typeof value !== 'object' || value === null) return [path];
  return Object.entries(value).flatMap(([name, member]) => membersOf(member, path === '' ? name : `${path}.${name}`));
}

const SIP = 'sip-serve: GET ';
const all = page.blocks.filter(({ language }) => language === 'json');
const examples = all.filter(({ heading }) => !heading.startsWith(SIP));

describe('the examples of docs/http.md', () => {
  test('are there for each document', () => {
    expect(new Set(examples.map(({ heading }) => heading))).toEqual(
      new Set(['GET /health', 'GET /metrics', 'GET /channels/ID', 'GET /sla']),
    );
  });

  test.each(examples)('$heading', ({ heading, lines }) => {
    const answered = answer({ path: heading.replace('GET ', ''), accept: '' });
    expect(membersOf(JSON.parse(lines.join('\n'))).toSorted()).toEqual(membersOf(JSON.parse(String(answered?.body))).toSorted());
  });
});

test('every path that is described is served', () => {
  const paths = page.headings.filter((heading) => heading.startsWith('GET ')).map((heading) => heading.slice(4));
  // Events are not answered but streamed.
  for (const path of paths.filter((one) => one !== '/events')) expect(answer({ path, accept: '' })?.status, path).toBe(200);
});

test('the table of Prometheus names is complete', () => {
  const shown = namesShown().filter((name) => !name.startsWith('rtplat_sip_'));
  // What was not measured is left out: here everything was.
  const measured = Object.fromEntries(Object.entries(metrics()).map(([name, value]) => [name, value ?? 1])) as unknown as MetricsDocument;
  const text = renderPrometheus(measured, fleet.histogram, 'prometheus', health());
  expect(shown).toEqual([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`));
});

/** Names of the tables with their types. */
function namesShown(): readonly string[] {
  return [...page.prose.matchAll(/^\| `(rtplat_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
}

test('the table of the names of sip-serve is complete', () => {
  const names = [...sipFamilies(true, 'prometheus').matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`);
  expect(namesShown().filter((name) => name.startsWith('rtplat_sip_'))).toEqual(names.filter((name) => name.startsWith('rtplat_sip_')));
  // What the page says of the others: the first four, then the rest, in the order of `ari-serve`.
  const shared = namesShown().filter((name) => !name.startsWith('rtplat_sip_'));
  expect(names.filter((name) => !name.startsWith('rtplat_sip_'))).toEqual(shared);
});

describe('the examples of sip-serve', () => {
  let service: SipService;
  let caller: UdpCaller;
  let http = '';
  const echo = createSocket('udp4');

  // What the page says of its service: a relayed call and a tone that are up, another that has ended, and one that was refused.
  beforeAll(async () => {
    echo.on('message', (message, { port, address }) => echo.send(message, port, address));
    echo.bind(0, '127.0.0.1');
    await once(echo, 'listening');
    const toml = `
[sip]
port = 0
bind_address = "127.0.0.1"
transports = ["udp", "tcp", "tls"]
[sip.tls]
port = 0
self_signed = true
[behavior]
auto_answer_delay_ms = 0
max_concurrent_calls = 5
[media]
rtp_port_range_start = 29000
rtp_port_range_end = 29019
[relay]
echo_port = ${echo.address().port}
[health]
health_check_port = 0
[[route]]
match = "600"
action = "relay"
[[route]]
match = "busy"
action = "busy"
[[register]]
registrar = "sip:127.0.0.1:9"
username = "600"
password = "x"
`;
    const { config, problems } = readConfig(toml, 'test', SIP_SERVE_SCHEMA);
    if (config === undefined) throw new Error(JSON.stringify(problems));
    const log = new MemoryLog();
    service = new SipService(config, 'portable', log.logger, {});
    await service.start();
    await log.said('Echo server');
    const line = log.lines.find((one) => one.startsWith('sip-serve: ')) ?? '';
    http = /HTTP on (http:\S+)\/ /.exec(line)?.[1] ?? '';
    caller = await UdpCaller.open(Number(/UDP 127\.0\.0\.1:(\d+)/.exec(line)?.[1]));
    const ended = await caller.call('77');
    if (typeof ended !== 'string') await ended.hangUp();
    for (const user of ['busy', '600', '77']) await caller.call(user);
    await log.said('Ended by caller');
  });
  afterAll(async () => {
    await service.stop();
    caller.close();
    echo.close();
  });

  const sipExamples = all.filter(({ heading }) => heading.startsWith(SIP));

  async function document(path: string): Promise<Record<string, unknown>> {
    return (await (await fetch(`${http}${path}`)).json()) as Record<string, unknown>;
  }

  test.each(sipExamples)('$heading', async ({ heading, lines }) => {
    let path = heading.slice(SIP.length);
    if (path === '/channels/ID') {
      const { channels } = (await document('/channels')) as unknown as { channels: readonly { id: string; action: string }[] };
      path = `/channels/${channels.find(({ action }) => action === 'tone')?.id}`;
    }
    const answered = await document(path);
    // The page shows what there is besides the members of `ari-serve`; of health all of it.
    const known = path === '/health' ? '' : path.startsWith('/channels/') ? '/channels/ID' : path;
    const others = known === '' ? {} : (JSON.parse(String(answer({ path: known, accept: '' })?.body)) as object);
    const own = Object.fromEntries(Object.entries(answered).filter(([name]) => !(name in others)));
    expectSame(JSON.parse(lines.join('\n')), own, heading);
  });

  test('are there for each document, and every path is served', async () => {
    expect(sipExamples.map(({ heading }) => heading.slice(SIP.length))).toEqual(['/health', '/metrics', '/channels/ID']);
    for (const path of ['/health', '/metrics', '/channels', '/sla', '/']) expect((await fetch(`${http}${path}`)).status, path).toBe(200);
  });
});

/** The same members at every depth; null, and an empty list, is known to no member. */
function expectSame(shown: unknown, given: unknown, where: string): void {
  if (shown === null || given === null || typeof shown !== 'object' || typeof given !== 'object') return;
  if (Array.isArray(shown) && Array.isArray(given)) {
    if (shown.length > 0 && given.length > 0) expectSame(shown[0], given[0], `${where}[]`);
    return;
  }
  expect(Object.keys(shown).toSorted(), where).toEqual(Object.keys(given).toSorted());
  for (const [name, value] of Object.entries(shown)) expectSame(value, (given as Record<string, unknown>)[name], `${where}.${name}`);
}
