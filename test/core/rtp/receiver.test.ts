import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { type ReceiveOutcome, ReceiverStatistics } from '../../../src/core/rtp/receiver.ts';

const PTIME_NS = 20_000_000;
const PTIME_TICKS = 160;

/** Receives these extended sequence numbers in this order, on time as a sender with 20 ms and 8 kHz would have them. */
function receiveAll(statistics: ReceiverStatistics, sequences: Iterable<number>): ReceiveOutcome[] {
  return Array.from(sequences, (sequence, i) => statistics.receive(i * PTIME_NS, sequence & 0xffff, (sequence * PTIME_TICKS) >>> 0));
}

function receiver(): ReceiverStatistics {
  return new ReceiverStatistics({ clockRateHz: 8_000 });
}

function range(from: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => from + i);
}

/** The values that RFC 3550 A.1 gives as typical. */
const MAX_DROPOUT = 3_000;
const MAX_MISORDER = 100;

describe('RFC 3550 A.1: probation', () => {
  it('proves a source with two packets in sequence, and counts both', () => {
    const statistics = receiver();
    expect(statistics.validated).toBe(false);
    expect(receiveAll(statistics, [500, 501, 502])).toEqual(['probation', 'ok', 'ok']);
    expect(statistics).toMatchObject({ validated: true, received: 3, expected: 3, lost: 0 });
  });

  it('starts again after a gap; the packets count all the same', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [500, 502, 504, 505])).toEqual(['probation', 'probation', 'probation', 'ok']);
    expect(statistics).toMatchObject({ received: 4, expected: 6, lost: 2 });
  });

  test('one packet is no proof', () => {
    const statistics = receiver();
    receiveAll(statistics, [9]);
    expect(statistics).toMatchObject({ validated: false, received: 1, expected: 1, lost: 0, jitterTicks: null, jitterMs: null });
  });
});

describe('RFC 3550 A.1: dropout, misorder and restart', () => {
  test('a jump of MAX_DROPOUT − 1 is loss', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [1, 2, 2 + MAX_DROPOUT - 1]).at(-1)).toBe('ok');
    expect(statistics).toMatchObject({ expected: MAX_DROPOUT + 1, lost: MAX_DROPOUT - 2, invalid: 0 });
  });

  test('a jump of MAX_DROPOUT alone is a stray, and in none of the loss numbers', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [1, 2, 2 + MAX_DROPOUT, 3, 4])).toEqual(['probation', 'ok', 'invalid', 'ok', 'ok']);
    expect(statistics).toMatchObject({ received: 5, invalid: 1, expected: 4, lost: 0, cumulativeLost: 0, resyncs: 0 });
  });

  test('two in sequence after a jump are a restart, and both count', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [1, 2, 4, 40_000, 40_001, 40_002])).toEqual(['probation', 'ok', 'ok', 'invalid', 'resync', 'ok']);
    expect(statistics).toMatchObject({ received: 6, invalid: 0, resyncs: 1, expected: 7, lost: 1 });
  });

  test('the number that confirmed a restart confirms no other', () => {
    const statistics = receiver();
    receiveAll(statistics, [1, 2, 40_000, 40_001]);
    // Ahead in steps that are losses, until 40,001 is far out of sequence.
    receiveAll(
      statistics,
      range(1, 10).map((step) => 40_001 + step * (MAX_DROPOUT - 1)),
    );
    expect(receiveAll(statistics, [40_001])).toEqual(['invalid']);
  });

  test('a restart within probation proves the source', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [1, 40_000, 40_001])).toEqual(['probation', 'invalid', 'resync']);
    expect(statistics).toMatchObject({ validated: true, expected: 3, lost: 0 });
  });

  test('a restart across the wrap: the first packet after the jump is 65535, its confirmation 0', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [30_000, 30_001, 65_535, 65_536, 65_537])).toEqual(['probation', 'ok', 'invalid', 'resync', 'ok']);
    expect(statistics).toMatchObject({ expected: 5, lost: 0, invalid: 0 });
  });

  test('a step back of less than MAX_MISORDER is reordering, of more a restart', () => {
    const statistics = receiver();
    receiveAll(statistics, [1_000, 1_001, 1_200]);
    expect(statistics.receive(0, 1_200 - MAX_MISORDER + 1, 0)).toBe('reordered');
    expect(statistics.receive(0, 1_200 - MAX_MISORDER, 0)).toBe('invalid');
  });

  test('a restart forgets which numbers had been seen', () => {
    const statistics = receiver();
    receiveAll(statistics, range(100, 200));
    expect(receiveAll(statistics, [40_000, 40_001, 40_003, 40_002, 39_990])).toEqual(['invalid', 'resync', 'ok', 'reordered', 'reordered']);
    expect(statistics).toMatchObject({ duplicates: 0, resyncs: 1, expected: 214, lost: 9 });
  });
});

describe('RFC 3550 A.3: expected, received and lost', () => {
  it('counts through the wrap of the sequence number', () => {
    const statistics = receiver();
    const sent = range(65_000, 70_000);
    receiveAll(
      statistics,
      sent.filter((sequence) => sequence % 10 !== 3),
    );
    expect(statistics).toMatchObject({ received: 63_000, expected: 70_000, lost: 7_000, cumulativeLost: 7_000, reordered: 0, invalid: 0 });
  });

  it('has nothing to say before the first packet', () => {
    expect(receiver()).toMatchObject({ received: 0, expected: 0, lost: 0, cumulativeLost: 0 });
    expect(receiver().takeFractionLost()).toBe(0);
  });

  test('duplicates count as received in the loss of RTCP only', () => {
    const statistics = receiver();
    receiveAll(statistics, [10, 11, 11, 11, 13]);
    expect(statistics).toMatchObject({ lost: 1, cumulativeLost: -1, duplicates: 2 });
  });

  it('clamps the loss of RTCP to 24 bits', () => {
    const statistics = receiver();
    let sequence = 0;
    for (let i = 0; i < 3_000; i++) statistics.receive(0, (sequence += MAX_DROPOUT - 1) & 0xffff, 0);
    expect(statistics.lost).toBe(2_999 * (MAX_DROPOUT - 2));
    expect(statistics.cumulativeLost).toBe(0x7f_ffff);
  });

  it('gives the fraction lost of each interval by itself', () => {
    const statistics = receiver();
    receiveAll(
      statistics,
      range(0, 100).filter((sequence) => sequence % 4 !== 1),
    );
    expect(statistics.takeFractionLost()).toBe(64);
    receiveAll(statistics, range(100, 100));
    expect(statistics.takeFractionLost()).toBe(0);
    expect(statistics.takeFractionLost()).toBe(0);
    receiveAll(statistics, [199, 199]);
    expect(statistics.takeFractionLost()).toBe(0);
    receiveAll(statistics, [199 + 2_900]);
    expect(statistics.takeFractionLost()).toBe(255);
  });
});

describe('RFC 4737 §3.3: reordered packets, and duplicates', () => {
  it('tells one from the other, across the wrap', () => {
    const statistics = receiver();
    const outcomes = receiveAll(statistics, [65_533, 65_534, 65_537, 65_535, 65_536, 65_536, 65_534, 65_538]);
    expect(outcomes).toEqual(['probation', 'ok', 'ok', 'reordered', 'reordered', 'duplicate', 'duplicate', 'ok']);
    expect(statistics).toMatchObject({ received: 8, reordered: 2, duplicates: 2, expected: 6, lost: 0 });
  });

  test('a first packet that overtook others does not make the loss negative', () => {
    const statistics = receiver();
    expect(receiveAll(statistics, [12, 10, 11, 13])).toEqual(['probation', 'reordered', 'reordered', 'ok']);
    expect(statistics).toMatchObject({ expected: 4, lost: 0, cumulativeLost: 0, reordered: 2 });
  });

  test('a packet that was skipped is no duplicate, whatever its place in the window held before', () => {
    const statistics = receiver();
    receiveAll(statistics, range(0, 400));
    expect(receiveAll(statistics, [410, 405, 600, 599, 598, 599])).toEqual([
      'ok',
      'reordered',
      'ok',
      'reordered',
      'reordered',
      'duplicate',
    ]);
  });

  test('a loss longer than the window leaves nothing of it behind', () => {
    const statistics = receiver();
    receiveAll(statistics, [...range(0, 400), 1_000]);
    expect(new Set(receiveAll(statistics, range(901, 99)))).toEqual(new Set(['reordered']));
  });

  test('any order, loss and duplication within MAX_MISORDER is accounted for exactly', () => {
    const packet = fc.record({
      copies: fc.integer({ min: 0, max: 3 }),
      delays: fc.array(fc.nat({ max: 40 }), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff }), fc.array(packet, { maxLength: 300 }), (first, packets) => {
        // Each copy arrives at its place plus a delay; the earliest copy of all fixes nothing: any packet may come first.
        const arrivals = packets
          .flatMap(({ copies, delays }, i) => delays.slice(0, copies).map((delay) => ({ sequence: first + i, at: i + delay })))
          .toSorted((a, b) => a.at - b.at)
          .map(({ sequence }) => sequence);
        const statistics = receiver();
        const outcomes = receiveAll(statistics, arrivals);

        const seen = new Set<number>();
        let highest = Number.NEGATIVE_INFINITY;
        const expected = { duplicates: 0, reordered: 0 };
        for (const sequence of arrivals) {
          if (seen.has(sequence)) expected.duplicates += 1;
          else if (sequence < highest) expected.reordered += 1;
          seen.add(sequence);
          highest = Math.max(highest, sequence);
        }
        const span = seen.size === 0 ? 0 : highest - Math.min(...seen) + 1;
        expect(statistics).toMatchObject({
          ...expected,
          received: arrivals.length,
          expected: span,
          lost: span - seen.size,
          invalid: 0,
          resyncs: 0,
        });
        expect(outcomes.filter((outcome) => outcome === 'duplicate')).toHaveLength(expected.duplicates);
        expect(outcomes.filter((outcome) => outcome === 'reordered')).toHaveLength(expected.reordered);
      }),
    );
  });

  test('no sequence of numbers breaks the sums', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 500 }), (sequences) => {
        const statistics = receiver();
        receiveAll(statistics, sequences);
        expect(statistics.received).toBe(sequences.length);
        expect(statistics.lost).toBeGreaterThanOrEqual(0);
        expect(statistics.invalid).toBeGreaterThanOrEqual(0);
        expect(statistics.expected - statistics.lost).toBe(statistics.received - statistics.invalid - statistics.duplicates);
      }),
    );
  });
});

describe('RFC 3550 §6.4.1 and A.8: interarrival jitter', () => {
  it('is 0 for a stream as even as its timestamps, through both wraps', () => {
    const statistics = receiver();
    // The sequence number wraps at packet 536, the timestamp at 26,215.
    for (let i = 0; i < 70_000; i++) {
      statistics.receive(i * PTIME_NS, (65_000 + i) & 0xffff, (0xffc0_0000 + i * PTIME_TICKS) >>> 0);
    }
    expect(statistics.jitterTicks).toBe(0);
    expect(statistics.jitterMs).toBe(0);
  });

  it('moves by a sixteenth of the change in spacing', () => {
    const statistics = receiver();
    statistics.receive(0, 1, 0);
    statistics.receive(PTIME_NS + 2_000_000, 2, PTIME_TICKS); // 2 ms late: |D| = 16 ticks
    expect(statistics.jitterTicks).toBe(1);
    expect(statistics.jitterMs).toBe(0.125);
    statistics.receive(2 * PTIME_NS, 3, 2 * PTIME_TICKS); // on time: |D| = 16 again
    expect(statistics.jitterTicks).toBe(1 + 15 / 16);
    statistics.receive(3 * PTIME_NS, 4, 3 * PTIME_TICKS); // |D| = 0
    expect(statistics.jitterTicks).toBe((1 + 15 / 16) * (15 / 16));
  });

  it('is in units of the clock rate', () => {
    const statistics = new ReceiverStatistics({ clockRateHz: 48_000 });
    statistics.receive(0, 1, 0);
    statistics.receive(21_000_000, 2, 960);
    expect(statistics.jitterTicks).toBeCloseTo(48 / 16, 9);
    expect(statistics.jitterMs).toBeCloseTo(1 / 16, 9);
  });

  it('converges to the mean change of an alternating delay', () => {
    const statistics = receiver();
    for (let i = 0; i < 1_000; i++) statistics.receive(i * PTIME_NS + (i % 2) * 5_000_000, i, i * PTIME_TICKS);
    expect(statistics.jitterMs).toBeCloseTo(5, 9);
  });

  it('leaves out duplicates, strays, and the step of a restart', () => {
    const statistics = receiver();
    statistics.receive(0, 1, 0);
    statistics.receive(PTIME_NS, 2, PTIME_TICKS);
    statistics.receive(PTIME_NS + 7_000_000, 2, PTIME_TICKS);
    statistics.receive(PTIME_NS + 8_000_000, 30_000, 999_999);
    statistics.receive(PTIME_NS + 9_000_000, 30_001, 5_000_000);
    statistics.receive(2 * PTIME_NS + 9_000_000, 30_002, 5_000_000 + PTIME_TICKS);
    expect(statistics).toMatchObject({ jitterTicks: 0, duplicates: 1, resyncs: 1 });
  });

  test('does not depend on where the timestamps, sequence numbers and clock begin', () => {
    const delays = fc.array(fc.nat({ max: 30_000_000 }), { minLength: 2, maxLength: 100 });
    fc.assert(
      fc.property(
        delays,
        fc.nat({ max: 0xffff }),
        fc.nat({ max: 0xffff_ffff }),
        fc.nat({ max: 2 ** 40 }),
        (delaysNs, sequence, timestamp, startNs) => {
          const plain = receiver();
          const moved = receiver();
          for (const [i, delayNs] of delaysNs.entries()) {
            plain.receive(i * PTIME_NS + delayNs, i, i * PTIME_TICKS);
            moved.receive(startNs + i * PTIME_NS + delayNs, (sequence + i) & 0xffff, (timestamp + i * PTIME_TICKS) >>> 0);
          }
          expect(moved.jitterTicks).toBeCloseTo(plain.jitterTicks!, 6);
        },
      ),
    );
  });
});
