import { describe, expect, it, test } from 'vitest';
import { resample } from '../../../src/core/audio/resample.ts';

function sine(hertz: number, rateHz: number, samples: number, peak = 16_000): Int16Array {
  return Int16Array.from({ length: samples }, (_, n) => Math.round(peak * Math.sin((2 * Math.PI * hertz * n) / rateHz)));
}

/** dB of the sine at `hertz` in the middle of `samples`, beside a peak of 16000. Both ends, where the sine begins and ends, are left out. */
function gainAt(samples: Int16Array, hertz: number, rateHz: number): number {
  const middle = samples.subarray(rateHz / 10, samples.length - rateHz / 10);
  let re = 0;
  let im = 0;
  for (const [n, sample] of middle.entries()) {
    // Weighted, so that what is not a whole number of turns does not count.
    const weight = 1 - Math.cos((2 * Math.PI * n) / middle.length);
    re += weight * sample * Math.cos((2 * Math.PI * hertz * n) / rateHz);
    im += weight * sample * Math.sin((2 * Math.PI * hertz * n) / rateHz);
  }
  return 20 * Math.log10((2 * Math.hypot(re, im)) / middle.length / 16_000);
}

describe('from 16 to 8 kHz', () => {
  it.each([100, 440, 1_000, 3_000, 3_500])('%i Hz stays as it is', (hertz) => {
    expect(Math.abs(gainAt(resample(sine(hertz, 16_000, 16_000), 16_000, 8_000), hertz, 8_000))).toBeLessThan(0.1);
  });

  it.each([4_500, 5_000, 6_000, 7_900])('%i Hz is not heard as another tone', (hertz) => {
    expect(gainAt(resample(sine(hertz, 16_000, 16_000), 16_000, 8_000), 8_000 - hertz, 8_000)).toBeLessThan(-60);
  });
});

describe('from 8 to 16 kHz', () => {
  it.each([100, 440, 1_000, 3_000, 3_500])('%i Hz stays as it is, without an image above 4 kHz', (hertz) => {
    const samples = resample(sine(hertz, 8_000, 8_000), 8_000, 16_000);
    expect(Math.abs(gainAt(samples, hertz, 16_000))).toBeLessThan(0.1);
    expect(gainAt(samples, 8_000 - hertz, 16_000)).toBeLessThan(-40);
  });

  test('every second sample is one of the original', () => {
    const original = sine(997, 8_000, 800);
    const samples = resample(original, 8_000, 16_000);
    expect(Int16Array.from({ length: 800 }, (_, n) => samples[2 * n]!)).toEqual(original);
  });
});

describe('both ways', () => {
  test('nothing is delayed', () => {
    const impulse = new Int16Array(400);
    impulse[200] = 30_000;
    const largest = (samples: Int16Array): number => samples.indexOf(Math.max(...samples));
    expect(largest(resample(impulse, 16_000, 8_000))).toBe(100);
    expect(largest(resample(impulse, 8_000, 16_000))).toBe(400);
  });

  test('what stands still stays where it is', () => {
    const level = new Int16Array(400).fill(-12_345);
    expect(
      resample(level, 16_000, 8_000)
        .subarray(50, 150)
        .every((sample) => sample === -12_345),
    ).toBe(true);
    expect(
      resample(level, 8_000, 16_000)
        .subarray(100, 700)
        .every((sample) => sample === -12_345),
    ).toBe(true);
  });

  test('peaks beyond 16 bits are cut, not wrapped', () => {
    // A step of full scale overshoots.
    const step = Int16Array.from({ length: 400 }, (_, n) => (n < 200 ? -32_768 : 32_767));
    for (const [fromHz, toHz, middle] of [
      [8_000, 16_000, 400],
      [16_000, 8_000, 100],
    ] as const) {
      const samples = resample(step, fromHz, toHz);
      expect(samples.subarray(50, middle - 2).every((sample) => sample < -20_000)).toBe(true);
      expect(samples.subarray(middle + 2, samples.length - 50).every((sample) => sample > 20_000)).toBe(true);
    }
  });

  test('lengths', () => {
    expect([0, 1, 2, 3].map((length) => resample(new Int16Array(length), 16_000, 8_000).length)).toEqual([0, 1, 1, 2]);
    expect([0, 1, 2].map((length) => resample(new Int16Array(length), 8_000, 16_000).length)).toEqual([0, 2, 4]);
  });

  test('the same rate is the same array; other rates are refused', () => {
    const samples = Int16Array.of(1, 2, 3);
    expect(resample(samples, 8_000, 8_000)).toBe(samples);
    expect(() => resample(samples, 44_100, 8_000)).toThrow(RangeError);
  });
});
