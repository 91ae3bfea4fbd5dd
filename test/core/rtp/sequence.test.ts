import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { extendSequence, extendTimestamp, sequenceDelta, timestampDelta } from '../../../src/core/rtp/sequence.ts';

describe('distance on the circle', () => {
  it.each([
    [1, 0, 1],
    [0, 65_535, 1],
    [65_535, 0, -1],
    [32_767, 0, 32_767],
    [32_768, 0, -32_768],
    [7, 7, 0],
  ])('16 bits: %i − %i = %i', (a, b, delta) => {
    expect(sequenceDelta(a, b)).toBe(delta);
  });

  it.each([
    [160, 0, 160],
    [0, 0xffff_ffff, 1],
    [0xffff_ffff, 0, -1],
    [0x7fff_ffff, 0, 0x7fff_ffff],
    [0x8000_0000, 0, -0x8000_0000],
  ])('32 bits: %i − %i = %i', (a, b, delta) => {
    expect(timestampDelta(a, b)).toBe(delta);
  });
});

describe('extension beyond the wrap', () => {
  it('goes up a cycle, and back for a packet from before it', () => {
    expect(extendSequence(65_535, 0)).toBe(65_536);
    expect(extendSequence(65_536, 65_535)).toBe(65_535);
    expect(extendTimestamp(0xffff_ffff, 159)).toBe(2 ** 32 + 159);
    expect(extendTimestamp(2 ** 32, 0xffff_ffff)).toBe(0xffff_ffff);
  });

  it('goes below zero', () => {
    expect(extendSequence(3, 65_530)).toBe(-6);
    expect(extendSequence(-6, 65_531)).toBe(-5);
    expect(extendTimestamp(0, 0xffff_ff60)).toBe(-160);
    expect(extendTimestamp(-160, 0)).toBe(0);
  });

  test('any walk of steps shorter than half a circle is followed exactly', () => {
    const step16 = fc.integer({ min: -32_767, max: 32_767 });
    const step32 = fc.integer({ min: -0x7fff_ffff, max: 0x7fff_ffff });
    fc.assert(
      fc.property(fc.array(step16, { maxLength: 200 }), fc.array(step32, { maxLength: 200 }), (steps16, steps32) => {
        let sequence = 0;
        let extendedSequence = 0;
        for (const step of steps16) {
          sequence += step;
          extendedSequence = extendSequence(extendedSequence, sequence & 0xffff);
          expect(extendedSequence).toBe(sequence);
        }
        let timestamp = 0;
        let extendedTimestamp = 0;
        for (const step of steps32) {
          timestamp += step;
          extendedTimestamp = extendTimestamp(extendedTimestamp, timestamp >>> 0);
          expect(extendedTimestamp).toBe(timestamp);
        }
      }),
    );
  });
});
