import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeErrorEstimate, errorOfEstimate, isSynchronised } from '../../../src/core/oneway/error-estimate.ts';

describe('the error estimate of RFC 4656 §4.1.2', () => {
  it.each([
    // S, Z, Scale, Multiplier: 2^-32 s is 0.233 ns.
    [0, false, 0b0_0_000000_00000001],
    [0, true, 0b1_0_000000_00000001],
    [1e9, true, 0b1_0_011001_10000000],
    [1e6, false, 0b0_0_001111_10000100],
  ])('writes %d ns, synchronised: %s', (errorNs, synchronised, bits) => {
    expect(encodeErrorEstimate(errorNs, synchronised)).toBe(bits);
    expect(isSynchronised(bits)).toBe(synchronised);
  });

  it('never says less than the error, and hardly more', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e12, noNaN: true }), fc.boolean(), (errorNs, synchronised) => {
        const bits = encodeErrorEstimate(errorNs, synchronised);
        const read = errorOfEstimate(bits);
        expect(bits).toBeLessThan(2 ** 16);
        expect(read).toBeGreaterThanOrEqual(errorNs);
        expect(read).toBeLessThan(errorNs * 1.01 + 0.25);
      }),
    );
  });

  it('takes no Multiplier of 0, and no times in the format of PTP', () => {
    expect(errorOfEstimate(0x8500)).toBeNaN();
    expect(errorOfEstimate(0xc501)).toBeNaN();
  });

  it('holds the largest there is', () => {
    expect(encodeErrorEstimate(Number.MAX_VALUE, false)).toBe(0x3fff);
  });
});
