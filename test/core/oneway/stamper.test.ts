import { describe, expect, it } from 'vitest';
import { askForStamp, createStamp, readStamp, STAMP_BYTES } from '../../../src/core/oneway/stamp.ts';
import { Stamper } from '../../../src/core/oneway/stamper.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { fakeWall } from './fake-wall.ts';

const WALL = fakeWall();
const ARRIVAL = { atNs: 5_000, readNs: 9_000 };

function packetOf(payloadBytes: number): Uint8Array {
  const packet = new Uint8Array(RTP_HEADER_BYTES + payloadBytes).fill(0xff);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence: 1, timestamp: 2, ssrc: 3 });
  return packet;
}

function stampedBy(arrival: { atNs: number; readNs: number }, payloadBytes = 160): Uint8Array {
  const packet = packetOf(payloadBytes);
  askForStamp(packet, RTP_HEADER_BYTES);
  new Stamper(WALL, () => 10_000).stamp(packet, 0, packet.length, arrival);
  return packet;
}

describe('Stamper', () => {
  it('writes when the packet came and when it leaves, and nothing beside that', () => {
    const packet = stampedBy(ARRIVAL);
    const out = createStamp();
    expect(readStamp(packet, RTP_HEADER_BYTES, 160, WALL.epochSeconds, out)).toBeUndefined();
    expect(out.byKernel).toBe(true);
    expect(out.receivedNs).toBeCloseTo(5_000, 0);
    expect(out.transmittedNs).toBeCloseTo(10_000, 0);
    const untouched = packetOf(160);
    expect(packet.subarray(0, RTP_HEADER_BYTES)).toEqual(untouched.subarray(0, RTP_HEADER_BYTES));
    expect(packet.subarray(RTP_HEADER_BYTES + STAMP_BYTES)).toEqual(untouched.subarray(RTP_HEADER_BYTES + STAMP_BYTES));
  });

  it('says so when no kernel told the time of arrival', () => {
    const out = createStamp();
    readStamp(stampedBy({ atNs: 9_000, readNs: 9_000 }), RTP_HEADER_BYTES, 160, WALL.epochSeconds, out);
    expect(out.byKernel).toBe(false);
  });

  it.each([
    ['a packet that asks for nothing', packetOf(160)],
    ['one that has a stamp already', stampedBy(ARRIVAL)],
    ['one without the room', stampedBy(ARRIVAL, STAMP_BYTES - 1)],
    ['what is no RTP', Uint8Array.from([...Buffer.from('rtplat'), 1, 0, ...new Uint8Array(40)])],
    ['nothing', new Uint8Array(0)],
  ])('leaves as it is %s', (_what, packet) => {
    const before = Uint8Array.from(packet);
    new Stamper(WALL, () => 20_000).stamp(packet, 0, packet.length, ARRIVAL);
    expect(packet).toEqual(before);
  });
});
