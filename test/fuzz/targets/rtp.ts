import { createRtpPacket, parseCutRtp, parseRtp, RTP_HEADER_BYTES, writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { must, mustEqual } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const parsed = createRtpPacket();
const cut = createRtpPacket();
const written = new Uint8Array(RTP_HEADER_BYTES);
/** What stands around a packet in the buffers that it is read from. */
const AROUND = 3;
const buffer = new Uint8Array(2_048 + 2 * AROUND).fill(0xff);

export const target: FuzzTarget = {
  name: 'rtp',
  what: 'RTP packets: the header written again is the same bytes, the payload lies within the packet, what is around it plays no part',
  code: ['rtp/packet.ts'],
  mostBytes: 2_048,
  inputs: 3_000_000,
  seeds: () => [
    packet(),
    packet(0x90, [0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0]),
    packet(0xa0, [1, 2, 2]),
    packet(0x82, [0, 0, 0, 1, 0, 0, 0, 2, 9]),
    Uint8Array.of(0x80, 200, 0, 6, ...Array.from({ length: 24 }, () => 0)),
  ],
  check(input) {
    buffer.set(input, AROUND);
    const rejection = parseRtp(buffer, AROUND, input.length, parsed);
    const asCut = parseCutRtp(buffer, AROUND, input.length, cut);
    if (rejection !== undefined) {
      must(typeof rejection === 'string', 'a rejection has no name');
      must(parseRtp(input, 0, input.length, cut) === rejection, 'what stands around a packet decides about it');
      return;
    }
    must(asCut === undefined, 'a whole packet is none when its end is missing');
    const { payloadOffset, payloadLength, csrcCount } = parsed;
    must(payloadOffset >= RTP_HEADER_BYTES + 4 * csrcCount && payloadLength >= 0, 'the payload begins before the header ends');
    must(payloadOffset + payloadLength <= input.length, 'the payload ends behind the packet', payloadOffset, payloadLength, input.length);
    writeRtpHeader(written, 0, parsed);
    // All but version, padding, extension and the number of CSRCs, which the writer does not have.
    for (let i = 1; i < RTP_HEADER_BYTES; i += 1)
      must(written[i] === input[i], 'the header is not the same when it is written again, byte', i);
    mustEqual([cut.sequence, cut.timestamp, cut.ssrc], [parsed.sequence, parsed.timestamp, parsed.ssrc], 'the header of a cut packet');
  },
};

function packet(first = 0x80, more: readonly number[] = [0xd5, 0xd5]): Uint8Array {
  return Uint8Array.of(first, 0x80, 0x12, 0x34, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, ...more);
}
