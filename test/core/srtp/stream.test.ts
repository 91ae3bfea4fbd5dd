/** A sender and a receiver, with what happens to packets on the way. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { DROPPED, SrtpReceiver } from '../../../src/core/srtp/receiver.ts';
import { SrtpSender } from '../../../src/core/srtp/sender.ts';
import { masterBytes, SRTP_SUITE_NAMES } from '../../../src/core/srtp/suites.ts';
import type { SrtpKey, SrtpSuiteName } from '../../../src/core/srtp/suites.ts';

const SSRC = 0xdeadbeef;
const PLAIN_BYTES = 172;

function keyOf(suite: SrtpSuiteName, fill = 7): SrtpKey {
  return { suite, master: new Uint8Array(masterBytes(suite)).map((_, i) => (i * 31 + fill) & 0xff) };
}

function plainOf(index: number): Uint8Array {
  const packet = new Uint8Array(PLAIN_BYTES).fill(0xff);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence: index & 0xffff, timestamp: index * 160, ssrc: SSRC });
  return packet;
}

function sealed(sender: SrtpSender, index: number): Uint8Array {
  sender.protect(plainOf(index), SSRC, index);
  return Uint8Array.from(sender.packet);
}

describe.each(SRTP_SUITE_NAMES)('%s', (suite) => {
  it('comes out as it went in, over the wrap of the sequence number, and only once', () => {
    const [sender, receiver] = [new SrtpSender(keyOf(suite), PLAIN_BYTES), new SrtpReceiver(keyOf(suite))];
    const seen = new Set<string>();
    for (let index = 65_530; index < 65_545; index++) {
      const wire = sealed(sender, index);
      seen.add(Buffer.from(wire.subarray(12)).toString('hex'));
      const buffer = new Uint8Array(400).fill(1);
      buffer.set(wire, 9);
      expect(receiver.open(buffer, 9, wire.length)).toBe(PLAIN_BYTES);
      expect(buffer.subarray(9, 9 + PLAIN_BYTES)).toEqual(plainOf(index));
      expect(receiver.open(Uint8Array.from(wire), 0, wire.length)).toBe(DROPPED);
    }
    expect(seen.size).toBe(15);
    expect(receiver.facts()).toEqual({ suite, unauthenticated: 0, replayed: 15 });
  });

  it('carries payloads of any length, none among them', () => {
    fc.assert(
      fc.property(fc.nat(1_500), (length) => {
        const sender = new SrtpSender(keyOf(suite), 12 + length);
        const packet = new Uint8Array(12 + length).fill(length);
        packet.set(plainOf(5).subarray(0, 12));
        sender.protect(packet, SSRC, 5);
        const wire = Uint8Array.from(sender.packet);
        expect(new SrtpReceiver(keyOf(suite)).open(wire, 0, wire.length)).toBe(12 + length);
        expect(wire.subarray(0, 12 + length)).toEqual(packet);
      }),
      { examples: [[0]] },
    );
  });

  it('a bit that was turned over anywhere is noticed, and forgets nothing', () => {
    fc.assert(
      fc.property(fc.nat((PLAIN_BYTES + 4) * 8 - 1), (bit) => {
        const [sender, receiver] = [new SrtpSender(keyOf(suite), PLAIN_BYTES), new SrtpReceiver(keyOf(suite))];
        const wire = sealed(sender, 100);
        const altered = Uint8Array.from(wire);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(receiver.open(altered, 0, altered.length)).toBe(DROPPED);
        expect(receiver.facts()).toEqual({ suite, unauthenticated: 1, replayed: 0 });
        expect(receiver.open(wire, 0, wire.length)).toBe(PLAIN_BYTES);
      }),
      { numRuns: 50 },
    );
  });

  it('another key, plain RTP and whatever else there is are not authentic', () => {
    const receiver = new SrtpReceiver(keyOf(suite));
    const foreign = sealed(new SrtpSender(keyOf(suite, 8), PLAIN_BYTES), 1);
    expect(receiver.open(foreign, 0, foreign.length)).toBe(DROPPED);
    expect(receiver.open(plainOf(1), 0, PLAIN_BYTES)).toBe(DROPPED);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        expect(receiver.open(bytes, 0, bytes.length)).toBe(DROPPED);
      }),
    );
    expect(receiver.facts().replayed).toBe(0);
  });
});
