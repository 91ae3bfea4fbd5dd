import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { silentPacket, StreamSource, streamSources } from '../../../src/core/probe/source.ts';
import { createRtpPacket, parseRtp } from '../../../src/core/rtp/packet.ts';
import { sequenceDelta, timestampDelta } from '../../../src/core/rtp/sequence.ts';

const MS = 1e6;

function sourceWith(intervalNs = 20 * MS): StreamSource {
  return new StreamSource(intervalNs, new SeededRandom(1));
}

function headersOf(source: StreamSource, count: number): { sequence: number; timestamp: number; marker: boolean }[] {
  const packet = silentPacket(20 * MS);
  return Array.from({ length: count }, (_, i) => {
    source.write(packet, i);
    const parsed = createRtpPacket();
    expect(parseRtp(packet, 0, packet.length, parsed)).toBeUndefined();
    expect(parsed).toMatchObject({ payloadType: 0, payloadLength: 160, ssrc: source.ssrc, sequence: source.sequenceOf(i) });
    return { sequence: parsed.sequence, timestamp: parsed.timestamp, marker: parsed.marker };
  });
}

describe('the packets of a stream', () => {
  it('are 20 ms of PCMU silence in 172 bytes', () => {
    const packet = silentPacket(20 * MS);
    expect(packet).toHaveLength(172);
    expect(packet.subarray(12).every((byte) => byte === 0xff)).toBe(true);
    expect(silentPacket(30 * MS)).toHaveLength(252);
  });

  it('are of the codec that was agreed to', () => {
    const audio = { name: 'L16', payloadType: 96, clockRateHz: 16_000, bytesPerSecond: 32_000, silenceByte: 0 };
    const packet = silentPacket(20 * MS, audio);
    expect(packet).toHaveLength(12 + 640);
    const source = new StreamSource(20 * MS, new SeededRandom(1), audio);
    const [first, second] = [0, 1].map((i) => {
      source.write(packet, i);
      const parsed = createRtpPacket();
      parseRtp(packet, 0, packet.length, parsed);
      return parsed;
    });
    expect([first?.payloadType, second?.payloadType]).toEqual([96, 96]);
    expect(timestampDelta(second!.timestamp, first!.timestamp)).toBe(320);
  });

  it('count sequence numbers by one and timestamps by 160, and mark the first (RFC 3551 §4.1)', () => {
    const headers = headersOf(sourceWith(), 5);
    expect(headers.map(({ marker }) => marker)).toEqual([true, false, false, false, false]);
    for (const [i, { sequence, timestamp }] of headers.entries()) {
      expect(sequenceDelta(sequence, headers[0]!.sequence)).toBe(i);
      expect(timestampDelta(timestamp, headers[0]!.timestamp)).toBe(160 * i);
    }
  });

  it('have timestamps that follow the deadlines when the rate is not one packet a ptime', () => {
    const headers = headersOf(sourceWith(5 * MS), 5);
    expect(headers.map(({ timestamp }) => timestampDelta(timestamp, headers[0]!.timestamp))).toEqual([0, 40, 80, 120, 160]);
  });

  it('start at the same random numbers for the same seed, each stream at its own', () => {
    const options = { streams: 3, intervalNs: 20 * MS, seed: 9 };
    const [first, again] = [streamSources(options), streamSources(options)];
    expect(first.map((source) => headersOf(source, 2))).toEqual(again.map((source) => headersOf(source, 2)));
    expect(new Set(first.map(({ ssrc }) => ssrc)).size).toBe(3);
    expect(streamSources({ ...options, seed: 10 })[0]?.ssrc).not.toBe(first[0]?.ssrc);
  });

  it('are known by their sequence number, over its wrap too', () => {
    const source = sourceWith();
    for (const [index, last] of [
      [0, 0],
      [0, 65_535],
      [65_536, 65_536],
      [70_000, 131_071],
      [5, 4],
    ] as const) {
      expect(source.indexOf(source.sequenceOf(index), last)).toBe(index <= last ? index : index - 65_536);
    }
  });
});
