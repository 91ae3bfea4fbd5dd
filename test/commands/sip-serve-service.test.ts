/** The parts of `rtplat sip-serve` together, in this process: what it tells of itself over HTTP, and when it ends. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { SipService } from '../../src/commands/sip-serve-service.ts';
import { parseRun } from '../../src/core/report/read-run.ts';
import { readSources } from '../../src/core/report/sources.ts';
import { readConfig } from '../../src/core/service/config/read.ts';
import { SIP_SERVE_SCHEMA } from '../../src/core/sip-server/config.ts';
import { MemoryLog } from '../kit/memory-log.ts';
import { UdpCaller } from '../kit/udp-caller.ts';
import { NO_TOKEN } from '../../src/core/service/http-gate.ts';

const folder = mkdtempSync(join(tmpdir(), 'rtplat-sip-service-'));
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Started {
  readonly service: SipService;
  readonly log: MemoryLog;
  readonly http: string;
  readonly caller: UdpCaller;
  readonly get: (path: string, accept?: string) => Promise<{ readonly status: number; readonly text: string; readonly document: unknown }>;
}

async function start(toml: string, firstPort: number): Promise<Started> {
  const media = `[media]\nrtp_port_range_start = ${firstPort}\nrtp_port_range_end = ${firstPort + 39}\n`;
  const places = `[sip]\nport = 0\nbind_address = "127.0.0.1"\n${media}[health]\nhealth_check_port = 0\n`;
  const { config, problems } = readConfig(`${places}${toml}`, 'test', SIP_SERVE_SCHEMA);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  const log = new MemoryLog();
  const service = new SipService(config, { engine: 'portable', access: NO_TOKEN, log: log.logger, env: {} });
  closing.push(() => service.stop());
  await service.start();
  const line = log.lines.find((one) => one.startsWith('sip-serve: ')) ?? '';
  const [, port = ''] = /UDP 127\.0\.0\.1:(\d+)/.exec(line) ?? [];
  const [, http = ''] = /HTTP on (http:\S+)\/ /.exec(line) ?? [];
  const caller = await UdpCaller.open(Number(port));
  closing.push(() => caller.close());
  const get: Started['get'] = async (path, accept = 'application/json') => {
    const response = await fetch(`${http}${path}`, { headers: { accept } });
    const text = await response.text();
    return { status: response.status, text, document: text.startsWith('{') ? JSON.parse(text) : undefined };
  };
  return { service, log, http, caller, get };
}

/** An echo server of this test's own. */
async function echoPort(): Promise<number> {
  const echo = createSocket('udp4');
  echo.on('message', (message, { port, address }) => echo.send(message, port, address));
  echo.bind(0, '127.0.0.1');
  await once(echo, 'listening');
  closing.push(() => echo.close());
  return echo.address().port;
}

describe('without a rule for the relay', () => {
  const BEHAVIOR = '[behavior]\nmode = "silence"\nauto_answer_delay_ms = 0\nmax_concurrent_calls = 2\n';

  test('/health is what its own OPTIONS found, and says when there is no room for a call', async () => {
    const { get, caller } = await start(BEHAVIOR, 28_600);
    const { status, document } = await get('/health');
    expect(status).toBe(200);
    const { checks } = document as { readonly checks: readonly { readonly name: string; readonly ok: boolean }[] };
    expect(checks.map(({ name, ok }) => `${name.replace(/\d+$/, 'PORT')} ${ok}`)).toEqual([
      ...['udp 127.0.0.1:PORT true', 'tcp 127.0.0.1:PORT true', 'media true', 'calls true', 'ports true'],
    ]);
    expect(document).toMatchObject({ active_calls: 0, ports: { total: 20, free: 20 }, relay_ports: null });
    const calls = [await caller.call('1'), await caller.call('2')];
    expect((await get('/health')).document).toMatchObject({
      ...{ status: 'unhealthy', active_calls: 2, total_calls: 2 },
      reason: '2 calls are up, and behavior.max_concurrent_calls allows no more',
    });
    expect(await caller.call('3')).toContain('486');
    for (const call of calls) if (typeof call !== 'string') await call.hangUp();
    await expect.poll(async () => (await get('/health')).status).toBe(200);
  });

  test('/metrics has the ten names, null where nothing is measured, and the calls; report reads it', async () => {
    const { get, caller, http } = await start(BEHAVIOR, 28_650);
    const call = await caller.call('600');
    const { document } = await get('/metrics');
    expect(document).toMatchObject({
      ...{ total_channels: 0, active_channels: 0, total_latencies: 0, p50_latency: null, p95_latency: null, p99_latency: null },
      ...{ max_latency: null, avg_latency: null, late_ratio: null, packet_loss_ratio: null, relays: false, socket_drops: null },
      calls: { taken: 1, active: 1, actions: { silence: { taken: 1, active: 1 }, relay: { taken: 0, active: 0 } } },
      rfc6076: { session_requests: 0, session_establishment_ratio: null },
      media: { ports: { bound: 1 }, lost: null, round_trip_ms: null },
      restarts: { media: 0 },
    });
    const [source] = await readSources([http], {
      directory: '.',
      stdin: process.stdin,
      timeoutMs: 5000,
      token: undefined,
      defaultService: '',
      withRows: true,
    });
    expect(source).toMatchObject({ kind: 'service', metrics: { calls: { taken: 1 } }, calls: [{ state: 'confirmed', counters: null }] });
    if (typeof call !== 'string') await call.hangUp();
    await expect.poll(async () => (await get('/metrics')).document).toMatchObject({ calls: { completed: 1, responses: { 200: 1 } } });
  });

  test('/metrics for Prometheus leaves the families of the relay out; /sla says why there is none', async () => {
    const { get } = await start(BEHAVIOR, 28_700);
    const { text } = await get('/metrics', 'text/plain');
    expect(text).toContain('rtplat_sip_calls_total{action="silence"} 0\n');
    expect(text).toContain('rtplat_healthy 1\n');
    expect(text).not.toMatch(/rtplat_(channels|latency|lost)|null|NaN|undefined/);
    expect(await get('/sla')).toMatchObject({ status: 404, document: { error: 'no call is relayed, so none is measured' } });
    expect(await get('/channels/x')).toMatchObject({ status: 404 });
    expect((await get('/', 'text/html')).text).toContain('<title>rtplat sip-serve</title>');
  });

  test('/events tells metrics, health and calls, each call that has ended, and to a page what it shows', async () => {
    const { http, caller } = await start(BEHAVIOR, 28_750);
    const abort = new AbortController();
    const response = await fetch(`${http}/events?charts`, { signal: abort.signal });
    const call = await caller.call('600');
    if (typeof call !== 'string') await call.hangUp();
    let text = '';
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    while (!text.includes('event: ended') || !/event: charts\n.*\n/.test(text))
      text += new TextDecoder().decode((await reader.read()).value);
    const [, pieces = ''] = /event: charts\ndata: (.*)\n/.exec(text) ?? [];
    expect(JSON.parse(pieces)).toMatchObject({ quiet: 'No call is relayed here, so no latency is measured.' });
    for (const event of ['metrics', 'health', 'calls']) expect(text).toContain(`event: ${event}\n`);
    expect(JSON.parse(/event: ended\ndata: (.*)\n/.exec(text)?.[1] ?? '')).toMatchObject({
      user: '600',
      ended_by: 'caller',
      state: 'ended',
    });
    abort.abort();
  });

  test('the run file has no samples, and null for what would be made of them', async () => {
    const file = join(folder, 'none.json');
    const { service, caller } = await start(`${BEHAVIOR}[metrics]\nrun_file = ${JSON.stringify(file)}\n`, 28_800);
    const call = await caller.call('600');
    if (typeof call !== 'string') await call.hangUp();
    await service.endCalls();
    await service.stop();
    const run = parseRun(readFileSync(file, 'utf8'), file);
    expect(run).toMatchObject({
      ...{ command: 'sip-serve', series: [], calls: [], histogram: { count: 0, maxNs: null } },
      summary: { total_channels: 0, total_latencies: 0, p50_latency: null, packet_loss_ratio: null, sent: 0, verdict: 'insufficient' },
      options: { behavior: { mode: 'silence' }, metrics: { run_file: file } },
    });
  });

  test('a run file that cannot be written is an error, and everything is stopped', async () => {
    const { service, http } = await start(`${BEHAVIOR}[metrics]\nrun_file = "/nowhere/run.json"\n`, 28_850);
    await expect(service.stop()).rejects.toMatchObject({ code: 'file' });
    closing.splice(0, 1);
    await expect(fetch(`${http}/health`)).rejects.toThrow('fetch failed');
  });
});

test('with the relay: its numbers beside those of all calls, its ports, its verdict and its run', async () => {
  const file = join(folder, 'relay.json');
  const rules =
    '[[route]]\nmatch = "600"\naction = "relay"\n[[register]]\nregistrar = "sip:127.0.0.1:9"\nusername = "u"\npassword = "secret"\n';
  const relay = `[relay]\necho_port = ${await echoPort()}\nloss_timeout_ms = 50\n[metrics]\nrun_file = ${JSON.stringify(file)}\n`;
  const { service, caller, get, log } = await start(`[behavior]\nmode = "silence"\nauto_answer_delay_ms = 0\n${relay}${rules}`, 28_900);
  await log.said('answers');
  const relayed = await caller.call('600');
  const other = await caller.call('601');
  const { document: metrics } = await get('/metrics');
  expect(metrics).toMatchObject({
    ...{ relays: true, total_channels: 1, active_channels: 1, calls: { taken: 2, active: 2 }, restarts: { relay: 0, media: 0 } },
    registrations: [{ account: 'sip:u@127.0.0.1:9' }],
  });
  const { text } = await get('/metrics', 'application/openmetrics-text');
  expect(text).toContain('rtplat_channels_total 1\n');
  expect(text).toContain('rtplat_sip_registered{account="sip:u@127.0.0.1:9"} 0\n');
  expect(text.endsWith('# EOF\n')).toBe(true);
  expect(await get('/sla')).toMatchObject({ status: 200, document: { verdict: 'insufficient', channels: 1 } });
  const { document: channels } = await get('/channels');
  const rows = (channels as { channels: readonly { action: string; counters: object | null }[] }).channels;
  expect(rows.map(({ action, counters }) => [action, counters === null])).toEqual([
    ['relay', false],
    ['silence', true],
  ]);
  const { document: health } = await get('/health');
  expect(health).toMatchObject({ status: 'healthy', relay_ports: { total: 20, bound: 1 }, ports: { total: 10, bound: 1 } });
  for (const call of [relayed, other]) if (typeof call !== 'string') await call.hangUp();
  await expect.poll(() => service.activeCalls).toBe(0);
  await service.stop();
  const text2 = readFileSync(file, 'utf8');
  expect(text2).not.toContain('secret');
  expect(parseRun(text2, file)).toMatchObject({
    summary: { total_channels: 1, active_channels: 0 },
    calls: [{ name: 'sip:alice@example.org' }],
  });
});

test('/sla can be switched off', async () => {
  const rule = '[[route]]\nmatch = "600"\naction = "relay"\n[metrics]\nsla = false\n';
  const { get } = await start(`[behavior]\nmax_concurrent_calls = 2\n[relay]\necho_port = ${await echoPort()}\n${rule}`, 28_950);
  expect(await get('/sla')).toMatchObject({ status: 404, document: { error: 'metrics.sla of the configuration is false' } });
});
