import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PacketIndexes } from '../../../src/core/srtp/packet-index.ts';

/** Hands over the packet of that index as it comes: with 16 bits of it. @returns whether it is taken, under its own index. */
function take(indexes: PacketIndexes, index: number): boolean {
  const guess = indexes.guess(index % 65_536);
  if (guess !== index || !indexes.isFresh(guess)) return false;
  indexes.accept(guess);
  return true;
}

describe('the index of a packet (RFC 3711 §3.3.1)', () => {
  it('counts on where the sequence number wraps, also with nearly half of all numbers lost there', () => {
    const indexes = new PacketIndexes();
    expect([65_000, 65_535, 65_536, 65_536 + 32_000, 131_072 - 5_000, 131_072 + 5].map((index) => take(indexes, index))).toEqual(
      Array.from({ length: 6 }, () => true),
    );
  });

  it('goes back over the wrap for what comes late, and never below 0', () => {
    const indexes = new PacketIndexes();
    expect([65_530, 65_540, 65_535].map((index) => take(indexes, index))).toEqual([true, true, true]);
    const early = new PacketIndexes();
    early.accept(3);
    expect(early.guess(65_535)).toBe(-1);
    expect(early.isFresh(-1)).toBe(false);
  });
});

describe('replay (RFC 3711 §3.3.2)', () => {
  it('takes each packet once, in any order within 1024 packets, whatever wraps', () => {
    fc.assert(
      fc.property(fc.nat(65_000), fc.array(fc.nat(900), { minLength: 1, maxLength: 200 }), (start, offsets) => {
        const indexes = new PacketIndexes();
        expect(take(indexes, start)).toBe(true);
        const came = new Set([start]);
        for (const offset of offsets) {
          const index = start + offset;
          expect(take(indexes, index)).toBe(!came.has(index));
          came.add(index);
        }
      }),
    );
  });

  it('takes none that is older than the list, which moves on by any step', () => {
    fc.assert(
      fc.property(fc.nat(60_000), fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 50 }), (start, steps) => {
        const indexes = new PacketIndexes();
        let latest = start;
        const came = new Set([latest]);
        indexes.accept(latest);
        for (const step of steps) {
          latest += step;
          expect(take(indexes, latest)).toBe(true);
          came.add(latest);
          for (const behind of [1, 31, 32, 33, 500, 1_023, 1_024, 1_025, 3_000]) {
            const index = latest - behind;
            expect(indexes.isFresh(index)).toBe(index >= 0 && behind < 1_024 && !came.has(index));
          }
        }
      }),
    );
  });
});
