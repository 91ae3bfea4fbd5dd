import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import type { AudioCodec } from '../../../src/core/audio/codec.ts';
import { DtmfDetector } from '../../../src/core/audio/dtmf-detector.ts';
import type { DtmfDigit } from '../../../src/core/audio/dtmf-detector.ts';
import { renderDtmf } from '../../../src/core/audio/dtmf-generator.ts';
import { DTMF_HIGH_HZ, DTMF_KEYPAD, DTMF_LOW_HZ } from '../../../src/core/audio/dtmf.ts';
import { amplitudeOfDbm0 } from '../../../src/core/audio/level.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { speechLike } from './speech-like.ts';

const PCMU = codecOf('PCMU', 8_000)!;
const CODECS = [PCMU, codecOf('PCMA', 8_000)!, codecOf('L16', 16_000)!];

/** 200 digits; each of the sixteen among them. */
const LONG = ((random) => Array.from({ length: 200 }, () => DTMF_KEYPAD.charAt(random.uint32() % 16)).join(''))(new SeededRandom(4_733));

function detected(samples: Int16Array, rateHz: number, packet = rateHz / 50): DtmfDigit[] {
  const found: DtmfDigit[] = [];
  const detector = new DtmfDetector(rateHz, (digit) => found.push(digit));
  for (let at = 0; at < samples.length; at += packet) detector.process(samples, at, Math.min(packet, samples.length - at));
  detector.finish();
  return found;
}

function digitsIn(samples: Int16Array, rateHz: number): string {
  return detected(samples, rateHz)
    .map(({ digit }) => digit)
    .join('');
}

function throughCodec(samples: Int16Array, codec: AudioCodec): Int16Array {
  const bytes = new Uint8Array(samples.length * codec.bytesPerSample);
  const back = new Int16Array(samples.length);
  codec.encode(samples, 0, samples.length, bytes, 0);
  codec.decode(bytes, 0, samples.length, back, 0);
  return back;
}

/** White noise of this power (mean square), added. */
function noisy(samples: Int16Array, power: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  const uniform = (): number => (random.uint32() + 0.5) / 2 ** 32;
  // Box and Muller: a normal number of variance 1 from two uniform ones.
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return samples.map((sample) => Math.max(-32_768, Math.min(32_767, Math.round(sample + Math.sqrt(power) * normal()))));
}

/** Mean square of a pair of tones at these levels. */
function powerOf(lowDbm0: number, highDbm0: number): number {
  return (32_767 ** 2 / 2) * (amplitudeOfDbm0(lowDbm0) ** 2 + amplitudeOfDbm0(highDbm0) ** 2);
}

function silence(ms: number, rateHz = 8_000): Int16Array {
  return new Int16Array((ms * rateHz) / 1_000);
}

function joined(...pieces: readonly Int16Array[]): Int16Array {
  const all = new Int16Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Two tones, of any frequency. */
function pair(lowHz: number, highHz: number, ms: number, dbm0 = -10): Int16Array {
  const peak = 32_767 * amplitudeOfDbm0(dbm0);
  const wave = (hertz: number, n: number): number => peak * Math.sin((2 * Math.PI * hertz * n) / 8_000);
  return Int16Array.from({ length: ms * 8 }, (_, n) => Math.round(wave(lowHz, n) + wave(highHz, n)));
}

describe('200 digits, each found once', () => {
  const cases = CODECS.flatMap((codec) =>
    [50, 100].flatMap((ms) => [-3, -10, -20, -30].map((dbm0) => [`${codec.name}/${codec.clockRateHz}`, ms, dbm0, codec] as const)),
  );

  it.each(cases)('%s, %i ms on and off, %i dBm0', (_, ms, dbm0, codec) => {
    const rateHz = codec.clockRateHz;
    const clean = renderDtmf(LONG, { rateHz, onMs: ms, offMs: ms, lowDbm0: dbm0 });
    expect(digitsIn(throughCodec(clean, codec), rateHz)).toBe(LONG);
    // 20 dB above white noise.
    expect(digitsIn(throughCodec(noisy(clean, powerOf(dbm0, dbm0) / 100, 1), codec), rateHz)).toBe(LONG);
  });

  it.each([
    [-8, -16],
    [-12, -8],
  ])('twist: the low tone at %i dBm0, the high one at %i, in noise', (lowDbm0, highDbm0) => {
    const clean = renderDtmf(LONG, { rateHz: 8_000, onMs: 50, offMs: 50, lowDbm0, highDbm0 });
    expect(digitsIn(throughCodec(noisy(clean, powerOf(lowDbm0, highDbm0) / 100, 2), PCMU), 8_000)).toBe(LONG);
  });

  test('wherever the first sample falls, and however the packets are cut', () => {
    const digits = renderDtmf('159#', { rateHz: 8_000, onMs: 40, offMs: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 999 }), (lead, packet) => {
        const found = detected(joined(new Int16Array(lead), digits), 8_000, packet);
        expect(found.map(({ digit }) => digit).join('')).toBe('159#');
        for (const [i, { atSample, durationSamples }] of found.entries()) {
          // 6 ms are 51 samples.
          expect(Math.abs(atSample - lead - 640 * i)).toBeLessThanOrEqual(51);
          expect(Math.abs(durationSamples - 320)).toBeLessThanOrEqual(51);
        }
      }),
    );
  });
});

describe('times (ITU-T Q.24)', () => {
  const each = (onMs: number, offMs: number): string => digitsIn(renderDtmf(LONG, { rateHz: 8_000, onMs, offMs }), 8_000);

  test('40 ms on, 40 ms off is a digit', () => {
    expect(each(40, 40)).toBe(LONG);
  });

  test('23 ms are none', () => {
    expect(each(23, 60)).toBe('');
  });

  test('an interruption of 10 ms makes no second digit', () => {
    const piece = (lead: number): Int16Array =>
      joined(new Int16Array(lead), ...[60, 10, 60].map((ms) => (ms === 10 ? silence(ms) : pair(770, 1_336, ms))), silence(50));
    for (let lead = 0; lead < 51; lead += 5) expect(digitsIn(piece(lead), 8_000)).toBe('5');
  });

  test('two seconds are one digit, and that long', () => {
    const [only, ...more] = detected(joined(pair(941, 1_336, 2_000), silence(100)), 8_000);
    expect([only!.digit, more.length]).toEqual(['0', 0]);
    expect(Math.abs(only!.durationSamples - 16_000)).toBeLessThanOrEqual(51);
  });

  test('another digit without a pause ends the one before', () => {
    expect(digitsIn(joined(pair(697, 1_209, 60), pair(852, 1_477, 60), pair(697, 1_209, 60), silence(50)), 8_000)).toBe('191');
  });

  test('a digit that is still on is reported at the end of the stream, and the next stream begins anew', () => {
    const found: string[] = [];
    const detector = new DtmfDetector(8_000, ({ digit }) => found.push(digit));
    detector.process(pair(697, 1_209, 60), 0, 480);
    expect(found).toEqual([]);
    detector.finish();
    detector.finish();
    expect(found).toEqual(['1']);
    detector.process(joined(pair(697, 1_209, 60), silence(50)), 0, 880);
    expect(found).toEqual(['1', '1']);
  });
});

describe('frequencies (ITU-T Q.24)', () => {
  const keys = DTMF_LOW_HZ.flatMap((lowHz) => DTMF_HIGH_HZ.map((highHz) => [lowHz, highHz] as const));
  const all = (lowFactor: number, highFactor: number): string =>
    digitsIn(joined(...keys.flatMap(([lowHz, highHz]) => [pair(lowHz * lowFactor, highHz * highFactor, 50), silence(50)])), 8_000);

  it.each([
    [1.015, 1.015],
    [0.985, 0.985],
    [1.015, 0.985],
    [0.985, 1.015],
  ])('off by 1.5 %% is a digit: rows × %d, columns × %d', (low, high) => {
    expect(all(low, high)).toBe(DTMF_KEYPAD);
  });

  it.each([
    [1.035, 1],
    [0.965, 1],
    [1, 1.035],
    [1, 0.965],
  ])('off by 3.5 %% is none: rows × %d, columns × %d', (low, high) => {
    expect(all(low, high)).toBe('');
  });
});

describe('what is not a digit', () => {
  test.each([1, 2, 3])('60 s of speech, through G.711 and without it, seed %i', (seed) => {
    const speech = speechLike(60, 8_000, seed);
    expect(digitsIn(throughCodec(speech, PCMU), 8_000)).toBe('');
    expect(
      digitsIn(
        speech.map((sample) => Math.round(sample / 8)),
        8_000,
      ),
    ).toBe('');
    expect(digitsIn(speechLike(60, 16_000, seed), 16_000)).toBe('');
  });

  test('a digit in the pauses of speech is one all the same', () => {
    const digits = joined(silence(50), renderDtmf('42', { rateHz: 8_000, onMs: 60, offMs: 60 }));
    expect(digitsIn(joined(speechLike(2, 8_000, 4), digits, speechLike(2, 8_000, 5)), 8_000)).toBe('42');
  });

  test('white noise, however loud', () => {
    expect(digitsIn(noisy(new Int16Array(80_000), 10_000 ** 2, 6), 8_000)).toBe('');
  });

  test('one tone, two of one group, three, and the tones of other signals', () => {
    const one = (hertz: number): Int16Array => pair(hertz, hertz, 100, -16);
    const three = pair(697, 1_209, 100).map((sample, n) => sample + pair(852, 852, 100, -16)[n]!);
    const tones = [one(697), one(1_336), pair(697, 770, 100), pair(1_209, 1_477, 100), three, pair(350, 440, 100), pair(480, 620, 100)];
    expect(digitsIn(joined(...tones.flatMap((tone) => [tone, silence(60)])), 8_000)).toBe('');
  });

  /** A key's tones at −10 dBm0 each, and a third. */
  const withThird = (highHz: number, thirdHz: number, thirdDbm0: number): string => {
    const third = pair(thirdHz, thirdHz, 100, thirdDbm0 - 6);
    return digitsIn(
      joined(
        pair(697, highHz, 100).map((sample, n) => sample + third[n]!),
        silence(60),
      ),
      8_000,
    );
  };

  test.each(DTMF_HIGH_HZ)('a pair whose high tone, %i Hz, has a second harmonic 9 dB below', (highHz) => {
    expect(withThird(highHz, 2 * highHz, -10 - 9)).toBe('');
    expect(withThird(highHz, 2 * highHz, -10 - 24)).toBe(DTMF_KEYPAD.charAt(DTMF_HIGH_HZ.indexOf(highHz)));
  });

  test('a pair with a fifth of the energy elsewhere; a twentieth is noise', () => {
    expect(withThird(1_336, 2_050, -13)).toBe('');
    expect(withThird(1_336, 2_050, -20)).toBe('2');
  });

  test('a pair below −40 dBm0', () => {
    expect(digitsIn(joined(pair(697, 1_209, 100, -42), silence(60)), 8_000)).toBe('');
  });

  test('tones too unequal', () => {
    const uneven = (lowDbm0: number, highDbm0: number): string =>
      digitsIn(renderDtmf('147', { rateHz: 8_000, onMs: 60, offMs: 60, lowDbm0, highDbm0 }), 8_000);
    expect([uneven(-5, -22), uneven(-20, -7)]).toEqual(['', '']);
  });
});

test('other rates are refused', () => {
  expect(() => new DtmfDetector(44_100, () => undefined)).toThrow(RangeError);
});
