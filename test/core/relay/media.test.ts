import { readdirSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { RelayFleet } from '../../../src/core/relay/fleet.ts';
import type { RelayCall } from '../../../src/core/relay/fleet.ts';
import { LocalMedia, ThreadMedia } from '../../../src/core/relay/media.ts';
import type { RelayMedia } from '../../../src/core/relay/media.ts';
import type { EchoSocket, PlaneSettings } from '../../../src/core/relay/plane.ts';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import type { Endpoint, UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { MemoryLog } from '../../kit/memory-log.ts';
import { collect } from '../udp/collector.ts';
import type { Collector } from '../udp/collector.ts';

const engine = createPortableEngine();
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

async function bind(): Promise<UdpSocket> {
  const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
  closing.push(() => socket.close());
  return socket;
}

/** An echo that shows what it was sent. */
async function startEcho(): Promise<{ at: Endpoint; socket: UdpSocket; seen: { ssrc: number; from: Endpoint }[] }> {
  const socket = await bind();
  const seen: { ssrc: number; from: Endpoint }[] = [];
  socket.receive({
    packet: (buffer, offset, length, { from }) => {
      const view = new DataView(buffer.buffer, buffer.byteOffset + offset, length);
      seen.push({ ssrc: length >= 12 ? view.getUint32(8) : 0, from: { address: from.address, port: from.port } });
      socket.send(buffer, offset, length, from);
    },
    error: (code) => expect.fail(code),
  });
  return { at: socket.local, socket, seen };
}

function rtp(sequence: number, ssrc: number): Uint8Array {
  const packet = Uint8Array.from({ length: 172 }, (_, i) => i * sequence);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc });
  return packet;
}

const SETTINGS: PlaneSettings = {
  ...{ bindAddress: '127.0.0.1', bufferBytes: null, echoSocket: 'shared', lossTimeoutNs: 200e6, lateThresholdNs: 3e6 },
};

const KINDS = [
  { where: 'on the event loop, portable', start: async (settings: PlaneSettings) => new LocalMedia(engine, settings) },
  { where: 'in a thread, portable', start: (settings: PlaneSettings) => ThreadMedia.start(settings, { engine: 'portable' }) },
  { where: 'in a thread, batch', start: (settings: PlaneSettings) => ThreadMedia.start(settings, { engine: 'batch' }) },
] as const;

interface Caller {
  readonly socket: UdpSocket;
  readonly at: Collector;
  readonly call: RelayCall;
  readonly to: Endpoint;
}

describe.each(KINDS)('a relay $where', ({ start }) => {
  async function setUp(echoSocket: EchoSocket, calls: number, options: { lossTimeoutNs?: number; bindAddress?: string } = {}) {
    const { lossTimeoutNs = 200e6, bindAddress = '127.0.0.1' } = options;
    const media: RelayMedia = await start({ bindAddress, bufferBytes: null, echoSocket, lossTimeoutNs, lateThresholdNs: 3e6 });
    closing.push(() => media.stop());
    const echo = await startEcho();
    const log = new MemoryLog();
    const fleet = new RelayFleet({ media, range: { first: 21_000, last: 21_999 }, echo: () => echo.at, nowNs, log: log.logger });
    const callers: Caller[] = [];
    for (let i = 0; i < calls; i++) {
      const socket = await bind();
      const call = fleet.open(`call-${i}`, `caller-${i}`);
      const port = await call.bind();
      await call.pin(socket.local);
      callers.push({ socket, at: collect(socket), call, to: { address: '127.0.0.1', port } });
    }
    return { media, echo, fleet, log, callers };
  }

  function send({ socket, to }: Caller, packet: Uint8Array): void {
    socket.send(packet, 0, packet.length, to);
  }

  it.each(['shared', 'per-call'] as const)('returns to each of many calls its own packets, bit for bit, by a %s socket', async (kind) => {
    const { callers, fleet, echo } = await setUp(kind, 20, { lossTimeoutNs: 5e9 });
    const packets = 15;
    // All calls use the same SSRC and the same numbers, as forgers and resetting phones do.
    for (let n = 1; n <= packets; n++) for (const caller of callers) send(caller, rtp(n, 0xfeed_beef));
    await Promise.all(callers.map(({ at }) => at.received(packets)));
    const expected = Array.from({ length: packets }, (_, i) => rtp(i + 1, 0xfeed_beef));
    for (const { at, to } of callers) {
      expect(at.packets.map(({ bytes }) => bytes)).toEqual(expected);
      expect(new Set(at.packets.map(({ from }) => from.port))).toEqual(new Set([to.port]));
    }
    const sources = new Set(echo.seen.map(({ from }) => from.port));
    const ssrcs = new Set(echo.seen.map(({ ssrc }) => ssrc));
    expect({ sources: sources.size, ssrcs: ssrcs.size }).toEqual(kind === 'shared' ? { sources: 1, ssrcs: 20 } : { sources: 20, ssrcs: 1 });
    const metrics = fleet.metrics();
    expect(metrics.counters).toMatchObject({ from_peer: 300, sent: 300, returned: 300, to_peer: 300, lost: 0, in_flight: 0, unmatched: 0 });
    expect(metrics.total_latencies).toBe(300);
    expect(metrics.stray_echoes).toBe(0);
    expect(metrics.p50_latency).toBeGreaterThan(0);
    await Promise.all(callers.map(({ call }) => call.release()));
    for (const { call } of callers) call.close('completed', 'done');
    expect(fleet.metrics().counters).toMatchObject({ sent: 300, returned: 300 });
    expect(fleet.calls().every(({ total_latencies: count }) => count === packets)).toBe(true);
  });

  it('keeps several SSRCs of one call apart, and gives each its own back', async () => {
    const { callers, fleet } = await setUp('shared', 1);
    const [caller] = callers as [Caller];
    const ssrcs = [1, 0xffff_ffff, 0x8000_0000, 7];
    for (let n = 1; n <= 5; n++) for (const ssrc of ssrcs) send(caller, rtp(n, ssrc));
    await caller.at.received(20);
    const got = caller.at.packets.map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(8));
    expect(got).toEqual(Array.from({ length: 5 }, () => ssrcs).flat());
    expect(fleet.metrics().counters).toMatchObject({ sent: 20, returned: 20, untracked: 0 });
  });

  it('settles what never comes back as lost', async () => {
    const { callers, fleet, media } = await setUp('shared', 1, { lossTimeoutNs: 50e6 });
    const [caller] = callers as [Caller];
    const silent = await bind();
    const other = new RelayFleet({
      media,
      range: { first: 22_000, last: 22_099 },
      echo: () => silent.local,
      nowNs,
      log: new MemoryLog().logger,
    });
    const call = other.open('silent', 'x');
    const port = await call.bind();
    await call.pin(caller.socket.local);
    for (let n = 1; n <= 10; n++) caller.socket.send(rtp(n, 5), 0, 172, { address: '127.0.0.1', port });
    // Releasing waits for the fate of every packet.
    await expect.poll(() => other.metrics().counters.from_peer).toBe(10);
    await call.release();
    expect(other.metrics().counters).toMatchObject({ sent: 10, returned: 0, lost: 10, in_flight: 0 });
    expect(fleet.metrics().total_latencies).toBe(0);
  });

  it('counts an echo that comes when its call is over as a stray, and gives it to nobody', async () => {
    const { callers, fleet, echo } = await setUp('shared', 2);
    const [first, second] = callers as [Caller, Caller];
    send(first, rtp(1, 9));
    await first.at.received(1);
    const wire = echo.seen[0];
    await first.call.release();
    first.call.close('completed', 'done');
    send(second, rtp(1, 9));
    await second.at.received(1);
    // The echo plays the first packet once more: with the number that the wire knew the call by.
    const late = rtp(2, wire?.ssrc ?? 0);
    echo.socket.send(late, 0, late.length, wire?.from);
    await expect.poll(() => fleet.metrics().stray_echoes).toBe(1);
    expect(fleet.metrics().counters).toMatchObject({ returned: 2, unmatched: 0 });
    expect(second.at.packets).toHaveLength(1);
  });

  it('takes another peer when it is told so, and no longer the first', async () => {
    const { callers, fleet } = await setUp('shared', 1);
    const [caller] = callers as [Caller];
    send(caller, rtp(1, 1));
    await caller.at.received(1);
    const next = await bind();
    const atNext = collect(next);
    await caller.call.pin(next.local);
    next.send(rtp(2, 1), 0, 172, caller.to);
    await atNext.received(1);
    send(caller, rtp(3, 1));
    await expect.poll(() => fleet.metrics().counters.rejected_source).toBe(1);
    expect(fleet.metrics().counters).toMatchObject({ from_peer: 2, to_peer: 2, returned: 2, send_errors: 0 });
    expect(caller.at.packets).toHaveLength(1);
  });

  it('keeps its ports to itself', async () => {
    const { callers } = await setUp('shared', 1);
    const [{ to }] = callers as [Caller];
    await expect(engine.bind({ ...to, reusePort: true })).rejects.toThrow('EADDRINUSE');
  });

  it('tells of the first packet and of strangers', async () => {
    const { callers, fleet, log } = await setUp('shared', 1);
    const [caller] = callers as [Caller];
    const stranger = await bind();
    stranger.send(rtp(1, 1), 0, 172, caller.to);
    await log.said(`Datagrams from 127.0.0.1:${stranger.local.port} are not relayed: the peer is 127.0.0.1:${caller.socket.local.port}`);
    send(caller, rtp(1, 1));
    await caller.at.received(1);
    await expect.poll(() => fleet.calls()[0]?.first_packet_ms).toBeGreaterThan(0);
    expect(fleet.metrics().counters).toMatchObject({ rejected_source: 1, from_peer: 1 });
  });

  it('passes over a port that somebody else has', async () => {
    const { fleet, callers } = await setUp('shared', 1);
    const taken = (callers[0] as Caller).to.port + 1;
    const { foreign } = fleet.ports();
    const holder = await engine.bind({ address: '127.0.0.1', port: taken });
    closing.push(() => holder.close());
    const call = fleet.open('next', 'x');
    expect(await call.bind()).toBe(taken + 1);
    expect(fleet.ports()).toMatchObject({ foreign: foreign + 1, bound: 2 });
  });

  it('goes on with other media when the one before has ended: totals and ports stay, the rows of the time before are lost', async () => {
    const { fleet, media, callers } = await setUp('shared', 1);
    const [caller] = callers as [Caller];
    await media.ping();
    send(caller, rtp(1, 1));
    await caller.at.received(1);
    await expect.poll(() => fleet.metrics().total_latencies).toBe(1);
    const measured = [expect.objectContaining({ sent: 1, received: 1, lost: 0, p50: expect.any(Number) as number })];
    await expect.poll(() => fleet.recent().filter(({ sent }) => sent > 0), { timeout: 20_000 }).toEqual(measured);
    expect(fleet.recent().every(({ t }) => Number.isInteger(t) && t < 0)).toBe(true);
    await media.stop();
    const next =
      media instanceof ThreadMedia ? await ThreadMedia.start(SETTINGS, { engine: 'portable', before: media }) : await start(SETTINGS);
    closing.push(() => next.stop());
    fleet.resume(next);
    // Whoever owns the call ends it: the port is free although nobody can drain it any more.
    await caller.call.release();
    caller.call.close('completed', 'the relay thread has failed');
    const again = fleet.open('again', 'x');
    expect(await again.bind()).toBe(caller.to.port);
    expect([fleet.interruptions, await fleet.series()]).toEqual([1, []]);
    expect(fleet.metrics()).toMatchObject({ total_channels: 2, counters: { from_peer: 1, returned: 1 } });
    if (media instanceof ThreadMedia) {
      expect(fleet.metrics().total_latencies).toBe(1);
      expect(fleet.recent().filter(({ sent }) => sent > 0)).toEqual(measured);
    }
  });

  it('stops with calls up, and leaves neither a descriptor nor a port', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const { media, callers } = await setUp('shared', 5);
    await media.stop();
    await Promise.all(closing.splice(0).map((close) => close()));
    const again = await engine.bind({ address: '127.0.0.1', port: (callers[0] as Caller).to.port });
    await again.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});

describe('the kernel stamps', () => {
  it('of a batch relay make the latency, and what our own clock would add is told apart', async () => {
    const media = await ThreadMedia.start(
      { bindAddress: '127.0.0.1', bufferBytes: null, echoSocket: 'shared', lossTimeoutNs: 1e9, lateThresholdNs: 3e6 },
      { engine: 'batch' },
    );
    closing.push(() => media.stop());
    const echo = await startEcho();
    const fleet = new RelayFleet({
      media,
      range: { first: 21_000, last: 21_999 },
      echo: () => echo.at,
      nowNs,
      log: new MemoryLog().logger,
    });
    const socket = await bind();
    const at = collect(socket);
    const call = fleet.open('one', 'x');
    const to = { address: '127.0.0.1', port: await call.bind() };
    await call.pin(socket.local);
    for (let n = 1; n <= 30; n++) socket.send(rtp(n, 3), 0, 172, to);
    await at.received(30);
    const metrics = fleet.metrics();
    expect(metrics).toMatchObject({ clock: 'kernel', engine: 'batch', unstamped: 0 });
    expect(metrics.host_delay_ms?.p50).toBeGreaterThan(0);
  });
});
