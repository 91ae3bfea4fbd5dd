import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { DUPLICATE, LATE_AFTER_LOSS, LatencyTracker, UNMATCHED } from '../../../src/core/relay/tracker.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { ReferenceTracker } from './reference-tracker.ts';

const MS = 1_000_000;
const TIMEOUT_NS = 2_000 * MS;
const SSRC = 0xdead_beef;

function tracker(): LatencyTracker {
  return new LatencyTracker({ timeoutNs: TIMEOUT_NS });
}

describe('one packet', () => {
  it('is in flight until its echo comes, and its latency is T1 − T0', () => {
    const t = tracker();
    expect(t.sent(SSRC, 7, 100 * MS)).toBe('sent');
    expect(t.counters()).toMatchObject({ sent: 1, returned: 0, lost: 0, inFlight: 1 });
    expect(t.returned(SSRC, 7, 105 * MS)).toBe(5 * MS);
    expect(t.counters()).toMatchObject({ sent: 1, returned: 1, lost: 0, inFlight: 0 });
  });

  it('is returned exactly at the time-out and lost after it', () => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    t.sent(SSRC, 2, 0);
    expect(t.returned(SSRC, 1, TIMEOUT_NS)).toBe(TIMEOUT_NS);
    expect(t.returned(SSRC, 2, TIMEOUT_NS + 1)).toBe(LATE_AFTER_LOSS);
    expect(t.counters()).toMatchObject({ sent: 2, returned: 1, lost: 1, inFlight: 0, lateAfterLoss: 1 });
  });

  it('is lost when nobody sends it back, once', () => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    t.expire(TIMEOUT_NS);
    expect(t.counters()).toMatchObject({ lost: 0, inFlight: 1 });
    t.expire(TIMEOUT_NS + 1);
    t.expire(TIMEOUT_NS + 2);
    expect(t.counters()).toMatchObject({ lost: 1, inFlight: 0 });
  });

  it.each([true, false])('counts a late echo once and its copy as a duplicate (settled before: %s)', (settled) => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    if (settled) t.expire(3 * TIMEOUT_NS);
    expect(t.returned(SSRC, 1, 3 * TIMEOUT_NS)).toBe(LATE_AFTER_LOSS);
    expect(t.returned(SSRC, 1, 3 * TIMEOUT_NS)).toBe(DUPLICATE);
    expect(t.counters()).toMatchObject({ lost: 1, returned: 0, lateAfterLoss: 1, duplicates: 1 });
  });

  it('gives no second sample for a doubled echo', () => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    expect(t.returned(SSRC, 1, 1)).toBe(1);
    expect(t.returned(SSRC, 1, 2)).toBe(DUPLICATE);
    expect(t.counters()).toMatchObject({ returned: 1, duplicates: 1 });
  });

  it('keeps the first T0 when the peer sends it twice', () => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    expect(t.sent(SSRC, 1, 3)).toBe('duplicate');
    expect(t.returned(SSRC, 1, 5)).toBe(5);
    expect(t.sent(SSRC, 1, 6)).toBe('duplicate');
    expect(t.counters()).toMatchObject({ sent: 1, returned: 1, duplicatesSent: 2 });
  });

  it.each([
    ['an SSRC that was never sent', SSRC + 1, 1],
    ['a sequence number that was never sent', SSRC, 2],
    ['a sequence number half a circle away', SSRC, 1 + 32_768],
    ['a number of the same slot of the window', SSRC, 1 + 256],
  ])('does not match %s', (_, ssrc, sequence) => {
    const t = tracker();
    t.sent(SSRC, 1, 0);
    expect(t.returned(ssrc, sequence, 1)).toBe(UNMATCHED);
    expect(t.counters()).toMatchObject({ returned: 0, inFlight: 1, unmatched: 1 });
  });

  it('does not match an echo that comes before anything was sent', () => {
    const t = tracker();
    expect(t.returned(0, 0, 0)).toBe(UNMATCHED);
    t.sent(SSRC, 0, 0);
    expect(t.returned(SSRC, 65_535, 0)).toBe(UNMATCHED);
  });
});

describe('sequence numbers (RFC 3550 §5.1, §A.1)', () => {
  test('wrap from 65535 to 0 without loss or reorder', () => {
    const t = tracker();
    for (let i = 0; i < 300; i++) {
      expect(t.sent(SSRC, (65_500 + i) & 0xffff, i * MS)).toBe('sent');
      expect(t.returned(SSRC, (65_500 + i) & 0xffff, i * MS + 7)).toBe(7);
    }
    expect(t.counters()).toMatchObject({ sent: 300, returned: 300, reordered: 0, unmatched: 0 });
  });

  test('the same number a cycle later is another packet', () => {
    const t = tracker();
    for (let i = 0; i < 65_536; i++) {
      t.sent(SSRC, i, i * MS);
      if (i > 0) t.returned(SSRC, i, i * MS + 1);
    }
    expect(t.sent(SSRC, 0, 65_536 * MS)).toBe('sent');
    expect(t.returned(SSRC, 0, 65_536 * MS + 9)).toBe(9);
    expect(t.counters()).toMatchObject({ sent: 65_537, returned: 65_536, lost: 1, inFlight: 0 });
  });

  test('two echoes exchanged are one reordered', () => {
    const t = tracker();
    for (let i = 0; i < 4; i++) t.sent(SSRC, (65_534 + i) & 0xffff, i);
    for (const i of [0, 2, 1, 3]) t.returned(SSRC, (65_534 + i) & 0xffff, 10 + i);
    expect(t.counters()).toMatchObject({ returned: 4, reordered: 1 });
  });

  test('a sender that starts over at a lower number reorders nothing', () => {
    const t = tracker();
    for (const [at, sequence] of [20_000, 20_001, 20_002, 100, 101, 102].entries()) {
      t.sent(SSRC, sequence, at);
      expect(t.returned(SSRC, sequence, at + 0.5)).toBe(0.5);
    }
    expect(t.counters()).toMatchObject({ sent: 6, returned: 6, reordered: 0 });
  });

  test('a sender that starts over at the same number after the time-out is measured anew', () => {
    const t = tracker();
    for (let i = 0; i < 10; i++) t.sent(SSRC, i, i);
    t.returned(SSRC, 3, 20);
    const later = 2 * TIMEOUT_NS;
    for (let i = 0; i < 10; i++) expect(t.sent(SSRC, i, later + i)).toBe('sent');
    for (let i = 0; i < 10; i++) expect(t.returned(SSRC, i, later + 20)).toBe(20 - i);
    expect(t.counters()).toMatchObject({ sent: 20, returned: 11, lost: 9, inFlight: 0, duplicates: 0 });
  });

  test('a sender that jumps to and fro and repeats itself leaves nothing in flight for ever', () => {
    const t = tracker();
    t.sent(SSRC, 65_535, 0);
    for (const [sequence, at] of [
      [0, 0],
      [256, 1],
    ] as const) {
      t.sent(SSRC, sequence, at);
      t.returned(SSRC, sequence, at);
    }
    t.sent(SSRC, 1, 2);
    expect(t.sent(SSRC, 0, TIMEOUT_NS / 2)).toBe('sent');
    expect(t.sent(SSRC, 1, TIMEOUT_NS + 3)).toBe('sent');
    t.expire(3 * TIMEOUT_NS);
    expect(t.counters()).toMatchObject({ sent: 6, returned: 2, lost: 4, inFlight: 0 });
  });

  test.each([256, 512, 4_096, 32_767])('a jump of %i loses no account of what is in flight', (jump) => {
    const t = tracker();
    for (const sequence of [0, jump, (2 * jump) & 0xffff]) t.sent(SSRC, sequence, 0);
    expect(t.returned(SSRC, jump, 4)).toBe(4);
    t.expire(TIMEOUT_NS + 1);
    expect(t.counters()).toMatchObject({ sent: 3, returned: 1, lost: 2, inFlight: 0 });
  });
});

describe('many packets', () => {
  test.each([257, 5_000, 65_536])('%i in flight at once are all told apart', (count) => {
    const t = tracker();
    for (let i = 0; i < count; i++) expect(t.sent(SSRC, (60_000 + i) & 0xffff, i)).toBe('sent');
    // The reference for reading 16 bits is the packet sent last: what is half a cycle behind it cannot be told any more.
    const readable = Math.min(count, 32_768);
    for (let i = count - readable; i < count; i++) expect(t.returned(SSRC, (60_000 + i) & 0xffff, count)).toBe(count - i);
    expect(t.counters()).toMatchObject({ sent: count, returned: readable, inFlight: count - readable, untracked: 0 });
  });

  test('more than a cycle in flight is forwarded without being measured', () => {
    const t = tracker();
    for (let i = 0; i < 65_536; i++) t.sent(SSRC, i, i);
    expect(t.sent(SSRC, 0, 65_536)).toBe('untracked');
    t.expire(TIMEOUT_NS + 65_536);
    expect(t.counters()).toMatchObject({ sent: 65_536, untracked: 1, lost: 65_536, inFlight: 0 });
    expect(t.sent(SSRC, 0, TIMEOUT_NS + 65_536)).toBe('sent');
  });
});

describe('SSRCs (RFC 3550 §8)', () => {
  test('the same sequence numbers under another SSRC are other packets', () => {
    const t = tracker();
    t.sent(1, 5, 0);
    t.sent(2, 5, 1);
    expect(t.returned(1, 5, 10)).toBe(10);
    expect(t.returned(1, 5, 11)).toBe(DUPLICATE);
    expect(t.returned(2, 5, 12)).toBe(11);
  });

  test('a peer that changes its SSRC all the time is followed as long as 16 have something in flight', () => {
    const t = tracker();
    for (let ssrc = 0; ssrc < 16; ssrc++) expect(t.sent(ssrc, 0, ssrc)).toBe('sent');
    expect(t.sent(16, 0, 16)).toBe('untracked');
    // One of them is through: it makes room for the next.
    expect(t.returned(3, 0, 20)).toBe(17);
    expect(t.sent(16, 0, 21)).toBe('sent');
    expect(t.sent(17, 0, 22)).toBe('untracked');
    expect(t.returned(3, 0, 23)).toBe(UNMATCHED);
    expect(t.returned(16, 0, 23)).toBe(2);
    t.expire(2 * TIMEOUT_NS);
    expect(t.counters()).toMatchObject({ sent: 17, returned: 2, lost: 15, inFlight: 0, untracked: 2 });
  });

  test('1,000 SSRCs one after the other are all measured', () => {
    const t = tracker();
    for (let ssrc = 0; ssrc < 1_000; ssrc++) {
      t.sent(ssrc, ssrc, ssrc);
      expect(t.returned(ssrc, ssrc, ssrc + 2)).toBe(2);
    }
    expect(t.counters()).toMatchObject({ sent: 1_000, returned: 1_000, untracked: 0 });
  });
});

/** One packet of a random history: when and what the peer sends, and after how long each of its echoes comes. */
interface Step {
  readonly ssrc: number;
  /** Added to the sequence number of the packet before. */
  readonly advance: number;
  readonly gapNs: number;
  readonly echoesNs: readonly number[];
}

function steps(advance: fc.Arbitrary<number>, gapNs: fc.Arbitrary<number>, maxLength: number): fc.Arbitrary<Step[]> {
  // Most echoes come within the time-out, some after it, some never, some twice.
  const delayNs = fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: 0, max: TIMEOUT_NS }) },
    { weight: 1, arbitrary: fc.integer({ min: TIMEOUT_NS, max: 2 * TIMEOUT_NS }) },
  );
  const echoesNs = fc.oneof(
    { weight: 6, arbitrary: fc.array(delayNs, { minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.array(delayNs, { maxLength: 3 }) },
  );
  return fc.array(fc.record({ ssrc: fc.constantFrom(1, 2, 0xffff_ffff), advance, gapNs, echoesNs }), { size: 'max', maxLength });
}

/** A long history from one number, which a report can name: mostly in order, 1,000 packets a second. */
function longCall(seed: number): Step[] {
  const random = new SeededRandom(seed);
  const below = (limit: number): number => random.uint32() % limit;
  return Array.from({ length: 3_000 }, () => ({
    ssrc: below(10) === 0 ? 2 : 1,
    advance: below(20) > 0 ? 1 : [0, 2, -1, 5, -20][below(5)]!,
    gapNs: 1 + below(2 * MS),
    echoesNs: Array.from({ length: [1, 1, 1, 0, 2][below(5)]! }, () => below(below(8) === 0 ? 2 * TIMEOUT_NS : TIMEOUT_NS)),
  }));
}

type Occurrence = { readonly atNs: number; readonly kind: 'send' | 'echo'; readonly ssrc: number; readonly sequence: number };

function historyOf(first: number, history: readonly Step[]): Occurrence[] {
  const occurrences: Occurrence[] = [];
  const sequences = new Map<number, number>();
  let atNs = 0;
  for (const step of history) {
    atNs += step.gapNs;
    const sequence = ((sequences.get(step.ssrc) ?? first) + step.advance) & 0xffff;
    sequences.set(step.ssrc, sequence);
    occurrences.push({ atNs, kind: 'send', ssrc: step.ssrc, sequence });
    for (const delayNs of step.echoesNs) occurrences.push({ atNs: atNs + delayNs, kind: 'echo', ssrc: step.ssrc, sequence });
  }
  return occurrences.toSorted((a, b) => a.atNs - b.atNs);
}

interface Played {
  readonly tracker: LatencyTracker;
  readonly reference: ReferenceTracker;
  readonly latencies: number[];
  readonly expected: number[];
}

/** Plays a history to both, expiring before every `expireEvery`-th occurrence; checks what must hold at every instant. */
function play(history: readonly Occurrence[], expireEvery: number): Played {
  const played: Played = { tracker: tracker(), reference: new ReferenceTracker(TIMEOUT_NS), latencies: [], expected: [] };
  for (const [index, { atNs, kind, ssrc, sequence }] of history.entries()) {
    for (const one of [played.tracker, played.reference]) {
      if (index % expireEvery === 0) one.expire(atNs);
      if (kind === 'send') one.sent(ssrc, sequence, atNs);
      else {
        const latencyNs = one.returned(ssrc, sequence, atNs);
        if (latencyNs >= 0) (one === played.tracker ? played.latencies : played.expected).push(latencyNs);
      }
    }
    const { sent, returned, lost, inFlight } = played.tracker.counters();
    if (sent !== returned + lost + inFlight || inFlight < 0) throw new Error(`${sent} sent, ${returned} + ${lost} + ${inFlight}`);
  }
  const endNs = (history.at(-1)?.atNs ?? 0) + TIMEOUT_NS + 1;
  for (const one of [played.tracker, played.reference]) one.expire(endNs);
  return played;
}

const firstSequence = fc.oneof(fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 65_400, max: 65_535 }));
const expireEvery = fc.integer({ min: 1, max: 40 });

describe('against the reference', () => {
  test('a call with loss, duplication, reorder and delay beyond the time-out: every counter', () => {
    const advance = fc.oneof({ weight: 8, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constantFrom(0, 2, -1, -2, 3) });
    const history = steps(advance, fc.integer({ min: 1, max: 60 * MS }), 100);
    fc.assert(
      fc.property(firstSequence, history, expireEvery, (first, packets, every) => {
        const { tracker: t, reference, latencies, expected } = play(historyOf(first, packets), every);
        expect(latencies).toEqual(expected);
        expect(t.counters()).toEqual({ ...reference.counters, untracked: 0 });
      }),
      { numRuns: 300 },
    );
  });

  test('thousands in flight, over several cycles of growth: the same fates and latencies', () => {
    fc.assert(
      fc.property(firstSequence, fc.integer(), expireEvery, (first, seed, every) => {
        const { tracker: t, reference, latencies, expected } = play(historyOf(first, longCall(seed)), every);
        expect(latencies).toEqual(expected);
        const { duplicates, lateAfterLoss, unmatched, untracked, ...fates } = t.counters();
        expect(untracked).toBe(0);
        expect(reference.counters).toMatchObject(fates);
        // A window forgets in time which numbers were sent: what is then unmatched would have been a duplicate or late.
        expect(duplicates + lateAfterLoss + unmatched).toBe(
          reference.counters.duplicates + reference.counters.lateAfterLoss + reference.counters.unmatched,
        );
      }),
      { numRuns: 8 },
    );
  });

  test('senders that jump anywhere: nothing stays in flight for ever, and no latency is anybody else’s', () => {
    const advance = fc.oneof(
      { weight: 4, arbitrary: fc.constant(1) },
      { weight: 2, arbitrary: fc.constantFrom(256, -256, 512, -512, 1_024, 32_768, 65_280) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 65_535 }) },
    );
    const history = steps(advance, fc.integer({ min: 1, max: 200 * MS }), 300);
    fc.assert(
      fc.property(firstSequence, history, expireEvery, (first, packets, every) => {
        const occurrences = historyOf(first, packets);
        const { tracker: t, latencies } = play(occurrences, every);
        const { sent, returned, lost, inFlight, duplicatesSent, untracked } = t.counters();
        expect({ inFlight, known: returned + lost }).toEqual({ inFlight: 0, known: sent });
        expect(sent + duplicatesSent + untracked).toBe(packets.length);
        expect(latencies).toHaveLength(returned);
        expect(latencies.every((latencyNs) => latencyNs <= TIMEOUT_NS)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});
