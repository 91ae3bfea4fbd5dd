import { describe, expect, it } from 'vitest';
import { LoopMarks, MOST_COPIES } from '../../../src/core/guard/loops.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
import { MAPPED } from '../../../src/core/values/networks.ts';

const KEY = Int32Array.of(3, 5, 7, 11);
const SOURCE = Int32Array.of(0, 0, MAPPED, 0x0a00_0001);
const MS = 1e6;

function rtp(sequence: number, timestamp = sequence * 160, ssrc = 1): Uint8Array {
  const packet = new Uint8Array(172).fill(0xff);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence, timestamp, ssrc });
  return packet;
}

interface Seen {
  readonly packet: Uint8Array;
  readonly atMs?: number;
  readonly source?: Int32Array;
  readonly port?: number;
  readonly whole?: boolean;
}

function fresh(marks: LoopMarks, { packet, atMs = 0, source = SOURCE, port = 4000, whole = false }: Seen): boolean {
  return marks.fresh(source, port, packet, 0, packet.length, whole, atMs * MS);
}

/** One packet goes round, once in `everyMs`, with others in between. @returns how often it was answered before it was stopped. */
function rounds(marks: LoopMarks, everyMs: number, between: (fromMs: number, toMs: number) => void, most = 1_000): number {
  const packet = rtp(4711);
  for (let round = 0; round < most; round++) {
    const atMs = 50_000 + round * everyMs;
    if (!fresh(marks, { packet, atMs })) return round;
    between(atMs, atMs + everyMs);
  }
  return most;
}

const nothing = (): void => undefined;

describe('LoopMarks', () => {
  it.each([0, 1, 100, 5_000])('stops a packet that comes round every %i ms after a few rounds', (everyMs) => {
    expect(rounds(new LoopMarks(KEY), everyMs, nothing)).toBe(MOST_COPIES);
  });

  it('keeps it stopped for as long as it comes', () => {
    const marks = new LoopMarks(KEY);
    const answered = Array.from({ length: 1_000 }, (_, i) => fresh(marks, { packet: rtp(1), atMs: i * 500 })).filter(Boolean);
    expect(answered).toHaveLength(MOST_COPIES);
  });

  it('forgets what has not come for a while', () => {
    const marks = new LoopMarks(KEY);
    for (let i = 0; i < 10; i++) fresh(marks, { packet: rtp(1) });
    expect(fresh(marks, { packet: rtp(1), atMs: 10_001 })).toBe(true);
  });

  it('lets a stream pass for hours, with each packet doubled on the way', () => {
    const marks = new LoopMarks(KEY);
    let stopped = 0;
    for (let i = 0; i < 200_000; i++) {
      const packet = rtp(i & 0xffff, i * 160);
      for (let copy = 0; copy < 2; copy++) stopped += fresh(marks, { packet, atMs: i * 20 }) ? 0 : 1;
    }
    expect(stopped).toBe(0);
  });

  it('tells sources, ports, lengths and headers apart', () => {
    const marks = new LoopMarks(KEY);
    const others: readonly Seen[] = [
      { packet: rtp(1) },
      { packet: rtp(1), port: 4001 },
      { packet: rtp(1), source: Int32Array.of(0, 0, MAPPED, 0x0a00_0002) },
      { packet: rtp(1).subarray(0, 171) },
      { packet: rtp(2, 160) },
      { packet: rtp(1, 161) },
      { packet: rtp(1, 160, 2) },
    ];
    for (let copy = 0; copy < MOST_COPIES; copy++) for (const each of others) expect(fresh(marks, each)).toBe(true);
    for (const each of others) expect(fresh(marks, each)).toBe(false);
  });

  it('looks at all bytes of what is no RTP', () => {
    const marks = new LoopMarks(KEY);
    const one = new Uint8Array(50);
    const other = Uint8Array.from(one);
    other[49] = 1;
    for (let i = 0; i < MOST_COPIES; i++) expect(fresh(marks, { packet: one, whole: true })).toBe(true);
    expect(fresh(marks, { packet: one, whole: true })).toBe(false);
    expect(fresh(marks, { packet: other, whole: true })).toBe(true);
    expect(fresh(marks, { packet: new Uint8Array(0), whole: true })).toBe(true);
  });

  it('stops a loop in a flood of packets that are answered, which is all that an attacker can push it out with', () => {
    const random = new SeededRandom(1);
    const marks = new LoopMarks(KEY);
    const flood = (fromMs: number, toMs: number): void => {
      // 50,000 packets a second: --total-rate.
      for (let atMs = fromMs; atMs < toMs; atMs += 1 / 50)
        fresh(marks, { packet: rtp(random.uint16(), random.uint32(), random.uint32()), atMs });
    };
    expect(rounds(marks, 100, flood)).toBeLessThan(20);
    expect(rounds(new LoopMarks(KEY), 10, flood)).toBeLessThan(8);
  });

  it('does not mistake one packet of a flood for another', () => {
    const random = new SeededRandom(2);
    const marks = new LoopMarks(KEY);
    let stopped = 0;
    for (let i = 0; i < 300_000; i++) {
      stopped += fresh(marks, { packet: rtp(random.uint16(), random.uint32(), i), atMs: i / 50 }) ? 0 : 1;
    }
    expect(stopped).toBe(0);
  });
});
