/**
 * `rtplat probe sip:…` through what a PBX does with a call besides bridging two: a mixing bridge with a third member, a
 * conference with and without jitter buffers, a relay behind ARI. What is measured is compared with captures of the same packets, whose
 * sound is found by sums alone.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Asterisk, startAsterisk } from './kit/asterisk.ts';
import { capture, datagrams } from './kit/capture.ts';
import { delaysByBytes, delaysByEar, type Heard, soundOf } from './kit/heard.ts';
import { until } from './kit/process.ts';
import { audioOf, probeCall, type Probed } from './kit/probe-call.ts';
import { startEcho, startService } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, type SipServe, startSipServe } from './kit/sip-server.ts';
import { note, quantile } from './kit/world.ts';

const scratch = scratchFolder();
const BRIDGE = 'mix';

let asterisk: Asterisk;
let server: SipServe;
let events: WebSocket;

beforeAll(async () => {
  const dir = scratch('asterisk');
  mkdirSync(join(dir, 'etc'));
  writeFileSync(join(dir, 'etc/confbridge.conf'), '[general]\n[default_user]\ntype = user\nquiet = yes\n[default_bridge]\ntype = bridge\n');
  asterisk = await startAsterisk({
    release: 'sid',
    dir,
    more: {
      modules: ['codec_g722', 'app_confbridge', 'func_jitterbuffer'],
      pjsip: `
[wide]
type = endpoint
context = callers
disallow = all
allow = g722
direct_media = no
[far]
type = endpoint
context = nowhere
aors = far
disallow = all
allow = ulaw
direct_media = no
100rel = no
timers = no
[far]
type = aor
contact = sip:127.0.0.1:${SIP_PORT}
`,
      extensions: `
exten = mixed,1,Answer()
 same = n,Stasis(mixer)
exten = conference,1,Answer()
 same = n,ConfBridge(room)
exten = buffered,1,Answer()
 same = n,Set(JITTERBUFFER(fixed)=default)
 same = n,ConfBridge(room)
exten = silent,1,Answer()
 same = n,Wait(3600)
`,
    },
  });
  server = await startSipServe(scratch('server'), '[behavior]\nmode = "echo"\nauto_answer_delay_ms = 50\n');
  events = await mixer();
});
afterEach(async () => {
  for (const { id } of await asterisk.ari.channels()) await asterisk.ari.request('DELETE', `/channels/${id}`);
  await until('an empty Asterisk', async () => (await asterisk.ari.channels()).length === 0 || undefined);
});
afterAll(async () => {
  events?.close();
  await server?.running.stop();
  await asterisk?.stop();
});

/** Whoever enters the application is put into one mixing bridge. */
async function mixer(): Promise<WebSocket> {
  await ask('POST', `/bridges?type=mixing&bridgeId=${BRIDGE}`);
  const socket = new WebSocket(asterisk.ari.eventsUrl('mixer'));
  socket.addEventListener('message', ({ data }) => {
    const event = JSON.parse(String(data)) as { readonly type: string; readonly channel?: { readonly id: string } };
    if (event.type !== 'StasisStart') return;
    // One that is gone already is missed by the test that waits for it.
    void asterisk.ari.request('POST', `/bridges/${BRIDGE}/addChannel?channel=${event.channel?.id}`).catch(() => {});
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('no events from Asterisk')), { once: true });
  });
  return socket;
}

async function ask(method: string, path: string): Promise<unknown> {
  const { status, body } = await asterisk.ari.request(method, path);
  if (status >= 300) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(body)}`);
  return body;
}

/** Has Asterisk call somebody and put it where callers of this extension go, until the test is over. */
async function member(endpoint: string, extension: string): Promise<void> {
  const query = new URLSearchParams({ endpoint, context: 'callers', extension, priority: '1' });
  const { id } = (await ask('POST', `/channels?${query.toString()}`)) as { readonly id: string };
  await until(`${endpoint} up`, async () => {
    const { state } = (await ask('GET', `/channels/${id}`)) as { readonly state: string };
    return state === 'Up' || undefined;
  });
}

const SECONDS = ['--duration', '6s'];
const WIDE = ['--codec', 'G722', '--from', 'sip:wide@127.0.0.1'];
/** On a busy machine the sender may doubt itself. */
const MEASURED = [0, 4];
/** What one way has and the other has not moves ranks. */
const RANKS = 0.05;
/** What the captures are compared at is decoded on both sides; the probe knows the sound before it was encoded. */
const G722_MS = 1.375;

interface Seen extends Probed {
  readonly byBytes: Heard;
  readonly byEar: Heard;
  /** Payload types on the other legs. */
  readonly beyond: ReadonlySet<number>;
}

async function probeSeen(name: string, args: readonly string[], payloadType: number): Promise<Seen> {
  const seen = await capture({ dir: scratch(`capture-${name}`), filter: 'udp portrange 10000-65535' });
  const probed = await probeCall([...args, ...SECONDS]);
  const all = await datagrams(await seen.stop(), 'udp');
  const { port, peer } = probed.row;
  const peerPort = Number(peer?.split(':').at(-1));
  const sent = soundOf(audioOf(all, port ?? 0, peerPort, payloadType));
  const came = soundOf(audioOf(all, peerPort, port ?? 0, payloadType));
  expect(sent.packets).toHaveLength(300);
  const own = new Set([port, peerPort]);
  // Asterisk's ports have an even number.
  const others = all.filter(({ srcPort, dstPort }) => !own.has(srcPort) && srcPort >= 20_000 && srcPort <= 24_000 && dstPort % 2 === 0);
  const beyond = new Set(others.map(({ payload }) => Number.parseInt(payload.slice(2, 4), 16) & 0x7f));
  return { ...probed, byBytes: delaysByBytes(sent, came), byEar: delaysByEar(sent, came), beyond };
}

/** @param codecMs that is in the sound's delay and not in what the captures can tell. */
function expectTruth(name: string, { status, stderr, run, row, byBytes, byEar }: Seen, codecMs: number): void {
  expect(MEASURED, stderr).toContain(status);
  const bytes = byBytes.delaysMs.length / byBytes.audible;
  const truth = row.match === 'payload' ? byBytes.delaysMs : byEar.delaysMs.map((ms) => ms + codecMs);
  const quantiles = [0.5, 0.95].map((q) => quantile(truth, q).toFixed(3)).join(' and ');
  note(
    `${name}: p50 and p95 by ${row.match} ${row.p50_latency?.toFixed(3)} and ${row.p95_latency?.toFixed(3)} ms, by the capture ${quantiles} ms; ` +
      `of ${byEar.audible} packets ${row.counters?.returned}, ${byBytes.delaysMs.length} by their bytes, ${byEar.delaysMs.length} by ear`,
  );
  // What has its bytes is told by them, and nothing else is.
  if (run.options['match'] !== 'auto') expect(row.match).toBe(run.options['match']);
  else if (bytes > 0.9) expect(row.match).toBe('payload');
  else if (bytes < 0.3) expect(row.match).toBe('audio');
  else expect(['payload', 'audio']).toContain(row.match);
  // A conference that is short of time leaves gaps: no packet that the capture knows is missed.
  expect(row.counters?.returned).toBeGreaterThan(truth.length - 0.03 * byEar.audible);
  expect(truth.length).toBeGreaterThan(150);
  for (const [q, ours] of [
    [0.5, row.p50_latency],
    [0.95, row.p95_latency],
  ] as const) {
    expect(ours).toBeGreaterThan(quantile(truth, q - RANKS) - 1);
    expect(ours).toBeLessThan(quantile(truth, q + RANKS) + 1);
  }
}

describe('beside a capture, within 1 ms', () => {
  it.each([
    ['PCMU', [], 0, 0],
    ['G.722', WIDE, 9, G722_MS],
  ] as const)('a mixing bridge of caller, echo and a third who is silent, %s', async (codec, args, payloadType, codecMs) => {
    await member('PJSIP/600@far', 'mixed');
    await member('Local/silent@callers', 'mixed');
    const seen = await probeSeen(`mixed-${codec}`, ['sip:mixed@127.0.0.1:5060', ...args], payloadType);
    expect(seen.beyond).toEqual(new Set([0]));
    expectTruth(`mixing bridge, ${codec}`, seen, codecMs);
  });

  it.each([
    ['without jitter buffers', 'conference', 'PCMU', [], 0, 0],
    ['without jitter buffers', 'conference', 'PCMU by its sound', ['--match', 'audio'], 0, 0],
    ['with a jitter buffer on each leg', 'buffered', 'PCMU', [], 0, 0],
    ['without jitter buffers', 'conference', 'G.722', WIDE, 9, G722_MS],
  ] as const)('a conference %s, %s, %s', async (_, user, codec, args, payloadType, codecMs) => {
    await member('PJSIP/600@far', user);
    const seen = await probeSeen(`${user}-${payloadType}`, [`sip:${user}@127.0.0.1:5060`, ...args], payloadType);
    expect(seen.beyond).toEqual(new Set([0]));
    expectTruth(`${user}, ${codec}`, seen, codecMs);
  });

  it.each([
    ['PCMU', [], 0, 0],
    ['G.722', WIDE, 9, G722_MS],
  ] as const)('ari-serve and its echo, %s', async (codec, args, payloadType, codecMs) => {
    await startEcho({ dir: scratch('echo') });
    const service = await startService({ dir: scratch('service'), ari: asterisk.ari });
    const seen = await probeSeen(`relayed-${codec}`, ['sip:600@127.0.0.1:5060', ...args], payloadType);
    // External media of Asterisk is PCMU.
    expect(seen.beyond).toEqual(new Set([0]));
    expectTruth(`ari-serve, ${codec}`, seen, codecMs);
    await service.idle();
  });
});
