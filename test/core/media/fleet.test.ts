/** Media of real calls on loopback, in a thread, on both engines. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { readWav } from '../../../src/core/audio/wav.ts';
import { MediaFleet } from '../../../src/core/media/fleet.ts';
import type { MediaCall, MediaEvents, MediaSpec } from '../../../src/core/media/types.ts';
import { createRtpPacket, parseRtp, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { parseRtcp } from '../../../src/core/rtp/rtcp.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import type { UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { collect } from '../udp/collector.ts';

const LOOPBACK = '127.0.0.1';
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** What a fleet has told, as text. */
class Told implements MediaEvents {
  readonly lines: string[] = [];

  dtmf(id: number, digit: string, how: string): void {
    this.lines.push(`${id} dtmf ${digit} ${how}`);
  }

  finished(id: number): void {
    this.lines.push(`${id} finished`);
  }

  firstPacket(id: number, _atNs: number, from: { port: number }): void {
    this.lines.push(`${id} first packet from ${from.port}`);
  }

  refusedSource(id: number, from: { port: number }): void {
    this.lines.push(`${id} refused ${from.port}`);
  }

  silent(id: number): void {
    this.lines.push(`${id} silent`);
  }

  recordingFailed(id: number, problem: string): void {
    this.lines.push(`${id} recording: ${problem}`);
  }

  /** Settles when it has. */
  async said(line: string): Promise<void> {
    while (!this.lines.includes(line)) await setTimeout(5);
  }
}

async function bind(bufferBytes = 1 << 20): Promise<UdpSocket> {
  const socket = await createPortableEngine().bind({ address: LOOPBACK, port: 0, bufferBytes });
  closing.push(() => socket.close());
  return socket;
}

function specOf(remotePort: number, options: Partial<MediaSpec> = {}): MediaSpec {
  return {
    port: 0,
    bindAddress: LOOPBACK,
    rtcp: 'mux',
    remote: { address: LOOPBACK, port: remotePort },
    remoteRtcp: undefined,
    codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8000 },
    dtmfPayloadType: 101,
    inBandDtmf: false,
    ptimeMs: 20,
    direction: 'sendrecv',
    action: {
      kind: 'tone',
      tone: { parts: [{ frequenciesHz: [440], ms: Number.POSITIVE_INFINITY }], amplitude: 0.5, repeat: true },
      durationMs: 1e7,
    },
    symmetric: 'never',
    signallingAddress: LOOPBACK,
    cname: 'a@b',
    ssrc: 0,
    sequence: 0xfff0,
    timestamp: 0xffff_0000,
    ...options,
  };
}

function rtp(sequence: number, payload: Uint8Array = new Uint8Array(160).fill(0xff), payloadType = 0): Uint8Array {
  const packet = new Uint8Array(12 + payload.length);
  writeRtpHeader(packet, 0, { marker: false, payloadType, sequence, timestamp: sequence * 160, ssrc: 5 });
  packet.set(payload, 12);
  return packet;
}

function isRtcp(bytes: Uint8Array): boolean {
  return (bytes[1] as number) >= 192 && (bytes[1] as number) < 224;
}

describe.each(['batch', 'portable'] as const)('the media of calls (%s engine)', (engine) => {
  async function start(options: { mediaTimeoutMs?: number } = {}): Promise<{ fleet: MediaFleet; told: Told }> {
    const told = new Told();
    const fleet = await MediaFleet.start({ engine, events: told, ...options });
    closing.push(() => fleet.close());
    return { fleet, told };
  }

  async function open(fleet: MediaFleet, spec: MediaSpec): Promise<MediaCall> {
    const call = await fleet.open(spec);
    if (call === 'in-use') throw new Error('the port is in use');
    return call;
  }

  it('of 200 calls at once all packets arrive, each in its place', async () => {
    const { fleet } = await start();
    expect(fleet.selection.name).toBe(engine);
    // One socket for all of them, read by an engine that copes: it is the sender that is looked at.
    const sink = createBatchEngine().bindNow({ address: LOOPBACK, port: 0, bufferBytes: 8 << 20 });
    closing.push(() => sink.close());
    const packet = createRtpPacket();
    const streams = new Map<number, { count: number; port: number; wrong: number; goodbyes: number }>();
    sink.receive({
      packet: (buffer, offset, length, { port }) => {
        if (parseRtp(buffer, offset, length, packet) !== undefined) {
          const parts = parseRtcp(buffer, offset, length);
          const bye = typeof parts === 'string' ? undefined : parts.find((part) => part.kind === 'bye');
          const stream = streams.get(bye?.ssrcs[0] ?? -1);
          if (stream !== undefined) stream.goodbyes += 1;
          return;
        }
        const stream = streams.get(packet.ssrc) ?? { count: 0, port, wrong: 0, goodbyes: 0 };
        const { count } = stream;
        const right =
          packet.sequence === ((0xfff0 + count) & 0xffff) &&
          packet.timestamp === (0xffff_0000 + count * 160) % 2 ** 32 &&
          packet.marker === (count === 0) &&
          packet.payloadLength === 160 &&
          stream.port === port;
        streams.set(packet.ssrc, { ...stream, count: count + 1, wrong: stream.wrong + Number(!right) });
      },
      error: (code) => expect.fail(code),
    });
    const calls: MediaCall[] = [];
    for (let i = 0; i < 200; i++) calls.push(await open(fleet, specOf(sink.local.port, { ssrc: i + 1 })));
    for (const call of calls) call.start();
    await expect.poll(() => fleet.totals().sent, { timeout: 20_000, interval: 100 }).toBeGreaterThan(200 * 100);
    const reports = await Promise.all(calls.map((call) => call.stop()));
    await expect.poll(() => [...streams.values()].every(({ goodbyes }) => goodbyes === 1)).toBe(true);
    const sent = reports.map(({ counters }) => counters.sent);
    expect(calls.map((_, i) => streams.get(i + 1)?.count)).toEqual(sent);
    expect([...streams.values()].filter(({ wrong }) => wrong > 0)).toEqual([]);
    expect(new Set([...streams.values()].map(({ port }) => port))).toEqual(new Set(calls.map(({ port }) => port)));
    const totals = fleet.totals();
    expect(totals).toMatchObject({ activeCalls: 0, sent: sent.reduce((sum, n) => sum + n, 0), sendErrors: 0, refusedSource: 0 });
    expect(totals.pacing.count).toBe(totals.sent);
    expect(sink.socketDrops()).toBe(0);
  });

  it('go on counting in a fleet that takes the place of one that has ended', async () => {
    const { fleet, told } = await start();
    expect(fleet.totals()).toMatchObject({ lost: null, remoteLost: null, socketDrops: null, sent: 0 });
    const peer = await bind();
    const call = await open(fleet, specOf(peer.local.port));
    call.start();
    await expect.poll(() => fleet.totals().sent).toBeGreaterThan(3);
    await fleet.ping();
    await fleet.close();
    await expect(fleet.ping()).rejects.toThrow('the media have stopped');
    const { sent, pacing } = fleet.totals();
    const next = await MediaFleet.start({ engine, events: told, before: fleet });
    closing.push(() => next.close());
    expect(next.totals()).toMatchObject({ sent, activeCalls: 0 });
    expect(next.totals().pacing.count).toBe(pacing.count);
    // Calls of before may still be spoken of by their numbers.
    expect((await open(next, specOf(peer.local.port))).id).toBe(call.id + 1);
  });

  it('are echoed, recorded and listened to, and nobody else is heard', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-media-'));
    closing.push(async () => rmSync(folder, { recursive: true }));
    const { fleet, told } = await start();
    const [peer, stranger] = [await bind(), await bind()];
    const atPeer = collect(peer);
    const call = await open(fleet, specOf(peer.local.port, { action: { kind: 'echo' }, rtcp: 'off' }));
    const to = { address: LOOPBACK, port: call.port };
    call.start();
    stranger.send(rtp(1), 0, 172, to);
    await told.said(`${call.id} refused ${stranger.local.port}`);
    for (let n = 0; n < 10; n++) peer.send(rtp(n), 0, 172, to);
    await atPeer.received(10);
    expect(atPeer.packets.map(({ bytes }) => bytes)).toEqual(Array.from({ length: 10 }, (_, n) => rtp(n)));
    await told.said(`${call.id} first packet from ${peer.local.port}`);

    const file = path.join(folder, 'call.wav');
    call.update({ action: { kind: 'record', file, maxBytes: 1e6 } });
    // It records from the moment that its silence comes.
    await atPeer.received(12);
    for (let n = 20; n < 60; n++) peer.send(rtp(n, new Uint8Array(160).fill(0x20)), 0, 172, to);
    const digit = Uint8Array.of(7, 0x80, 1, 0);
    peer.send(rtp(60, digit, 101), 0, 16, to);
    await told.said(`${call.id} dtmf 7 rfc4733`);
    const { counters, recordings } = await call.stop();
    expect(recordings).toEqual([{ file, bytes: 40 * 320, droppedBytes: 0, problem: null }]);
    const { samples } = readWav(readFileSync(file), file);
    expect([samples.length, new Set(samples)]).toEqual([40 * 160, new Set([samples[0]])]);
    expect(samples[0]).not.toBe(0);
    expect(counters).toMatchObject({ received: 51, dtmfDigits: 1, recordedBytes: 40 * 320, refusedSource: 1, malformed: 0, lost: 10 });
    expect(await call.stop()).toEqual({ counters, recordings });
    await call.released;
  });

  it('exchange reports: round trip, loss and jitter as the other side has them', async () => {
    const { fleet } = await start();
    const near = await open(fleet, specOf(0, { rtcp: 'next-port', remote: { address: '0.0.0.0', port: 0 }, ssrc: 1 }));
    const far = await open(fleet, specOf(near.port, { rtcp: 'next-port', ssrc: 2 }));
    near.update({ remote: { address: LOOPBACK, port: far.port } });
    near.start();
    far.start();
    await expect.poll(() => near.counters().roundTripMs ?? far.counters().roundTripMs, { timeout: 25_000, interval: 200 }).not.toBeNull();
    const counters = near.counters().roundTripMs === null ? far.counters() : near.counters();
    expect(counters.roundTripMs).toBeGreaterThanOrEqual(0);
    expect(counters.roundTripMs).toBeLessThan(1000);
    expect(counters.remoteLost).toBe(0);
    expect(counters.remoteJitterMs).toBeGreaterThanOrEqual(0);
    expect(counters).toMatchObject({ rtcpMalformed: 0, malformed: 0, otherPayload: 0 });
  });

  it('finish, and are silent for too long', async () => {
    const { fleet, told } = await start({ mediaTimeoutMs: 100 });
    const peer = await bind();
    const tone = { parts: [{ frequenciesHz: [440.5], ms: 60 }], amplitude: 0.5, repeat: false };
    const call = await open(fleet, specOf(peer.local.port, { action: { kind: 'tone', tone, durationMs: 100 } }));
    call.start();
    await told.said(`${call.id} finished`);
    await told.said(`${call.id} silent`);
    expect(told.lines.filter((line) => line.endsWith('finished'))).toHaveLength(1);
  });

  it('go on in another codec, and with other samples', async () => {
    const { fleet } = await start();
    const peer = await bind();
    const atPeer = collect(peer);
    const call = await open(fleet, specOf(peer.local.port, { rtcp: 'off' }));
    call.start();
    await atPeer.received(3);
    call.update({ codec: { name: 'PCMA', payloadType: 8, clockRateHz: 8000 } });
    await expect.poll(() => atPeer.packets.at(-1)?.bytes[1]).toBe(8);
    const samples = Int16Array.from({ length: 16_000 }, (_, i) => i);
    call.update({
      codec: { name: 'L16', payloadType: 96, clockRateHz: 16_000 },
      ptimeMs: 10,
      action: { kind: 'play', samples, repeat: true },
    });
    await expect.poll(() => (atPeer.packets.at(-1)?.bytes[1] as number) & 0x7f).toBe(96);
    const first = atPeer.packets.find(({ bytes }) => ((bytes[1] as number) & 0x7f) === 96);
    expect(first?.bytes.length).toBe(12 + 320);
    expect([...(first?.bytes.subarray(12, 20) ?? [])]).toEqual([0, 0, 0, 1, 0, 2, 0, 3]);
    const numbers = atPeer.packets.map(({ bytes }) => ((bytes[2] as number) << 8) | (bytes[3] as number));
    expect(numbers).toEqual(numbers.map((_, i) => (0xfff0 + i) & 0xffff));
    expect(() => call.update({ ptimeMs: 0.5 })).toThrow('a ptime of 0.5 ms');
    expect(() => call.update({ codec: { name: 'PCMU', payloadType: 0, clockRateHz: 16_000 } })).toThrow('no codec PCMU at 16000 Hz');
  });

  it('find a port in use, of RTP or of RTCP, and leave nothing bound or written', async () => {
    const { fleet, told } = await start();
    const holder = await bind();
    const { port } = holder.local;
    const file = path.join(tmpdir(), 'rtplat-never-written.wav');
    expect(await fleet.open(specOf(9, { port, action: { kind: 'record', file, maxBytes: 1000 } }))).toBe('in-use');
    const before = port - 1;
    expect(await fleet.open(specOf(9, { port: before, rtcp: 'next-port' }))).toBe('in-use');
    const again = await createPortableEngine().bind({ address: LOOPBACK, port: before });
    await again.close();
    await expect(fleet.open(specOf(9, { ptimeMs: 61 }))).rejects.toThrow('a ptime of 61 ms');
    await expect(fleet.open(specOf(9, { bindAddress: '192.0.2.1' }))).rejects.toThrow('EADDRNOTAVAIL');
    expect(() => readFileSync(file)).toThrow('ENOENT');
    expect(told.lines).toEqual([]);
  });

  it('can be ended all at once, and leave neither a descriptor nor a port', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const { fleet } = await start();
    const peer = await bind();
    const atPeer = collect(peer);
    const calls = [];
    for (let i = 0; i < 5; i++) calls.push(await open(fleet, specOf(peer.local.port, { ssrc: i })));
    for (const call of calls) call.start();
    await atPeer.received(20);
    await fleet.close();
    // A goodbye in each.
    await expect.poll(() => atPeer.packets.filter(({ bytes }) => isRtcp(bytes)).length).toBe(5);
    for (const call of calls) await call.released;
    expect(calls.every((call) => call.counters().sent > 0)).toBe(true);
    await expect(fleet.open(specOf(9))).rejects.toThrow('the media have stopped');
    await Promise.all(closing.splice(0).map((close) => close()));
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });
});
