import { describe, expect, it } from 'vitest';
import { OwnEcho } from '../../../src/core/relay/echo-side.ts';
import { CallMemoryPool } from '../../../src/core/relay/numbers.ts';
import { RelayWorker } from '../../../src/core/relay/worker.ts';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import type { Endpoint } from '../../../src/core/udp/engine.ts';
import { FakeSocket } from './fake-socket.ts';

const MS = 1_000_000;
const ECHO = { address: '127.0.0.1', port: 4_000 };
const PEER = { address: '127.0.0.1', port: 12_000 };
const STRANGER = { address: '192.0.2.66', port: 12_000 };

function rtp(sequence: number, options: { ssrc?: number; payloadType?: number; marker?: boolean; bytes?: number } = {}): Uint8Array {
  const { ssrc = 1, payloadType = 0, marker = false, bytes = 172 } = options;
  const packet = new Uint8Array(bytes).fill(sequence);
  writeRtpHeader(packet, 0, { marker, payloadType, sequence, timestamp: sequence * 160, ssrc });
  return packet;
}

function setUp(family: 'IPv4' | 'IPv6' = 'IPv4') {
  const socket = new FakeSocket(family);
  const clock = { nowNs: 0 };
  const told = { sent: [] as number[], samples: [] as [number, number, boolean][], first: [] as number[], strangers: [] as Endpoint[] };
  const memory = new CallMemoryPool().take();
  socket.departsAt = () => clock.nowNs;
  const worker = new RelayWorker({
    memory,
    socket,
    echo: new OwnEcho(socket, ECHO),
    nowNs: 0,
    lossTimeoutNs: 2_000 * MS,
    lateThresholdNs: 3 * MS,
    told: {
      sent: (sentNs) => told.sent.push(sentNs),
      sample: (call, sentNs, latencyNs, late) => {
        call.record(latencyNs);
        told.samples.push([sentNs, latencyNs, late]);
      },
      firstPacket: (_worker, atNs) => told.first.push(atNs),
      stranger: (_worker, from) => told.strangers.push(from),
    },
  });
  return { socket, worker, memory, clock, told };
}

describe('a worker', () => {
  it('sends what the peer sends to the echo and what the echo sends to the peer, as it is', () => {
    const { socket, worker, clock, told, memory } = setUp();
    worker.pin(PEER);
    // With an extension, a CSRC and padding: nothing of it may be touched.
    const rich = Uint8Array.from([0xb1, 0x80, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, 9, 9, 9, 9, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 42, 0, 0, 3]);
    socket.deliver(rich, PEER, 5);
    clock.nowNs = 10 * MS;
    socket.deliver(rich, ECHO, 10 * MS);
    expect(socket.sent).toEqual([
      { bytes: rich, to: ECHO },
      { bytes: rich, to: PEER },
    ]);
    expect(told.samples).toEqual([[0, 10 * MS, false]]);
    expect(memory.counters()).toMatchObject({ from_peer: 1, bytes_from_peer: rich.length, from_echo: 1, to_peer: 1, sent: 1, returned: 1 });
    expect(memory.histogram.count).toBe(1);
  });

  it('measures from the moment of sending, not from the arrival at the relay', () => {
    const { socket, worker, clock, told } = setUp();
    worker.pin(PEER);
    clock.nowNs = 7 * MS;
    socket.deliver(rtp(1), PEER, 2 * MS);
    socket.deliver(rtp(1), ECHO, 9 * MS);
    expect(told).toMatchObject({ first: [2 * MS], sent: [7 * MS], samples: [[7 * MS, 2 * MS, false]] });
    expect(worker.lastActivityNs).toBe(9 * MS);
  });

  it('measures how long packets are here, on either way, where the kernel says when they came and left', () => {
    const { socket, worker, clock, memory } = setUp();
    worker.pin(PEER);
    expect(memory.insideMs).toBeNull();
    socket.hands = () => clock.nowNs - MS;
    for (let n = 0; n < 300; n++) {
      clock.nowNs = n * 20 * MS + 7 * MS;
      socket.deliver(rtp(n), PEER, n * 20 * MS + 2 * MS, n * 20 * MS + 6 * MS);
      socket.deliver(rtp(n), ECHO, n * 20 * MS + 9 * MS, n * 20 * MS + 11 * MS);
    }
    // Nothing is known of packets without the stamps.
    socket.deliver(rtp(300), PEER, 6_100 * MS);
    socket.deliver(rtp(300), ECHO, 6_200 * MS);
    socket.hands = undefined;
    socket.deliver(rtp(301), PEER, 6_100 * MS, 6_150 * MS);
    expect(memory.insideMs).toEqual({ out: 5, back: 2 });
  });

  it('knows nobody before it is pinned, and only one afterwards', () => {
    const { socket, worker, told, memory } = setUp();
    socket.deliver(rtp(1), PEER, 0);
    worker.pin(PEER);
    socket.deliver(rtp(1), STRANGER, 0);
    socket.deliver(rtp(1), { ...PEER, port: 12_001 }, 0);
    socket.deliver(rtp(1), { ...ECHO, address: '127.0.0.2' }, 0);
    expect(socket.sent).toEqual([]);
    expect(memory.counters()).toMatchObject({ rejected_source: 4, from_peer: 0, from_echo: 0 });
    expect(told.strangers).toEqual([PEER]);
    worker.pin(STRANGER);
    socket.deliver(rtp(1), STRANGER, 0);
    expect(socket.sent.map(({ to }) => to)).toEqual([ECHO]);
  });

  it('relays nothing that is no RTP, from either side', () => {
    const { socket, worker, told, memory } = setUp();
    worker.pin(PEER);
    const rtcp = Uint8Array.from([0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    for (const bytes of [new Uint8Array(0), new Uint8Array(11), new Uint8Array(172), rtcp]) {
      socket.deliver(bytes, PEER, 0);
      socket.deliver(bytes, ECHO, 0);
    }
    expect(socket.sent).toEqual([]);
    expect(memory.counters()).toMatchObject({ malformed: 8, from_peer: 0, from_echo: 4, to_peer: 0 });
    expect(told.first).toEqual([]);
  });

  it('returns doubled, unmatched and late echoes to the peer, but measures none of them', () => {
    const { socket, worker, told, memory } = setUp();
    worker.pin(PEER);
    socket.deliver(rtp(1), PEER, 0);
    socket.deliver(rtp(2), PEER, 0);
    socket.deliver(rtp(1), ECHO, 1 * MS);
    socket.deliver(rtp(1), ECHO, 2 * MS);
    socket.deliver(rtp(9), ECHO, 2 * MS);
    worker.tick(2_001 * MS);
    socket.deliver(rtp(2), ECHO, 2_500 * MS);
    expect(memory.counters()).toMatchObject({
      returned: 1,
      duplicates: 1,
      unmatched: 1,
      lost: 1,
      late_after_loss: 1,
      in_flight: 0,
      to_peer: 4,
    });
    expect(told.samples).toHaveLength(1);
    expect(worker.inFlight).toBe(0);
  });

  it('counts a packet that the peer sends twice, and forwards it both times', () => {
    const { socket, worker, told, memory } = setUp();
    worker.pin(PEER);
    socket.deliver(rtp(1), PEER, 0);
    socket.deliver(rtp(1), PEER, 1);
    expect(socket.sent).toHaveLength(2);
    expect(told.sent).toHaveLength(1);
    expect(memory.counters()).toMatchObject({ from_peer: 2, sent: 1, duplicates_sent: 1 });
  });

  it('calls an echo late that comes more than the threshold behind its stream', () => {
    const { socket, worker, clock, told, memory } = setUp();
    worker.pin(PEER);
    for (const [sequence, delayMs] of [
      [1, 1],
      [2, 2],
      [3, 9],
    ] as const) {
      clock.nowNs = sequence * 20 * MS;
      socket.deliver(rtp(sequence), PEER, clock.nowNs);
      socket.deliver(rtp(sequence), ECHO, clock.nowNs + delayMs * MS);
    }
    expect(told.samples.map(([, , late]) => late)).toEqual([false, false, true]);
    expect(memory.counters().late).toBe(1);
  });

  it('has the jitter of what the peer sends now (RFC 3550 §6.4.1), and none before its second packet', () => {
    const { socket, worker, memory } = setUp();
    worker.pin(PEER);
    worker.tick(0);
    expect(memory.jitterMs).toBeNull();
    for (let i = 0; i < 50; i++) socket.deliver(rtp(i), PEER, i * 20 * MS + (i % 2) * 4 * MS);
    worker.tick(0);
    expect(memory.jitterMs).toBeGreaterThan(3);
    for (let i = 0; i < 50; i++) socket.deliver(rtp(i, { ssrc: 2 }), PEER, (100 + i) * 20 * MS);
    worker.tick(0);
    expect(memory.jitterMs).toBe(0);
  });

  it('recognises its IPv4 peers on an IPv6 socket', () => {
    const { socket, worker } = setUp('IPv6');
    worker.pin(PEER);
    socket.deliver(rtp(1), { address: '::ffff:127.0.0.1', port: 12_000 }, 0);
    socket.deliver(rtp(1), { address: '::ffff:127.0.0.1', port: 4_000 }, 1);
    expect(socket.sent.map(({ to }) => to)).toEqual([
      { address: '::ffff:127.0.0.1', port: 4_000 },
      { address: '::ffff:127.0.0.1', port: 12_000 },
    ]);
  });

  it('goes on after a send that the kernel refused', () => {
    const { socket, worker, memory } = setUp();
    worker.pin(PEER);
    socket.fail('ENOBUFS');
    socket.drops = 3;
    socket.deliver(rtp(1), PEER, 0);
    expect(memory.counters()).toMatchObject({ send_errors: 1, from_peer: 1 });
    worker.note();
    expect(memory.socketDrops).toBe(3);
  });
});
