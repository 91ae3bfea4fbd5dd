import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { G722_DELAY_SAMPLES, G722_SAMPLE_RATE_HZ, G722Decoder, G722Encoder } from '../../../src/core/audio/g722.ts';
import { levelledNoise } from './levelled-noise.ts';

function encoded(samples: Int16Array): Uint8Array {
  const code = new Uint8Array(samples.length / 2);
  new G722Encoder().encode(samples, 0, code.length, code, 0);
  return code;
}

function decoded(code: Uint8Array): Int16Array {
  const samples = new Int16Array(2 * code.length);
  new G722Decoder().decode(code, 0, code.length, samples, 0);
  return samples;
}

function sine(hertz: number, peak: number, seconds: number): Int16Array {
  return Int16Array.from({ length: seconds * G722_SAMPLE_RATE_HZ }, (_, i) =>
    Math.round(peak * Math.sin((2 * Math.PI * hertz * i) / G722_SAMPLE_RATE_HZ)),
  );
}

/** FNV-1a, 32 bits. */
function digest(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16);
}

/** test/asterisk/g722.test.ts compares the code of the same noise with Asterisk's; these digests are of what it gave. */
describe('golden bytes', () => {
  test('of noise', () => {
    const code = encoded(levelledNoise(2));
    expect([digest(code), digest(new Uint8Array(decoded(code).buffer))]).toEqual(['638ba985', 'd43710']);
  });

  test('of silence: nothing that can be heard', () => {
    expect(Math.max(...decoded(encoded(new Int16Array(32_000))).map(Math.abs))).toBeLessThanOrEqual(4);
  });
});

describe('there and back', () => {
  test.each([
    [300, 40],
    [1_000, 40],
    [3_000, 30],
    [6_000, 15],
  ])('a sine of %d Hz keeps more than %d dB over what the codec adds, and its delay is known', (hertz, leastDb) => {
    const before = sine(hertz, 8_000, 1);
    const after = decoded(encoded(before));
    let [signal, error] = [0, 0];
    for (let i = 4_000; i < after.length; i++) {
      const wanted = before[i - G722_DELAY_SAMPLES]!;
      signal += wanted ** 2;
      error += (after[i]! - wanted) ** 2;
    }
    expect(10 * Math.log10(signal / error)).toBeGreaterThan(leastDb);
  });

  it('makes no difference in which pieces it is coded', () => {
    const samples = levelledNoise(2);
    const whole = encoded(samples);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 8 }), (sizes) => {
        const encoder = new G722Encoder();
        const decoder = new G722Decoder();
        const code = new Uint8Array(whole.length);
        const back = new Int16Array(samples.length);
        let at = 0;
        for (let i = 0; at < code.length; i++) {
          const count = Math.min(sizes[i % sizes.length]!, code.length - at);
          encoder.encode(samples, 2 * at, count, code, at);
          decoder.decode(code, at, count, back, 2 * at);
          at += count;
        }
        expect(code).toEqual(whole);
        expect(back).toEqual(decoded(whole));
      }),
      { numRuns: 10 },
    );
  });
});

it('decodes any bytes to 16 bits, and limits what is louder', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 400 }), (code) => {
      expect(decoded(code)).toHaveLength(2 * code.length);
    }),
  );
  // Square waves of full scale overshoot in the filter; wrapped around, neighbours would be of opposite signs.
  const square = Int16Array.from({ length: 16_000 }, (_, i) => (Math.floor(i / 100) % 2 === 0 ? 32_767 : -32_768));
  const after = decoded(encoded(square));
  const jumps = after.filter((sample, i) => i > 0 && Math.abs(sample - after[i - 1]!) > 50_000);
  expect(jumps).toHaveLength(0);
});
