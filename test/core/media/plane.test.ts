/** Calls on a media plane, in simulated time. */
import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import type { AudioCodec } from '../../../src/core/audio/codec.ts';
import { renderDtmf } from '../../../src/core/audio/dtmf-generator.ts';
import { writeTelephoneEvent } from '../../../src/core/rtp/telephone-event.ts';
import type { FakeSocket } from '../relay/fake-socket.ts';
import { MS, REMOTE, REMOTE_RTCP, Rig, rtp, sentRtp, SPEC, START_NS, tone } from './plane-rig.ts';

const PCMU = codecOf('PCMU', 8000) as AudioCodec;
const EVIL = { address: '192.0.2.66', port: 6666 };

function event(
  socket: FakeSocket,
  atNs: number,
  options: { sequence: number; code: number; timestamp: number; duration: number; end: boolean },
): void {
  const payload = new Uint8Array(4);
  writeTelephoneEvent(payload, 0, { event: options.code, end: options.end, volume: 10, duration: options.duration });
  socket.deliver(rtp(options.sequence, { payloadType: 101, payload, timestamp: options.timestamp }), REMOTE, atNs);
}

describe('what a call sends', () => {
  it('is nothing before it is started', () => {
    const rig = new Rig();
    const { rtp: socket, rtcp } = rig.open({ action: tone(1000) });
    rig.run(10_000);
    socket.deliver(rtp(1), REMOTE, rig.nowNs);
    expect([...socket.sent, ...rtcp.sent]).toEqual([]);
    rig.ask({ kind: 'stop', id: 0 });
    expect([...socket.sent, ...rtcp.sent]).toEqual([]);
  });

  it('counts on without a gap, one packet a ptime, over the wraps of its counters', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: tone(600_000) });
    rig.start();
    rig.run(2000);
    const packets = sentRtp(socket);
    expect(packets).toHaveLength(100);
    for (const [i, packet] of packets.entries()) {
      expect(packet).toMatchObject({
        marker: i === 0,
        payloadType: 0,
        sequence: (SPEC.sequence + i) & 0xffff,
        timestamp: (SPEC.timestamp + 160 * i) >>> 0,
        ssrc: SPEC.ssrc,
        payloadLength: 160,
      });
    }
    expect(socket.sent.every(({ to }) => to?.address === REMOTE.address && to.port === REMOTE.port)).toBe(true);
    expect(rig.counters()).toMatchObject({ sent: 100, sentBytes: 16_000, skipped: 0, sendErrors: 0, pacingMaxMs: 0 });
    expect(rig.totals.pacing.count).toBe(100);
  });

  it('finishes a tone when its time is over, says so once, and is silent then', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: tone(500) });
    rig.start();
    rig.run(530);
    expect(rig.of('finished')).toEqual([{ kind: 'finished', id: 0 }]);
    rig.run(1000);
    expect(rig.of('finished')).toHaveLength(1);
    const loud = socket.sent.map(({ bytes }) => bytes.subarray(12).some((byte) => byte !== 0xff));
    expect(loud).toEqual(loud.map((_, i) => i < 25));
    expect(sentRtp(socket)).toHaveLength(77);
  });

  it('catches up after a short stall, and leaves out what a long one has made pointless', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: tone(60_000) });
    rig.start();
    rig.run(100);
    rig.nowNs += 150 * MS;
    rig.run(50);
    expect(sentRtp(socket)).toHaveLength(15);
    expect(rig.counters()).toMatchObject({ skipped: 0 });
    expect(rig.counters().pacingMaxMs).toBeGreaterThan(100);
    rig.nowNs += 2000 * MS;
    rig.run(200);
    const packets = sentRtp(socket);
    const { skipped } = rig.counters();
    expect(skipped).toBeGreaterThan(80);
    expect(packets.length + skipped).toBe(125);
    // Media time has gone by, numbers have not.
    const last = packets.at(-1);
    expect(last?.sequence).toBe((SPEC.sequence + packets.length - 1) & 0xffff);
    expect(last?.timestamp).toBe((SPEC.timestamp + 124 * 160) % 2 ** 32);
    expect(packets.filter(({ marker }) => marker)).toHaveLength(2);
  });

  it('pauses on hold, while its time runs on, and marks what follows (RFC 3264 §8.4)', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: tone(400) });
    rig.start();
    rig.run(200);
    rig.update({ direction: 'inactive' });
    rig.run(100);
    expect(sentRtp(socket)).toHaveLength(10);
    rig.update({ direction: 'sendrecv' });
    rig.run(120);
    const packets = sentRtp(socket);
    expect(packets[10]).toMatchObject({
      marker: true,
      sequence: (SPEC.sequence + 10) & 0xffff,
      timestamp: (SPEC.timestamp + 15 * 160) % 2 ** 32,
    });
    expect(rig.of('finished')).toHaveLength(1);
  });

  it('changes codec in the midst of a tone, and peer, and ptime', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: tone(60_000) });
    rig.start();
    rig.run(400);
    const other = { address: '198.51.100.8', port: 5000 };
    const { loop } = tone(1, 'PCMA');
    rig.update({ codec: { name: 'PCMA', payloadType: 8, clockRateHz: 8000 }, reencoded: loop, remote: other, ptimeMs: 40 });
    rig.run(400);
    const packets = sentRtp(socket);
    expect(packets.slice(0, 20).every(({ payloadType }) => payloadType === 0)).toBe(true);
    expect(packets.slice(20).every(({ payloadType, payloadLength }) => payloadType === 8 && payloadLength === 320)).toBe(true);
    expect(packets).toHaveLength(30);
    expect(socket.sent[20]?.to).toEqual(other);
    // The tone goes on where it was.
    expect([...(socket.sent[20]?.bytes.subarray(12) ?? [])]).toEqual([...loop.bytes.subarray(3200, 3520)]);
    expect(packets.every((packet, i) => i < 21 || packet.timestamp === (packets[20]!.timestamp + (i - 20) * 320) % 2 ** 32)).toBe(true);
  });

  it('can be another thing from the next packet on: echo, then a tone', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: { kind: 'echo' } });
    rig.start();
    rig.run(100);
    expect(socket.sent).toEqual([]);
    const packet = rtp(7, { payloadType: 77, ssrc: 123 });
    socket.deliver(packet, REMOTE, rig.nowNs);
    expect(socket.sent).toEqual([{ bytes: packet, to: REMOTE }]);
    rig.update({ action: tone(1000) });
    socket.deliver(packet, REMOTE, rig.nowNs);
    rig.run(100);
    expect(sentRtp(socket)).toHaveLength(6);
    rig.update({ action: { kind: 'echo' } });
    rig.run(100);
    expect(sentRtp(socket)).toHaveLength(6);
  });

  it('is an echo only of the peer, only while it is to send', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: { kind: 'echo' } });
    socket.deliver(rtp(1), REMOTE, rig.nowNs);
    rig.start();
    socket.deliver(rtp(2), EVIL, rig.nowNs);
    socket.deliver(rtp(3), REMOTE_RTCP, rig.nowNs);
    rig.update({ direction: 'recvonly' });
    socket.deliver(rtp(4), REMOTE, rig.nowNs);
    expect(socket.sent).toEqual([]);
    expect(rig.counters()).toMatchObject({ received: 2, refusedSource: 2, sent: 0 });
    expect(rig.of('refused-source')).toEqual([{ kind: 'refused-source', id: 0, from: EVIL }]);
  });

  it('is nothing while nobody is known to send to', () => {
    const rig = new Rig();
    const { rtp: socket, rtcp } = rig.open({ action: tone(1000), remote: { address: '0.0.0.0', port: 0 } });
    rig.start();
    rig.run(10_000);
    expect([...socket.sent, ...rtcp.sent]).toEqual([]);
    rig.update({ remote: REMOTE });
    rig.run(20);
    expect(socket.sent).toHaveLength(1);
  });
});

describe('what a call receives', () => {
  it('is counted: lost, doubled, overtaken, late, of another payload, no RTP at all', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open();
    const at = (n: number): number => START_NS + n * 20 * MS;
    for (let n = 0; n < 20; n++) if (n !== 5 && n !== 6) socket.deliver(rtp(n), REMOTE, at(n));
    socket.deliver(rtp(19), REMOTE, at(19));
    socket.deliver(rtp(6), REMOTE, at(19) + MS);
    socket.deliver(rtp(20, { payloadType: 96 }), REMOTE, at(20));
    socket.deliver(rtp(21), REMOTE, at(21) + 9 * MS);
    socket.deliver(new Uint8Array(5), REMOTE, at(21));
    rig.run(60);
    expect(rig.counters()).toMatchObject({
      ...{ received: 22, lost: 1, duplicates: 1, reordered: 1, otherPayload: 1, malformed: 1, refusedSource: 0 },
      receivedBytes: 22 * 160,
    });
    expect(rig.counters().late).toBeGreaterThanOrEqual(1);
    expect(rig.counters().jitterMs).toBeGreaterThan(0);
    expect(rig.of('first-packet')).toEqual([{ kind: 'first-packet', id: 0, atNs: START_NS, from: REMOTE }]);
  });

  it('is unknown, and not nothing, before it comes', () => {
    const rig = new Rig();
    rig.open();
    rig.run(60);
    expect(rig.counters()).toMatchObject({
      received: 0,
      lost: null,
      jitterMs: null,
      roundTripMs: null,
      remoteLost: null,
      socketDrops: null,
    });
    rig.run(1000);
    expect(rig.counters()).toMatchObject({ socketDrops: 0 });
  });

  it('keeps the counts of a source that was there before', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open();
    for (const n of [1, 2, 4]) socket.deliver(rtp(n, { ssrc: 1 }), REMOTE, rig.nowNs);
    for (const n of [101, 104]) socket.deliver(rtp(n, { ssrc: 0xffff_ffff }), REMOTE, rig.nowNs);
    rig.run(60);
    expect(rig.counters()).toMatchObject({ received: 5, lost: 3 });
  });

  it('is learnt from the signalling address where the description cannot be right, and sent to then', () => {
    const rig = new Rig();
    const remote = { address: '192.168.0.9', port: 4000 };
    const { rtp: socket, rtcp } = rig.open({ symmetric: 'when-private', remote, action: tone(10_000) });
    rig.start();
    socket.deliver(rtp(1), EVIL, rig.nowNs);
    const real = { address: SPEC.signallingAddress, port: 33_000 };
    socket.deliver(new Uint8Array(20), real, rig.nowNs);
    rig.run(20);
    expect(socket.sent.at(-1)?.to).toEqual(remote);
    socket.deliver(rtp(2), real, rig.nowNs);
    rig.run(6000);
    expect(socket.sent.at(-1)?.to).toEqual(real);
    expect(rtcp.sent.at(-1)?.to).toEqual({ ...real, port: 33_001 });
    expect(rig.counters()).toMatchObject({ received: 1, refusedSource: 1, malformed: 1 });
    // The same offer again changes nothing.
    rig.update({ remote, signallingAddress: SPEC.signallingAddress });
    rig.run(20);
    expect(socket.sent.at(-1)?.to).toEqual(real);
  });

  it('is told when it stays away, once for each time', () => {
    const rig = new Rig(500 * MS);
    const { rtp: socket } = rig.open();
    rig.run(1000);
    expect(rig.of('silent')).toEqual([]);
    rig.start();
    rig.run(450);
    expect(rig.of('silent')).toEqual([]);
    rig.run(1000);
    expect(rig.of('silent')).toHaveLength(1);
    socket.deliver(rtp(1), REMOTE, rig.nowNs);
    rig.run(600);
    expect(rig.of('silent')).toHaveLength(2);
    rig.update({ direction: 'sendonly' });
    socket.deliver(rtp(2), REMOTE, rig.nowNs);
    rig.run(2000);
    expect(rig.of('silent')).toHaveLength(2);
  });
});

describe('digits', () => {
  it('of events are told once each, whatever is repeated or lost', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open();
    const press = (first: number, code: number, timestamp: number, ends: number): void => {
      for (let n = 0; n < 5; n++) {
        const sequence = first + n;
        event(socket, rig.nowNs + n * 20 * MS, { sequence, code, timestamp, duration: 160 * (n + 1), end: n >= 5 - ends });
      }
    };
    press(1, 5, 8000, 3);
    press(6, 11, 16_000, 0);
    rig.run(1000);
    press(20, 5, 64_000, 3);
    expect(rig.of('dtmf').map(({ digit, how }) => `${digit} ${how}`)).toEqual(['5 rfc4733', '# rfc4733', '5 rfc4733']);
    expect(rig.of('dtmf')[1]?.durationMs).toBe(100);
    expect(rig.counters()).toMatchObject({ dtmfDigits: 3, malformed: 0, otherPayload: 0 });
  });

  it('in the audio are told, unless the peer sends events', () => {
    const samples = renderDtmf('19*', { rateHz: 8000, onMs: 60, offMs: 60 });
    const rig = new Rig();
    const { rtp: socket } = rig.open({ inBandDtmf: true });
    let sequence = 0;
    const dial = (): void => {
      for (let at = 0; at + 160 <= samples.length; at += 160, sequence++) {
        const payload = new Uint8Array(160);
        PCMU.encode(samples, at, 160, payload, 0);
        socket.deliver(rtp(sequence, { payload }), REMOTE, rig.nowNs);
      }
      for (let n = 0; n < 10; n++, sequence++) socket.deliver(rtp(sequence), REMOTE, rig.nowNs);
    };
    dial();
    expect(rig.of('dtmf').map(({ digit, how }) => `${digit} ${how}`)).toEqual(['1 in-band', '9 in-band', '* in-band']);
    event(socket, rig.nowNs, { sequence: sequence++, code: 3, timestamp: 1, duration: 800, end: true });
    dial();
    expect(rig.of('dtmf')).toHaveLength(4);
  });
});

describe('a recording', () => {
  it('is handed on in pieces, completely, and ends when it is full', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: { kind: 'record', recording: 7, maxBytes: 44 + 2 * 10_000 } });
    rig.start();
    for (let n = 0; n < 80; n++) socket.deliver(rtp(n), REMOTE, rig.nowNs);
    const pieces = rig.of('recorded');
    expect(pieces.every(({ recording }) => recording === 7)).toBe(true);
    expect(pieces.reduce((sum, { samples }) => sum + samples.length, 0)).toBe(10_000);
    expect(pieces.at(-1)!.at + pieces.at(-1)!.samples.length).toBe(10_000);
    expect(rig.of('finished')).toHaveLength(1);
    expect(rig.counters()).toMatchObject({ recordedBytes: 20_000, recordingDroppedBytes: 0 });
    expect(rig.totals.pendingBytes).toBe(20_000);
  });

  it('begins with the first packet, although that is here before the word of whose it is', () => {
    const rig = new Rig();
    const action = { kind: 'record', recording: 7, maxBytes: 1e9 } as const;
    const { rtp: socket } = rig.open({ remote: { address: '0.0.0.0', port: 0 }, direction: 'inactive' });
    for (let n = 0; n < 3; n++) socket.deliver(rtp(n), REMOTE, rig.nowNs);
    expect(rig.counters()).toMatchObject({ received: 0, refusedSource: 0 });
    rig.update({ remote: REMOTE, direction: 'sendrecv', action });
    socket.deliver(rtp(3), REMOTE, rig.nowNs);
    rig.ask({ kind: 'stop', id: 0 });
    expect(rig.of('recorded').reduce((sum, { samples }) => sum + samples.length, 0)).toBe(4 * 160);
    expect(rig.counters()).toMatchObject({ received: 4, lost: 0, refusedSource: 0 });
  });

  it('holds what has come before its end, although nobody has read it yet', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: { kind: 'record', recording: 7, maxBytes: 1e9 } });
    rig.start();
    for (let n = 0; n < 10; n++) socket.deliver(rtp(n), REMOTE, rig.nowNs);
    for (let n = 10; n < 15; n++) socket.waiting.push(() => socket.deliver(rtp(n), REMOTE, rig.nowNs));
    rig.ask({ kind: 'stop', id: 0 });
    expect(rig.of('recorded').reduce((sum, { samples }) => sum + samples.length, 0)).toBe(15 * 160);
    expect(rig.counters()).toMatchObject({ received: 15, lost: 0 });
  });

  it('has gaps, and says so, when too much of it is waiting for the disk', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open({ action: { kind: 'record', recording: 7, maxBytes: 1e9 } });
    rig.totals.addPending(32 * 1024 * 1024 - 5000);
    for (let n = 0; n < 80; n++) socket.deliver(rtp(n), REMOTE, rig.nowNs);
    rig.totals.addPending(-20 * 1024 * 1024);
    rig.ask({ kind: 'stop', id: 0 });
    const behind = rig.of('recording-behind').reduce((sum, { bytes }) => sum + bytes, 0);
    const { recordedBytes, recordingDroppedBytes } = rig.counters();
    expect(behind).toBe(recordingDroppedBytes);
    expect(behind).toBeGreaterThan(0);
    expect(recordedBytes + recordingDroppedBytes).toBe(80 * 320);
  });
});

describe('the end of a call', () => {
  it('is silent at once; its ports are free when nothing comes to them any more', () => {
    const rig = new Rig();
    const { rtp: socket, rtcp } = rig.open({ action: tone(10_000) });
    rig.start();
    rig.run(100);
    rig.ask({ kind: 'stop', id: 0 });
    const before = socket.sent.length;
    const counted = rig.counters();
    expect(rig.ask({ kind: 'release', id: 0 })).toBeUndefined();
    for (let n = 0; n < 4; n++) {
      rig.run(100);
      socket.deliver(rtp(n), REMOTE, rig.nowNs);
      expect(socket.closed).toBe(false);
    }
    rig.run(300);
    expect([socket.closed, rtcp.closed]).toEqual([true, true]);
    expect(rig.told.at(-1)).toMatchObject({ kind: 'done', port: null });
    expect(socket.sent).toHaveLength(before);
    expect(rig.counters()).toEqual(counted);
  });

  it('does not wait for ever for somebody who goes on sending', () => {
    const rig = new Rig();
    const { rtp: socket } = rig.open();
    rig.ask({ kind: 'stop', id: 0 });
    rig.ask({ kind: 'release', id: 0 });
    for (let n = 0; n < 60; n++) {
      rig.run(20);
      socket.deliver(rtp(n), REMOTE, rig.nowNs);
    }
    expect(socket.closed).toBe(true);
  });

  it('of an order for a call that is not there is answered', () => {
    const rig = new Rig();
    for (const kind of ['start', 'stop', 'release'] as const) expect(rig.ask({ kind, id: 9 })).toMatchObject({ kind: 'done' });
  });

  it('of a call that cannot be is told, and leaves no socket open', () => {
    const rig = new Rig();
    const { rtp: socket, rtcp } = rig.open({ codec: { name: 'PCMU', payloadType: 0, clockRateHz: 16_000 } });
    expect(rig.told).toMatchObject([{ kind: 'failed', failure: { code: 'usage', message: 'there is no codec PCMU at 16000 Hz' } }]);
    expect([socket.closed, rtcp.closed]).toEqual([true, true]);
  });
});
