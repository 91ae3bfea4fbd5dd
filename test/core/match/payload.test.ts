import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import { G722Encoder } from '../../../src/core/audio/g722.ts';
import { resample } from '../../../src/core/audio/resample.ts';
import { PayloadMatcher } from '../../../src/core/match/payload.ts';
import { RUN } from '../../../src/core/match/payload-index.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { fraction, normal, referenceAudio } from './kit/path.ts';

const MS = 1e6;
const S = 1e9;
const CODECS = ['PCMU', 'PCMA', 'L16', 'G722'] as const;

/** Payload bytes of the reference. */
function stream(codec: (typeof CODECS)[number], seed: number, seconds: number): Uint8Array {
  const audio = referenceAudio(seed, seconds);
  if (codec === 'G722') {
    const code = new Uint8Array(audio.length);
    new G722Encoder().encode(resample(audio, 8_000, 16_000), 0, code.length, code, 0);
    return code;
  }
  const { encode, bytesPerSample } = codecOf(codec, 8_000)!;
  const bytes = new Uint8Array(audio.length * bytesPerSample);
  encode(audio, 0, audio.length, bytes, 0);
  return bytes;
}

/** Sends all of `bytes` in packets of `size`, one every 20 ms from 0 on. */
function sender(bytes: Uint8Array, size: number, matcher: PayloadMatcher): (untilNs: number) => void {
  let left = 0;
  return (untilNs) => {
    for (; left * size < bytes.length && left * 20 * MS <= untilNs; left++) matcher.sent(left * 20 * MS, bytes, left * size, size);
  };
}

describe('the reference as payload', () => {
  it.each(CODECS)('has no run twice within 4 s: %s', (codec) => {
    const bytes = stream(codec, 7, 4);
    const seen = new Set<string>();
    for (let at = 0; at + RUN <= bytes.length; at++) seen.add(String.fromCharCode(...bytes.subarray(at, at + RUN)));
    expect(seen.size).toBe(bytes.length - RUN + 1);
  });
});

describe('PayloadMatcher', () => {
  it('gives an untouched echo the time that it took', () => {
    const bytes = stream('PCMU', 1, 2);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
    matcher.sent(0, bytes, 0, 160);
    matcher.sent(20 * MS, bytes, 160, 160);
    expect(matcher.receive(50 * MS, bytes, 160, 160)).toEqual({
      parts: [
        { offset: 0, length: 160, position: 160, packet: 1, packetOffset: 0, roundTripNs: 30 * MS, fate: 'returned', completes: true },
      ],
      unmatched: 0,
      ambiguous: 0,
      reordered: false,
    });
    expect(matcher.receive(51 * MS, bytes, 0, 160)).toMatchObject({ parts: [{ packet: 0, roundTripNs: 51 * MS }], reordered: true });
    expect(matcher.counters()).toMatchObject({
      bytes: { sent: 320, returned: 320, lost: 0, inFlight: 0 },
      packets: { sent: 2, whole: 2, inFlight: 0 },
      matched: 2,
      reordered: 1,
      unmatchedBytes: 0,
    });
  });

  it('takes packets of 30 ms apart that were sent as 20', () => {
    const bytes = stream('PCMA', 2, 2);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
    for (let i = 0; i < 3; i++) matcher.sent(i * 20 * MS, bytes, i * 160, 160);
    const { parts } = matcher.receive(100 * MS, bytes, 0, 240);
    expect(parts.map(({ packet, packetOffset, length, roundTripNs }) => [packet, packetOffset, length, roundTripNs / MS])).toEqual([
      [0, 0, 160, 100],
      [1, 0, 80, 80],
    ]);
    expect(matcher.counters().packets).toMatchObject({ whole: 1, inFlight: 2 });
    const rest = matcher.receive(130 * MS, bytes, 240, 240).parts;
    expect(rest.map(({ packet, packetOffset, length, roundTripNs }) => [packet, packetOffset, length, roundTripNs / MS])).toEqual([
      [1, 80, 80, 110],
      [2, 0, 160, 90],
    ]);
  });

  it('counts a duplicate once, and what comes after the time-out as lost and late', () => {
    const bytes = stream('PCMU', 3, 2);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000, lossTimeoutNs: S });
    for (let i = 0; i < 4; i++) matcher.sent(i * 20 * MS, bytes, i * 160, 160);
    const fateOf = (atNs: number, packet: number): unknown => matcher.receive(atNs, bytes, packet * 160, 160).parts[0]?.fate;
    expect([fateOf(50 * MS, 0), fateOf(51 * MS, 0)]).toEqual(['returned', 'duplicate']);
    // Half of packet 1 comes in time.
    matcher.receive(60 * MS, bytes, 160, 80);
    expect([fateOf(1.5 * S, 2), fateOf(1.5 * S, 2)]).toEqual(['late', 'duplicate']);
    matcher.expire(3 * S);
    expect(matcher.counters()).toMatchObject({
      bytes: { sent: 640, returned: 240, lost: 400, inFlight: 0, untracked: 0, duplicates: 320, lateAfterLoss: 160 },
      packets: { sent: 4, whole: 1, parts: 1, lost: 2, inFlight: 0 },
    });
  });

  it('finds parts between foreign bytes, and nothing in foreign ones', () => {
    const [bytes, other] = [stream('PCMU', 4, 2), stream('PCMU', 5, 2)];
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
    sender(bytes, 160, matcher)(S);
    const mixed = Uint8Array.of(...other.subarray(0, 31), ...bytes.subarray(1000, 1050), ...other.subarray(31, 60));
    expect(matcher.receive(S, mixed, 0, mixed.length)).toMatchObject({
      parts: [{ offset: 31, length: 50, position: 1000 }],
      unmatched: 60,
    });
    expect(matcher.receive(S, other, 0, 160)).toMatchObject({ parts: [], unmatched: 160 });
    // Too short to be told from chance.
    expect(matcher.receive(S, bytes, 0, RUN - 1)).toMatchObject({ parts: [], unmatched: RUN - 1 });
    expect(matcher.counters()).toMatchObject({ partly: 1, unmatched: 2, matched: 0 });
  });

  it('does not choose between two places', () => {
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
    const silence = new Uint8Array(160).fill(0xff);
    matcher.sent(0, silence, 0, 160);
    matcher.sent(20 * MS, silence, 0, 160);
    expect(matcher.receive(50 * MS, silence, 0, 160)).toEqual({ parts: [], unmatched: 160, ambiguous: 145, reordered: false });
  });

  it('takes a better time of leaving', () => {
    const bytes = stream('PCMU', 6, 1);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000 });
    expect(matcher.correct(matcher.sent(10 * MS, bytes, 0, 160), 11 * MS)).toBe(true);
    expect(matcher.receive(20 * MS, bytes, 0, 160).parts[0]?.roundTripNs).toBe(9 * MS);
    expect(matcher.correct(1, 0)).toBe(false);
  });

  it('bears empty and huge packets', () => {
    const bytes = stream('PCMU', 9, 10);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000, lossTimeoutNs: S });
    matcher.sent(0, bytes, 0, 0);
    matcher.sent(0, bytes, 0, 40_000);
    expect(matcher.receive(MS, bytes, 0, 0)).toEqual({ parts: [], unmatched: 0, ambiguous: 0, reordered: false });
    // Of more than is remembered the end is.
    expect(matcher.receive(MS, bytes, 39_000, 1_000)).toMatchObject({ parts: [{ position: 39_000, packet: 1 }], unmatched: 0 });
    matcher.expire(2 * S);
    expect(matcher.counters()).toMatchObject({
      bytes: { sent: 40_000, returned: 1_000, lost: 39_000, inFlight: 0 },
      packets: { sent: 2, whole: 1, parts: 1, inFlight: 0 },
    });
  });

  it('calls untracked what it had to forget too early', () => {
    const bytes = stream('PCMU', 8, 60);
    const matcher = new PayloadMatcher({ bytesPerSecond: 8_000, lossTimeoutNs: S });
    // Ten times as fast as announced.
    for (let i = 0; i < 1000; i++) matcher.sent(i * 2 * MS, bytes, i * 160, 160);
    matcher.expire(60 * S);
    const { bytes: counted, packets } = matcher.counters();
    expect(counted.untracked).toBeGreaterThan(0);
    expect(counted.untracked + counted.lost).toBe(counted.sent);
    expect(packets.untracked + packets.lost).toBe(packets.sent);
  });

  it('tells every byte of a stream apart that is cut anew, delayed, lost, repeated and moved by samples', () => {
    const cases = fc.record({
      codec: fc.constantFrom(...CODECS),
      seed: fc.integer(),
      /** Where the middle begins to read, and the sizes of its packets. */
      skipped: fc.nat(319),
      sizes: fc.array(fc.integer({ min: RUN, max: 480 }), { minLength: 1, maxLength: 4 }),
      loss: fc.constantFrom(0, 0.05),
      twice: fc.constantFrom(0, 0.05),
    });
    fc.assert(
      fc.property(cases, ({ codec, seed, skipped, sizes, loss, twice }) => {
        const bytes = stream(codec, seed, 3);
        const size = codec === 'L16' ? 320 : 160;
        const random = new SeededRandom(seed);
        const matcher = new PayloadMatcher({ bytesPerSecond: size * 50 });
        const send = sender(bytes, size, matcher);
        const arrivals: { readonly at: number; readonly length: number; readonly atNs: number }[] = [];
        let at = skipped;
        for (let i = 0; ; i++) {
          const length = sizes[i % sizes.length]!;
          if (at + length > bytes.length) break;
          // Complete when the packet with its last byte has come.
          const readyNs = Math.floor((at + length - 1) / size) * 20 * MS;
          const copies = fraction(random) < loss ? 0 : 1 + (fraction(random) < twice ? 1 : 0);
          for (let copy = 0; copy < copies; copy++) arrivals.push({ at, length, atNs: readyNs + (80 + 5 * Math.abs(normal(random))) * MS });
          at += length;
        }
        arrivals.sort((a, b) => a.atNs - b.atNs);
        let returned = 0;
        for (const { at, length, atNs } of arrivals) {
          send(atNs);
          const { parts, unmatched, ambiguous } = matcher.receive(atNs, bytes, at, length);
          expect([unmatched, ambiguous]).toEqual([0, 0]);
          let next = at;
          for (const part of parts) {
            expect(part.position).toBe(next);
            expect(part.packet).toBe(Math.floor(next / size));
            expect(part.packetOffset).toBe(next % size);
            expect(part.roundTripNs).toBe(atNs - part.packet * 20 * MS);
            if (part.fate === 'returned') returned += part.length;
            next += part.length;
          }
          expect(next).toBe(at + length);
        }
        send(10 * S);
        matcher.expire(10 * S);
        const { bytes: counted, packets } = matcher.counters();
        expect(counted.returned).toBe(returned);
        expect(counted).toMatchObject({ sent: bytes.length, lost: bytes.length - returned, inFlight: 0, untracked: 0 });
        expect(packets.whole + packets.parts + packets.lost).toBe(packets.sent);
      }),
      { numRuns: 30 },
    );
  });
});
