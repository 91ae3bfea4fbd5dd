import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resample } from '../../../src/core/audio/resample.ts';
import { NoiseReference, REFERENCE_VARIANCE } from '../../../src/core/match/reference.ts';
import { referenceAudio } from './kit/path.ts';

const SECONDS = 100;

describe('NoiseReference', () => {
  it('reads the same whole and in parts', () => {
    const whole = referenceAudio(9, 1);
    fc.assert(
      fc.property(fc.nat(7_000), fc.integer({ min: 1, max: 999 }), (position, count) => {
        const part = new Int16Array(count + 5);
        new NoiseReference(9).read(position, count, part, 5);
        expect(part.subarray(5)).toEqual(whole.subarray(position, position + count));
      }),
    );
  });

  it('reads the same at 16 kHz whole and in parts, as the filter has it', () => {
    const narrow = referenceAudio(9, 1);
    const whole = resample(narrow, 8_000, 16_000);
    fc.assert(
      fc.property(fc.integer({ min: 24, max: 7_000 }), fc.integer({ min: 1, max: 900 }), (position, count) => {
        const part = new Int16Array(2 * count + 5);
        new NoiseReference(9).readWide(position, count, part, 5);
        expect(part.subarray(5)).toEqual(whole.subarray(2 * position, 2 * (position + count)));
      }),
      { numRuns: 20 },
    );
  });

  it('is white and uniform: mean, variance, extremes and the correlation of neighbours', () => {
    const audio = referenceAudio(3, SECONDS);
    const n = audio.length;
    let [sum, squares, next] = [0, 0, 0];
    for (let i = 0; i < n; i++) {
      sum += audio[i]!;
      squares += audio[i]! ** 2;
      next += audio[i]! * (audio[i + 1] ?? 0);
    }
    // Five standard errors each.
    expect(Math.abs(sum / n)).toBeLessThan(5 * Math.sqrt(REFERENCE_VARIANCE / n));
    expect(Math.abs(squares / n / REFERENCE_VARIANCE - 1)).toBeLessThan(5 * Math.sqrt(0.8 / n));
    expect(Math.abs(next / squares)).toBeLessThan(5 / Math.sqrt(n));
    expect([Math.min(...audio.subarray(0, 80_000)), Math.max(...audio.subarray(0, 80_000))]).toEqual([-4_400, 4_400]);
  });

  it('is another one for another seed, not the same one moved', () => {
    const [a, b] = [referenceAudio(1, 20), referenceAudio(2, 20)];
    const places = new Map<string, number>();
    for (let i = 0; i + 4 <= a.length; i++) places.set(a.subarray(i, i + 4).join(), i);
    const shared = Array.from({ length: b.length - 4 }, (_, i) => places.has(b.subarray(i, i + 4).join())).filter(Boolean);
    expect(shared).toEqual([]);
  });
});
