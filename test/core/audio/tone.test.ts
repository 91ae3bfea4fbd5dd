import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import type { AudioCodec } from '../../../src/core/audio/codec.ts';
import { ToneGenerator, renderLoop } from '../../../src/core/audio/tone.ts';
import type { ToneLoop, ToneSpec } from '../../../src/core/audio/tone.ts';

const PCMU = codecOf('PCMU', 8_000)!;
const PCMA = codecOf('PCMA', 8_000)!;
const L16 = codecOf('L16', 8_000)!;
const L16_WIDE = codecOf('L16', 16_000)!;

function steady(frequencyHz: number, amplitude = 0.5): ToneSpec {
  return { parts: [{ frequenciesHz: [frequencyHz], ms: 1_000 }], amplitude, repeat: true };
}

function generated(spec: ToneSpec, count: number, rateHz = 8_000): Int16Array {
  return taken(new ToneGenerator(spec, rateHz), count);
}

function taken(generator: ToneGenerator, count: number, out: Int16Array = new Int16Array(count)): Int16Array {
  return out.subarray(0, generator.fill(out, count));
}

/** What a listener hears of a loop that is sent again and again. */
function heard(loop: ToneLoop, codec: AudioCodec, count: number): Int16Array {
  const once = new Int16Array(loop.samples);
  codec.decode(loop.bytes, 0, loop.samples, once, 0);
  return Int16Array.from({ length: count }, (_, n) => once[n % loop.samples]!);
}

function throughCodec(samples: Int16Array, codec: AudioCodec): Int16Array {
  const bytes = new Uint8Array(samples.length * codec.bytesPerSample);
  const back = new Int16Array(samples.length);
  codec.encode(samples, 0, samples.length, bytes, 0);
  codec.decode(bytes, 0, samples.length, back, 0);
  return back;
}

/** Amplitude and phase (turns) of the sine at `frequencyHz`, by a Fourier sum over `samples[from … from+count)`. */
function sineIn(
  samples: Int16Array,
  frequencyHz: number,
  rateHz: number,
  from = 0,
  count = samples.length,
): { peak: number; phase: number } {
  let re = 0;
  let im = 0;
  for (let n = from; n < from + count; n++) {
    const angle = 2 * Math.PI * (((n * frequencyHz) / rateHz) % 1);
    re += samples[n]! * Math.cos(angle);
    im -= samples[n]! * Math.sin(angle);
  }
  return { peak: (2 * Math.hypot(re, im)) / count, phase: Math.atan2(im, re) / (2 * Math.PI) };
}

/** How far the frequency is from `frequencyHz`: the drift of the phase from the first second to the last. */
function frequencyErrorHz(samples: Int16Array, frequencyHz: number, rateHz: number): number {
  const from = samples.length - rateHz;
  const first = sineIn(samples, frequencyHz, rateHz, 0, rateHz).phase;
  const last = sineIn(samples, frequencyHz, rateHz, from, rateHz).phase;
  const drift = last - first;
  return (drift - Math.round(drift)) / (from / rateHz);
}

function decibels(ratio: number): number {
  return 20 * Math.log10(ratio);
}

describe('30 s of a tone, as the far end decodes them', () => {
  const cases = [50, 425, 440, 440.1, 697.35, 1_000, 1_004, 2_000, 3_400].flatMap((frequencyHz) =>
    [1, 0.5, 0.1, 0.01].map((amplitude) => [frequencyHz, amplitude] as const),
  );
  describe.each([
    ['PCMU', PCMU],
    ['PCMA', PCMA],
    ['L16 at 16 kHz', L16_WIDE],
  ])('%s', (_, codec) => {
    it.each(cases)('%d Hz of amplitude %d: right within 0.1 dB and 0.001 Hz', (frequencyHz, amplitude) => {
      const loop = renderLoop(steady(frequencyHz, amplitude), codec)!;
      const rateHz = codec.clockRateHz;
      const samples = heard(loop, codec, 30 * rateHz);
      const { peak } = sineIn(samples, frequencyHz, rateHz);
      expect(Math.abs(decibels(peak / (amplitude * 32_767)))).toBeLessThan(0.1);
      expect(Math.abs(frequencyErrorHz(samples, frequencyHz, rateHz))).toBeLessThan(0.001);
    });
  });

  test.each([440, 1_000 / 3, 997.123_456_7, 3_399.9])('%d Hz from the generator, through PCMU', (frequencyHz) => {
    const samples = throughCodec(generated(steady(frequencyHz), 30 * 8_000), PCMU);
    expect(Math.abs(decibels(sineIn(samples, frequencyHz, 8_000).peak / (0.5 * 32_767)))).toBeLessThan(0.1);
    expect(Math.abs(frequencyErrorHz(samples, frequencyHz, 8_000))).toBeLessThan(0.001);
  });

  test('the judge sees 0.2 dB and 0.1 Hz', () => {
    const samples = generated(steady(440), 30 * 8_000);
    expect(Math.abs(decibels(sineIn(samples, 440, 8_000).peak / (0.5 * 1.0233 * 32_767)))).toBeGreaterThan(0.1);
    expect(frequencyErrorHz(samples, 440.01, 8_000)).toBeCloseTo(-0.01, 4);
  });
});

describe('no gap and no click', () => {
  /** The largest second difference: a sine's is bounded by its peak and frequency, a click's is not. */
  function roughness(samples: Int16Array): number {
    let most = 0;
    for (let n = 2; n < samples.length; n++) most = Math.max(most, Math.abs(samples[n]! - 2 * samples[n - 1]! + samples[n - 2]!));
    return most;
  }

  /** (2 sin ω/2)² · peak, and two units for rounding. */
  function smoothness(frequencyHz: number, peak: number): number {
    return peak * (2 * Math.sin((Math.PI * frequencyHz) / 8_000)) ** 2 + 2;
  }

  test('a steady tone is smooth over the ends of its loop', () => {
    const loop = renderLoop(steady(440.1), L16)!;
    expect(roughness(heard(loop, L16, 3 * loop.samples))).toBeLessThanOrEqual(smoothness(440.1, 0.5 * 32_767));
  });

  test('edges to silence, from it, and between frequencies are as smooth as the tones', () => {
    const spec: ToneSpec = {
      parts: [
        { frequenciesHz: [425], ms: 100 },
        { frequenciesHz: [], ms: 50 },
        { frequenciesHz: [600], ms: 77 },
        { frequenciesHz: [350], ms: 31 },
      ],
      amplitude: 0.5,
      repeat: true,
    };
    // The edges of 5 ms add a little of their own curvature.
    const limit = 1.1 * smoothness(600, 0.5 * 32_767);
    expect(roughness(generated(spec, 16_000))).toBeLessThan(limit);
    expect(roughness(heard(renderLoop(spec, L16)!, L16, 16_000))).toBeLessThan(limit);
  });

  test('the edges last 5 ms: nothing at the very end, full strength behind it', () => {
    const samples = generated({ parts: [{ frequenciesHz: [1_000], ms: 50 }], amplitude: 1, repeat: false }, 1_000);
    expect(samples).toHaveLength(400);
    const peak = (from: number, to: number): number => Math.max(...samples.subarray(from, to).map(Math.abs));
    expect(peak(0, 4)).toBeLessThan(0.03 * 32_767);
    expect(peak(12, 24)).toBeGreaterThan(0.4 * 32_767);
    expect(peak(40, 360)).toBeGreaterThan(0.99 * 32_767);
    expect(peak(396, 400)).toBeLessThan(0.03 * 32_767);
  });

  test('the same frequencies in the next part, or in the next round, go on as one tone', () => {
    const pieces: ToneSpec = { parts: [10, 33.3, 700].map((ms) => ({ frequenciesHz: [440, 480], ms })), amplitude: 0.8, repeat: true };
    const whole: ToneSpec = { parts: [{ frequenciesHz: [440, 480], ms: Number.POSITIVE_INFINITY }], amplitude: 0.8, repeat: false };
    expect(generated(pieces, 20_000)).toEqual(generated(whole, 20_000));
  });

  test('a tone that ends a pattern and begins it goes on from round to round', () => {
    const spec: ToneSpec = {
      parts: [
        { frequenciesHz: [441.3], ms: 100 },
        { frequenciesHz: [], ms: 100 },
        { frequenciesHz: [441.3], ms: 100 },
      ],
      amplitude: 0.5,
      repeat: true,
    };
    const samples = generated(spec, 8_000);
    const second = samples.subarray(1_600, 3_200);
    // From 200 to 400 ms in one piece: its energy at the border of the rounds is that of its middle.
    const energy = (from: number, to: number): number => second.subarray(from, to).reduce((sum, sample) => sum + sample ** 2, 0);
    expect(energy(720, 880) / energy(320, 480)).toBeCloseTo(1, 1);
    expect(roughness(samples)).toBeLessThan(1.1 * smoothness(441.3, 0.5 * 32_767));
    // The loop is the same, from the beginning of the pattern on, once the generator is in its rounds.
    const loop = renderLoop(spec, L16)!;
    expect(heard(loop, L16, 4_800)).toEqual(samples.subarray(2_400, 7_200));
  });
});

describe('packets', () => {
  test('how the samples are cut changes none of them', () => {
    const part = fc.record({
      frequenciesHz: fc.array(fc.double({ min: 20, max: 3_900, noNaN: true }), { maxLength: 3 }),
      ms: fc.double({ min: 0.05, max: 40, noNaN: true }),
    });
    const spec = fc.record({
      parts: fc.array(part, { minLength: 1, maxLength: 4 }),
      amplitude: fc.double({ min: 0, max: 1, noNaN: true }),
      repeat: fc.boolean(),
    });
    fc.assert(
      fc.property(spec, fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 30 }), (tone, counts) => {
        fc.pre(tone.parts.reduce((ms, each) => ms + each.ms, 0) > 0.2);
        const whole = generated(
          tone,
          counts.reduce((sum, count) => sum + count, 0),
        );
        const generator = new ToneGenerator(tone, 8_000);
        const pieces: number[] = [];
        for (const count of counts) {
          pieces.push(...taken(generator, count));
        }
        expect(pieces).toEqual([...whole]);
      }),
    );
  });

  test('no sum of tones passes the amplitude', () => {
    const frequencies = fc.array(fc.double({ min: 20, max: 3_999, noNaN: true }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(frequencies, fc.double({ min: 0, max: 1, noNaN: true }), (frequenciesHz, amplitude) => {
        const samples = generated({ parts: [{ frequenciesHz, ms: 1_000 }], amplitude, repeat: true }, 4_000);
        expect(Math.max(...samples.map(Math.abs))).toBeLessThanOrEqual(Math.ceil(amplitude * 32_767));
      }),
    );
  });

  test('each of two tones has half the amplitude', () => {
    const samples = generated({ parts: [{ frequenciesHz: [440, 480], ms: 1_000 }], amplitude: 0.6, repeat: true }, 16_000).subarray(8_000);
    expect(sineIn(samples, 440, 8_000).peak / 32_767).toBeCloseTo(0.3, 3);
    expect(sineIn(samples, 480, 8_000).peak / 32_767).toBeCloseTo(0.3, 3);
  });
});

describe('the end', () => {
  test('a tone that does not repeat ends on its sample, with fewer samples than asked for', () => {
    const generator = new ToneGenerator({ parts: [{ frequenciesHz: [440], ms: 30 }], amplitude: 0.5, repeat: false }, 8_000);
    expect([1, 2, 3].map(() => taken(generator, 160).length)).toEqual([160, 80, 0]);
  });

  test('parts end where their milliseconds do, not where rounded lengths add up to', () => {
    // 0.3 ms are 2.4 samples: 300 of them 720, not 600.
    const parts = Array.from({ length: 300 }, (_, i) => ({ frequenciesHz: [400 + i], ms: 0.3 }));
    expect(generated({ parts, amplitude: 0.5, repeat: false }, 1_000)).toHaveLength(720);
  });
});

describe('loops', () => {
  it.each([
    [440, 1],
    [1_000, 1],
    [440.5, 2],
    [440.1, 10],
    [1_000 / 3, 1.002],
    [0.05, 20],
  ])('%d Hz repeats itself in %d s', (frequencyHz, seconds) => {
    const loop = renderLoop(steady(frequencyHz), PCMU)!;
    expect(loop.samples / 8_000).toBeCloseTo(seconds, 6);
    expect(loop.bytes).toHaveLength(loop.samples);
    expect((frequencyHz * loop.samples) / 8_000).toBeCloseTo(Math.round((frequencyHz * loop.samples) / 8_000), 5);
  });

  test('two bytes a sample, at 16 kHz', () => {
    const loop = renderLoop(steady(440), L16_WIDE)!;
    expect([loop.samples, loop.bytes.length]).toEqual([16_000, 32_000]);
  });

  test('a cadence is a loop of its length, beginning where it begins', () => {
    const cadence: ToneSpec = {
      parts: [
        { frequenciesHz: [440, 480], ms: 2_000 },
        { frequenciesHz: [], ms: 4_000 },
      ],
      amplitude: 0.5,
      repeat: true,
    };
    const loop = renderLoop(cadence, PCMA)!;
    expect(loop.samples).toBe(48_000);
    expect(heard(loop, PCMA, 100_000)).toEqual(throughCodec(generated(cadence, 100_000), PCMA));
  });

  test('a short cadence is repeated up to a second', () => {
    const parts = [
      { frequenciesHz: [1_000], ms: 30 },
      { frequenciesHz: [], ms: 30 },
    ];
    expect(renderLoop({ parts, amplitude: 0.5, repeat: true }, PCMU)!.samples).toBe(17 * 480);
  });

  test('silence is one, and so is a tone of amplitude 0', () => {
    const loop = renderLoop({ parts: [{ frequenciesHz: [], ms: 20 }], amplitude: 0.5, repeat: true }, PCMU)!;
    expect(loop.samples).toBe(8_000);
    expect(new Set(loop.bytes)).toEqual(new Set([0xff]));
    expect(new Set(renderLoop(steady(440, 0), PCMU)!.bytes)).toEqual(new Set([0xff]));
  });

  it.each<[string, ToneSpec]>([
    ['a tone that ends', { parts: [{ frequenciesHz: [440], ms: 1_000 }], amplitude: 0.5, repeat: false }],
    ['a frequency that fits into no 60 s', steady(440 + Math.PI / 1_000)],
    [
      'a cadence longer than 60 s',
      {
        parts: [
          { frequenciesHz: [440], ms: 1_000 },
          { frequenciesHz: [], ms: 60_000 },
        ],
        amplitude: 0.5,
        repeat: true,
      },
    ],
    [
      'a part that never ends',
      {
        parts: [
          { frequenciesHz: [], ms: 500 },
          { frequenciesHz: [440], ms: Number.POSITIVE_INFINITY },
        ],
        amplitude: 0.5,
        repeat: true,
      },
    ],
  ])('%s is none', (_, spec) => {
    expect(renderLoop(spec, PCMU)).toBeUndefined();
  });
});

describe('a spec that makes no sense', () => {
  it.each<[string, ToneSpec]>([
    ['4000 Hz', steady(4_000)],
    ['0 Hz', steady(0)],
    ['NaN Hz', steady(Number.NaN)],
    ['amplitude 1.01', steady(440, 1.01)],
    ['amplitude NaN', steady(440, Number.NaN)],
    ['without parts', { parts: [], amplitude: 0.5, repeat: true }],
    ['0 ms', { parts: [{ frequenciesHz: [440], ms: 0 }], amplitude: 0.5, repeat: true }],
    ['less than one sample', { parts: [{ frequenciesHz: [440], ms: 0.01 }], amplitude: 0.5, repeat: true }],
  ])('%s', (what, spec) => {
    const said = expect.objectContaining({ code: 'usage', message: expect.stringContaining(what) });
    expect(() => new ToneGenerator(spec, 8_000)).toThrow(said);
    expect(() => renderLoop(spec, PCMU)).toThrow(said);
  });

  test('4000 Hz are fine at 16 kHz', () => {
    expect(renderLoop(steady(4_000), L16_WIDE)).toBeDefined();
  });
});
