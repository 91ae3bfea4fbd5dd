import { G722Decoder } from '../../../src/core/audio/g722.ts';
import { PayloadMatcher } from '../../../src/core/match/payload.ts';
import { must } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const PACKET_BYTES = 160;
const MS = 1e6;
/** What was sent in all inputs: 40 packets of bytes that hardly repeat. */
const SENT = Uint8Array.from({ length: 40 * PACKET_BYTES }, (_, i) => Math.imul(i + 1, 0x9e3779b1) >>> 21);
const samples = new Int16Array(4_096);

export const target: FuzzTarget = {
  name: 'match-payload',
  what: 'payloads that come back in pieces, from anywhere: each byte is found at most once, where the bytes are these; the same through the G.722 decoder',
  code: [
    'match/payload.ts',
    'match/payload-index.ts',
    'match/payload-fate.ts',
    'match/sent-times.ts',
    'audio/g722.ts',
    'audio/g722-band.ts',
  ],
  mostBytes: 2_048,
  inputs: 60_000,
  seeds: () => [
    record([0, 160], [160, 160], [320, 80], [400, 240]),
    record([640, 160], [480, 160], [640, 160], [3_200, 40]),
    record([6_000, 255], [100, 31], [900, 32], [1_800, 33]),
    Uint8Array.of(200, ...SENT.subarray(500, 620), 7, 7, 7, ...SENT.subarray(20, 100)),
  ],
  check(input) {
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000, lossTimeoutNs: 100 * MS });
    for (let at = 0; at < SENT.length; at += PACKET_BYTES) matcher.sent((at / PACKET_BYTES) * 20 * MS, SENT, at, PACKET_BYTES);
    let [nowNs, received, packets] = [800 * MS, 0, 0];
    for (let at = 0; at < input.length; packets += 1) {
      const length = Math.min(input[at]!, input.length - at - 1);
      const from = at + 1;
      nowNs += length * 1e5;
      const { parts, unmatched } = matcher.receive(nowNs, input, from, length);
      let [end, found] = [0, 0];
      for (const part of parts) {
        must(part.offset >= end && part.length > 0 && part.offset + part.length <= length, 'parts overlap or lie outside', parts);
        for (let i = 0; i < part.length; i += 1)
          must(input[from + part.offset + i] === SENT[part.position + i], 'other bytes were sent there', part);
        must(part.packetOffset >= 0 && part.packetOffset + part.length <= PACKET_BYTES, 'a part is of two packets', part);
        must(Number.isFinite(part.roundTripNs), 'a round trip is', part.roundTripNs);
        end = part.offset + part.length;
        found += part.length;
      }
      must(found + unmatched === length, 'bytes are neither found nor not', found, unmatched, length);
      received += length;
      at = from + length;
    }
    matcher.expire(nowNs + 1e9);
    const { matched, partly, unmatched, unmatchedBytes, bytes } = matcher.counters();
    must(matched + partly + unmatched === packets && unmatchedBytes <= received, 'packets are not counted once', {
      matched,
      partly,
      unmatched,
    });
    for (const [name, count] of Object.entries(bytes)) must(count >= 0 && count <= SENT.length + received, name, count);
    const coded = Math.min(input.length, samples.length >> 1);
    new G722Decoder().decode(input, 0, coded, samples, 0);
  },
};

/** Packets of what was sent, by position and length; the length stands in front of each. */
function record(...packets: readonly (readonly [position: number, length: number])[]): Uint8Array {
  return Buffer.concat(packets.flatMap(([position, length]) => [Uint8Array.of(length), SENT.subarray(position, position + length)]));
}
