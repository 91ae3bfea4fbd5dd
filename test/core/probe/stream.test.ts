import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { NOT_A_SAMPLE, ProbeStream, silentPacket } from '../../../src/core/probe/stream.ts';
import { createRtpPacket, parseRtp } from '../../../src/core/rtp/packet.ts';
import { sequenceDelta, timestampDelta } from '../../../src/core/rtp/sequence.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const MS = 1e6;

function optionsWith(changes: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    streams: 1,
    intervalNs: 20 * MS,
    ptimeNs: 20 * MS,
    durationNs: 1e9,
    timeoutNs: 2e9,
    lateThresholdNs: 3 * MS,
    seed: 1,
    bufferBytes: 65_536,
    ...changes,
  };
}

function streamWith(changes: Partial<ProbeOptions> = {}, histogram?: LatencyHistogram): ProbeStream {
  const options = optionsWith(changes);
  return new ProbeStream(options, new SeededRandom(options.seed), histogram);
}

function headersOf(stream: ProbeStream, count: number, intervalNs = 20 * MS): { sequence: number; timestamp: number; marker: boolean }[] {
  const packet = silentPacket(20 * MS);
  return Array.from({ length: count }, (_, i) => {
    stream.write(packet, i, i * intervalNs);
    const parsed = createRtpPacket();
    expect(parseRtp(packet, 0, packet.length, parsed)).toBeUndefined();
    expect(parsed).toMatchObject({ payloadType: 0, payloadLength: 160, ssrc: stream.ssrc });
    return { sequence: parsed.sequence, timestamp: parsed.timestamp, marker: parsed.marker };
  });
}

describe('ProbeStream', () => {
  it('sends 20 ms of PCMU silence in 172 bytes', () => {
    const packet = silentPacket(20 * MS);
    expect(packet).toHaveLength(172);
    expect(packet.subarray(12).every((byte) => byte === 0xff)).toBe(true);
    expect(silentPacket(30 * MS)).toHaveLength(252);
  });

  it('counts sequence numbers by one and timestamps by 160, and marks the first packet (RFC 3551 §4.1)', () => {
    const headers = headersOf(streamWith(), 5);
    expect(headers.map(({ marker }) => marker)).toEqual([true, false, false, false, false]);
    for (const [i, { sequence, timestamp }] of headers.entries()) {
      expect(sequenceDelta(sequence, headers[0]!.sequence)).toBe(i);
      expect(timestampDelta(timestamp, headers[0]!.timestamp)).toBe(160 * i);
    }
  });

  it('lets timestamps follow the deadlines when the rate is not one packet a ptime', () => {
    const headers = headersOf(streamWith({ intervalNs: 5 * MS }), 5, 5 * MS);
    expect(headers.map(({ timestamp }) => timestampDelta(timestamp, headers[0]!.timestamp))).toEqual([0, 40, 80, 120, 160]);
  });

  it('carries sequence numbers and timestamps over their wrap', () => {
    const stream = streamWith();
    const packet = silentPacket(20 * MS);
    const count = 70_000;
    for (let i = 0; i < count; i++) {
      stream.write(packet, i, i * 20 * MS);
      expect(stream.arrived(packet, 0, packet.length, i * 20 * MS + MS)).toBeCloseTo(MS, -1);
    }
    expect(stream.counters()).toMatchObject({ sent: count, returned: count, lost: 0, late: 0, unmatched: 0 });
  });

  it('starts at the same random numbers for the same seed, and each stream at its own', () => {
    const random = new SeededRandom(9);
    const [one, two] = [new ProbeStream(optionsWith(), random, undefined), new ProbeStream(optionsWith(), random, undefined)];
    const again = new ProbeStream(optionsWith(), new SeededRandom(9), undefined);
    expect(again.ssrc).toBe(one.ssrc);
    expect(headersOf(again, 1)).toEqual(headersOf(one, 1));
    expect(two.ssrc).not.toBe(one.ssrc);
  });

  it('measures from the due time', () => {
    const histogram = new LatencyHistogram();
    const stream = streamWith({}, histogram);
    const packet = silentPacket(20 * MS);
    stream.write(packet, 0, 100 * MS);
    expect(stream.arrived(packet, 0, packet.length, 107 * MS)).toBe(7 * MS);
    expect(histogram.maxNs).toBe(7 * MS);
    expect(stream.row(4711, 0)).toMatchObject({ port: 4711, total_latencies: 1, max_latency: 7, counters: { sent: 1, returned: 1 } });
  });

  it('tells late packets, duplicates, strangers, and what is no RTP', () => {
    const stream = streamWith();
    const packets = [0, 1].map((i) => {
      const packet = silentPacket(20 * MS);
      stream.write(packet, i, i * 20 * MS);
      return packet;
    });
    const [first, second] = packets as [Uint8Array, Uint8Array];
    expect(stream.arrived(first, 0, first.length, MS)).toBe(MS);
    expect(stream.lastLate).toBe(false);
    expect(stream.arrived(second, 0, second.length, 25 * MS)).toBe(5 * MS);
    expect(stream.lastLate).toBe(true);
    expect(stream.arrived(second, 0, second.length, 26 * MS)).toBe(NOT_A_SAMPLE);
    const foreign = Uint8Array.from(second);
    foreign[8] = (foreign[8] as number) ^ 0xff;
    expect(stream.arrived(foreign, 0, foreign.length, 27 * MS)).toBe(NOT_A_SAMPLE);
    expect(stream.arrived(Uint8Array.of(1, 2, 3), 0, 3, 28 * MS)).toBe(NOT_A_SAMPLE);
    expect(stream.counters()).toMatchObject({ sent: 2, returned: 2, late: 1, duplicates: 1, unmatched: 1, malformed: 1 });
  });

  it('has no percentiles in its row when it has no histogram', () => {
    expect(streamWith().row(1, 0)).not.toHaveProperty('p50_latency');
    expect(streamWith({}, new LatencyHistogram()).row(1, 0)).toHaveProperty('p50_latency', null);
  });
});
