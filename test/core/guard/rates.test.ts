import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RATE_MEMORY_BYTES, RateLimiter } from '../../../src/core/guard/rates.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { MAPPED } from '../../../src/core/values/networks.ts';

const KEY = Int32Array.of(0x1234_5678, -7, 99, 0x7fff_0001);
const ipv4 = (word: number): Int32Array => Int32Array.of(0, 0, MAPPED, word);
const MS = 1e6;
/** What may come at once. */
const sourceBurst = (rate: number): number => Math.max(0.2 * rate, 16);
const totalBurst = (rate: number): number => Math.max(0.1 * rate, 16);

describe('RateLimiter', () => {
  it('never answers a source, or all of them, more than the rate and the burst, however they send', () => {
    const arrivals = fc.array(fc.record({ source: fc.nat(3), afterMs: fc.nat(40), count: fc.nat(60) }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(arrivals, fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 1_000 }), (all, perSource, total) => {
        const limiter = new RateLimiter({ perSource, total }, KEY);
        const answered = [0, 0, 0, 0];
        let nowNs = 5e9;
        for (const { source, afterMs, count } of all) {
          nowNs += afterMs * MS;
          for (let i = 0; i < count; i++) {
            if (limiter.take(ipv4(source), nowNs) === 'within') answered[source] = (answered[source] ?? 0) + 1;
          }
          const seconds = (nowNs - 5e9) / 1e9;
          for (const each of answered) expect(each).toBeLessThanOrEqual(perSource * seconds + sourceBurst(perSource) + 1);
          const sum = answered.reduce((a, b) => a + b);
          expect(sum).toBeLessThanOrEqual(total * seconds + totalBurst(total) + 1);
        }
      }),
    );
  });

  it('refuses nothing of a stream that is within the cap, for hours', () => {
    const limiter = new RateLimiter({ perSource: 100, total: 1_000 }, KEY);
    const verdicts = new Set(Array.from({ length: 1_000_000 }, (_, i) => limiter.take(ipv4(1), i * 10 * MS)));
    expect([...verdicts]).toEqual(['within']);
  });

  it('has no caps where none are wanted', () => {
    const limiter = new RateLimiter({ perSource: 0, total: 0 }, KEY);
    const verdicts = new Set(Array.from({ length: 10_000 }, () => limiter.take(ipv4(1), 0)));
    expect([...verdicts]).toEqual(['within']);
  });

  it('takes the /64 of an IPv6 address for one source, and each IPv4 address for one', () => {
    const limiter = new RateLimiter({ perSource: 10, total: 0 }, KEY);
    const take = (source: Int32Array): string => limiter.take(source, 1e9);
    for (let i = 0; i < 16; i++) expect(take(Int32Array.of(0x2001_0db8, 1, i, i))).toBe('within');
    expect(take(Int32Array.of(0x2001_0db8, 1, 77, 78))).toBe('source');
    expect(take(Int32Array.of(0x2001_0db8, 2, 77, 78))).toBe('within');
    for (let i = 0; i < 16; i++) expect(take(ipv4(1))).toBe('within');
    expect(take(ipv4(1))).toBe('source');
    expect(take(ipv4(2))).toBe('within');
  });

  it('keeps one cap for all who share its memory', () => {
    const memory = new SharedArrayBuffer(RATE_MEMORY_BYTES);
    const [one, two] = [
      new RateLimiter({ perSource: 10, total: 0 }, KEY, memory),
      new RateLimiter({ perSource: 10, total: 0 }, KEY, memory),
    ];
    const answered = Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? one : two).take(ipv4(1), 1e9)).filter((one) => one === 'within');
    expect(answered).toHaveLength(16);
  });
});

/** A second of packets, in the order of their times. @returns the part of each kind that was answered. */
function simulate(
  limiter: RateLimiter,
  seconds: number,
  senders: readonly { readonly kind: string; readonly pps: number; readonly source: () => Int32Array }[],
): Map<string, number> {
  const sent = new Map<string, number>();
  const answered = new Map<string, number>();
  const due = senders.map(({ pps }, i) => ({ atNs: (i * 1e9) / pps / senders.length, i }));
  for (;;) {
    let next = due[0] as { atNs: number; i: number };
    for (const each of due) if (each.atNs < next.atNs) next = each;
    if (next.atNs >= seconds * 1e9) break;
    const { kind, pps, source } = senders[next.i] as (typeof senders)[number];
    // The first half is for the caps to settle.
    const counts = next.atNs >= (seconds * 1e9) / 2;
    if (counts) sent.set(kind, (sent.get(kind) ?? 0) + 1);
    if (limiter.take(source(), 1e9 + next.atNs) === 'within' && counts) answered.set(kind, (answered.get(kind) ?? 0) + 1);
    next.atNs += 1e9 / pps;
  }
  return new Map([...sent].map(([kind, count]) => [kind, (answered.get(kind) ?? 0) / count]));
}

describe('a flood', () => {
  const CAPS = { perSource: 5_000, total: 50_000 };
  const caller = (i: number) => ({ kind: 'caller', pps: 50, source: () => ipv4(0x0a00_0000 + i) });

  it('from a few hosts costs callers nothing, though each of them alone is under the total', () => {
    const limiter = new RateLimiter(CAPS, KEY);
    const floods = Array.from({ length: 15 }, (_, i) => ({ kind: 'flood', pps: 20_000, source: () => ipv4(0x0b00_0000 + i) }));
    const callers = Array.from({ length: 20 }, (_, i) => caller(i));
    const part = simulate(limiter, 2, [...floods, ...callers]);
    expect(part.get('caller')).toBeGreaterThan(0.97);
    // What they get together is what is left of the total.
    expect((part.get('flood') ?? 1) * 15 * 20_000).toBeLessThan(50_000 + totalBurst(50_000));
    expect((part.get('flood') ?? 0) * 15 * 20_000).toBeGreaterThan(30_000);
    expect(limiter.sourceCap).toBeLessThan(5_000);
  });

  it('from forged sources without number stays below the total, in the memory that there was at first', () => {
    const limiter = new RateLimiter(CAPS, KEY);
    const random = new SeededRandom(7);
    const flood = { kind: 'flood', pps: 500_000, source: () => ipv4(random.uint32() | 0) };
    const part = simulate(limiter, 1, [flood, caller(1)]);
    expect((part.get('flood') ?? 1) * 500_000).toBeLessThan(50_000 * 1.01);
    expect((part.get('flood') ?? 0) * 500_000).toBeGreaterThan(45_000);
  });

  it('under the total costs callers nothing, though its forged sources fall on all cells', () => {
    const limiter = new RateLimiter(CAPS, KEY);
    const random = new SeededRandom(8);
    const flood = { kind: 'flood', pps: 45_000, source: () => ipv4(random.uint32() | 0) };
    const callers = Array.from({ length: 20 }, (_, i) => caller(i));
    expect(simulate(limiter, 2, [flood, ...callers]).get('caller')).toBe(1);
  });

  it('is forgotten soon after it ends', () => {
    const limiter = new RateLimiter(CAPS, KEY);
    for (let i = 0; i < 1_000_000; i++) limiter.take(ipv4(i % 40), i * 1_000);
    expect(limiter.sourceCap).toBeLessThan(5_000);
    for (let i = 0; i < 200; i++) expect(limiter.take(ipv4(1), 3e9 + i * 20 * MS)).toBe('within');
    expect(limiter.sourceCap).toBe(5_000);
  });
});
