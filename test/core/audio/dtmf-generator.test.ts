import { describe, expect, it, test } from 'vitest';
import { renderDtmf } from '../../../src/core/audio/dtmf-generator.ts';
import { DTMF_HIGH_HZ, DTMF_LOW_HZ } from '../../../src/core/audio/dtmf.ts';

/** dBm0 of the sine at `frequencyHz` in these samples, where 32636 is +3.17 (ITU-T G.711 §5). */
function dbm0At(samples: Int16Array, frequencyHz: number, rateHz: number): number {
  let re = 0;
  let im = 0;
  for (const [n, sample] of samples.entries()) {
    re += sample * Math.cos((2 * Math.PI * frequencyHz * n) / rateHz);
    im += sample * Math.sin((2 * Math.PI * frequencyHz * n) / rateHz);
  }
  return 3.17 + 20 * Math.log10((2 * Math.hypot(re, im)) / samples.length / 32_636);
}

describe('the keys of ITU-T Q.23', () => {
  const keypad = ['123A', '456B', '789C', '*0#D'];

  it.each(keypad.flatMap((keys, row) => [...keys].map((key, column) => [key, row, column] as const)))('%s', (key, row, column) => {
    const samples = renderDtmf(key, { rateHz: 8_000, onMs: 1_000, offMs: 0 });
    const levels = (frequencies: readonly number[]): boolean[] =>
      frequencies.map((frequencyHz) => dbm0At(samples, frequencyHz, 8_000) > -7);
    expect(levels(DTMF_LOW_HZ)).toEqual([0, 1, 2, 3].map((each) => each === row));
    expect(levels(DTMF_HIGH_HZ)).toEqual([0, 1, 2, 3].map((each) => each === column));
  });

  test('their frequencies', () => {
    expect([DTMF_LOW_HZ, DTMF_HIGH_HZ]).toEqual([
      [697, 770, 852, 941],
      [1_209, 1_336, 1_477, 1_633],
    ]);
  });
});

describe('levels and times', () => {
  test('each tone has its own level', () => {
    const samples = renderDtmf('5', { rateHz: 16_000, onMs: 1_000, offMs: 0, lowDbm0: -10, highDbm0: -14 });
    expect(dbm0At(samples, 770, 16_000)).toBeCloseTo(-10, 2);
    expect(dbm0At(samples, 1_336, 16_000)).toBeCloseTo(-14, 2);
  });

  test('without one for the high tone it has that of the low one', () => {
    const samples = renderDtmf('5', { rateHz: 8_000, onMs: 1_000, offMs: 0, lowDbm0: -20 });
    expect(dbm0At(samples, 1_336, 8_000)).toBeCloseTo(-20, 2);
  });

  test('on, off, on, off', () => {
    const samples = renderDtmf('12', { rateHz: 8_000, onMs: 50, offMs: 30 });
    expect(samples).toHaveLength(2 * 640);
    const loud = (from: number, to: number): boolean => samples.subarray(from, to).some((sample) => sample !== 0);
    expect([loud(0, 20), loud(380, 400), loud(400, 640), loud(640, 660), loud(1_040, 1_280)]).toEqual([true, true, false, true, false]);
  });

  test('tones too loud for 16 bits are cut, not wrapped', () => {
    const samples = renderDtmf('D', { rateHz: 8_000, onMs: 100, offMs: 0, lowDbm0: 3, highDbm0: 3 });
    expect([Math.max(...samples), Math.min(...samples)]).toEqual([32_767, -32_767]);
    expect(Math.max(...samples.map((sample, n) => Math.abs(sample - (samples[n - 1] ?? 0))))).toBeLessThan(40_000);
  });
});

it.each(['x', 'a', ' ', 'é'])('%j is not a digit', (character) => {
  expect(() => renderDtmf(`12${character}`, { rateHz: 8_000, onMs: 50, offMs: 50 })).toThrow(
    expect.objectContaining({ code: 'usage', message: `${JSON.stringify(character)} is not a DTMF digit` }),
  );
});
