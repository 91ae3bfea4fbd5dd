import { describe, expect, it } from 'vitest';
import { codecOf } from '../../../src/core/audio/codec.ts';
import type { AudioCodec } from '../../../src/core/audio/codec.ts';
import { renderLoop, ToneGenerator } from '../../../src/core/audio/tone.ts';
import type { ToneSpec } from '../../../src/core/audio/tone.ts';
import { LoopSource, PlaySource, SilenceSource, ToneSource } from '../../../src/core/media/sources.ts';
import type { AudioSource } from '../../../src/core/media/sources.ts';

const PCMU = codecOf('PCMU', 8000) as AudioCodec;
const PCMA = codecOf('PCMA', 8000) as AudioCodec;
const L16 = codecOf('L16', 16_000) as AudioCodec;
const TONE: ToneSpec = { parts: [{ frequenciesHz: [440], ms: Number.POSITIVE_INFINITY }], amplitude: 0.5, repeat: true };

/** So many frames, decoded, and after which of them the source said that it has ended. */
function played(source: AudioSource, codec: AudioCodec, frames: number, samples: number): { pcm: Int16Array; ended: number } {
  const pcm = new Int16Array(frames * samples);
  const frame = new Uint8Array(12 + samples * codec.bytesPerSample + 4).fill(0xab);
  let ended = -1;
  for (let i = 0; i < frames; i++) {
    if (source.next(frame, 12, samples) && ended < 0) ended = i;
    codec.decode(frame, 12, samples, pcm, i * samples);
  }
  // Nothing around the payload is touched.
  expect([...frame.subarray(0, 12), ...frame.subarray(-4)]).toEqual(Array.from({ length: 16 }, () => 0xab));
  return { pcm, ended };
}

function loopOf(codec: AudioCodec, tone = TONE): NonNullable<ReturnType<typeof renderLoop>> {
  const loop = renderLoop(tone, codec);
  if (loop === undefined) throw new Error('no loop');
  return loop;
}

function rms(pcm: Int16Array): number {
  return Math.sqrt(pcm.reduce((sum, sample) => sum + sample * sample, 0) / pcm.length);
}

describe('a loop', () => {
  it.each([PCMU, PCMA, L16])('has no gap where it comes round ($name at $clockRateHz)', (codec) => {
    const loop = loopOf(codec);
    const samples = (codec.clockRateHz * 30) / 1000;
    const { pcm } = played(new LoopSource(codec, loop, Number.POSITIVE_INFINITY, 0), codec, 100, samples);
    const expected = new Int16Array(loop.samples);
    codec.decode(loop.bytes, 0, loop.samples, expected, 0);
    // But for the edge at its beginning.
    const edge = (codec.clockRateHz * 5) / 1000;
    expect(pcm.subarray(edge).every((sample, i) => sample === expected[(i + edge) % loop.samples])).toBe(true);
  });

  it('lasts exactly as long as it is to, fades at both ends, and is silent after that', () => {
    const length = 8000 * 1.5 + 37;
    const { pcm, ended } = played(new LoopSource(PCMU, loopOf(PCMU), length, 0), PCMU, 80, 160);
    expect(ended).toBe(Math.floor(length / 160));
    expect(Math.abs(pcm[0] as number)).toBeLessThan(200);
    expect(rms(pcm.subarray(0, 10))).toBeLessThan(1000);
    expect(rms(pcm.subarray(40, length - 40))).toBeGreaterThan(11_000);
    expect(rms(pcm.subarray(length - 10, length))).toBeLessThan(1000);
    expect(pcm.subarray(length).every((sample) => sample === 0)).toBe(true);
  });

  it('can be taken up anywhere', () => {
    const loop = loopOf(PCMU);
    const whole = played(new LoopSource(PCMU, loop, 20_000, 0), PCMU, 125, 160).pcm;
    const rest = played(new LoopSource(PCMU, loop, 20_000, 9600), PCMU, 65, 160).pcm;
    expect(rest).toEqual(whole.subarray(9600));
  });
});

describe('a tone that is made as it goes', () => {
  const tone: ToneSpec = { parts: [{ frequenciesHz: [441.37], ms: 300 }], amplitude: 0.5, repeat: false };

  it('is silent from its own end to that of its time, and has ended then', () => {
    const source = new ToneSource(PCMU, new ToneGenerator(tone, 8000), 4000, 0);
    const { pcm, ended } = played(source, PCMU, 30, 160);
    expect(ended).toBe(24);
    expect(rms(pcm.subarray(100, 2300))).toBeGreaterThan(11_000);
    expect(pcm.subarray(2400).every((sample) => sample === 0)).toBe(true);
  });

  it('goes on in another codec of its rate', () => {
    const source = new ToneSource(PCMU, new ToneGenerator(tone, 8000), 4000, 0);
    const generator = new ToneGenerator(tone, 8000);
    const expected = new Int16Array(2400);
    expect(generator.fill(...([expected, 2400] as const))).toBe(2400);
    const first = played(source, PCMU, 5, 160).pcm;
    const next = source.withCodec(PCMA);
    const second = played(next as AudioSource, PCMA, 5, 160).pcm;
    const both = [...first, ...second].slice(40);
    const worst = Math.max(...both.map((sample, i) => Math.abs(sample - (expected[i + 40] as number))));
    expect(worst).toBeLessThan(600);
    expect(source.withCodec(L16)).toBeUndefined();
  });
});

describe('a file', () => {
  const samples = Int16Array.from({ length: 1000 }, (_, i) => i * 20 - 10_000);

  it('is played to its end once, or again and again', () => {
    const once = played(new PlaySource(L16, samples, false, 0), L16, 5, 320);
    expect(once.ended).toBe(3);
    expect(once.pcm).toEqual(Int16Array.from({ length: 1600 }, (_, i) => samples[i] ?? 0));
    const again = played(new PlaySource(L16, samples, true, 0), L16, 10, 320);
    expect(again.ended).toBe(-1);
    expect(again.pcm).toEqual(Int16Array.from({ length: 3200 }, (_, i) => samples[i % 1000] as number));
    const later = played(new PlaySource(L16, samples, true, 2500), L16, 1, 320);
    expect(later.pcm[0]).toBe(samples[500]);
  });

  it('that is empty, or over, is silence', () => {
    expect(played(new PlaySource(L16, new Int16Array(0), true, 5), L16, 2, 320)).toEqual({ pcm: new Int16Array(640), ended: 0 });
    expect(played(new PlaySource(L16, samples, false, 5000), L16, 1, 320)).toEqual({ pcm: new Int16Array(320), ended: 0 });
  });
});

it('silence is that of the codec, and never ends', () => {
  expect(played(new SilenceSource(PCMU), PCMU, 3, 160)).toEqual({ pcm: new Int16Array(480), ended: -1 });
  const { pcm } = played(new SilenceSource(PCMA), PCMA, 1, 160);
  expect(Math.max(...pcm.map(Math.abs))).toBeLessThanOrEqual(8);
});
