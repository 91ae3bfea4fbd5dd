import { describe, expect, it } from 'vitest';
import { createRtpPacket, parseRtp } from '../../../src/core/rtp/packet.ts';
import type { RtpPacket } from '../../../src/core/rtp/packet.ts';
import { RtpSender } from '../../../src/core/rtp/sender.ts';

function written(sender: RtpSender, payloadType = 0, payload = 160, ticks = 160): RtpPacket {
  const packet = new Uint8Array(12 + payload);
  sender.write(packet, payloadType, ticks);
  const out = createRtpPacket();
  expect(parseRtp(packet, 0, packet.length, out)).toBeUndefined();
  return out;
}

describe('an RTP stream that is sent', () => {
  it('counts on from where it is told to begin, over the wraps of both counters', () => {
    const sender = new RtpSender({ ssrc: 0xdead_beef, sequence: 0xffff, timestamp: 0xffff_ff80 });
    const first = written(sender);
    const second = written(sender);
    expect(first).toMatchObject({ ssrc: 0xdead_beef, sequence: 0xffff, timestamp: 0xffff_ff80, marker: true });
    expect(second).toMatchObject({ ssrc: 0xdead_beef, sequence: 0, timestamp: 0x20, marker: false });
    expect(sender.timestamp).toBe(0xc0);
  });

  it('marks what follows a pause (RFC 3551 §4.1), and only time goes by in it', () => {
    const sender = new RtpSender({ ssrc: 1, sequence: 10, timestamp: 1000 });
    written(sender);
    sender.pause(160);
    sender.pause(160);
    expect(written(sender)).toMatchObject({ sequence: 11, timestamp: 1480, marker: true });
    expect(written(sender, 8)).toMatchObject({ sequence: 12, timestamp: 1640, marker: false, payloadType: 8 });
  });

  it('counts packets and octets of payload for its reports', () => {
    const sender = new RtpSender({ ssrc: 0xffff_ffff, sequence: 0, timestamp: 0 });
    written(sender);
    written(sender, 0, 80);
    expect({ ssrc: sender.ssrc, packets: sender.packets, octets: sender.octets }).toEqual({ ssrc: 0xffff_ffff, packets: 2, octets: 240 });
  });
});
