/** Audio without the reference, made of nothing but a seed: what a marker must not be found in. 8 kHz. */
import { SeededRandom } from '../../../../src/core/probe/random.ts';
import { speechLike } from '../../audio/speech-like.ts';
import { clip, fraction, normal, referenceAudio } from './path.ts';

const RATE = 8_000;

/** Chords of decaying partials, with a beat: notes of a scale, several at once. */
function musicLike(seconds: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  const sum = new Float64Array(seconds * RATE);
  for (let start = 0; start < sum.length; start += RATE / 8) {
    const voices = 1 + Math.floor(3 * fraction(random));
    for (let voice = 0; voice < voices; voice++) {
      const hertz = 110 * 2 ** ([0, 2, 4, 5, 7, 9, 11][random.uint32() % 7]! / 12 + (random.uint32() % 4));
      const length = Math.min(sum.length - start, RATE * (0.1 + fraction(random)));
      for (let partial = 1; partial <= 8 && partial * hertz < 3_800; partial++) {
        const phase = fraction(random);
        for (let i = 0; i < length; i++) {
          sum[start + i]! += (3_000 / partial) * Math.exp((-3 * i) / RATE) * Math.sin(2 * Math.PI * ((partial * hertz * i) / RATE + phase));
        }
      }
    }
    for (let i = 0; i < 200; i++) sum[start + i]! += 4_000 * normal(random) * Math.exp(-i / 40);
  }
  return Int16Array.from(sum, clip);
}

/** White noise, and low-passed noise, by turns of a second. */
function noise(seconds: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  let smooth = 0;
  return Int16Array.from({ length: seconds * RATE }, (_, i) => {
    smooth = 0.9 * smooth + 0.1 * normal(random);
    return clip(i % (2 * RATE) < RATE ? 2_500 * normal(random) : 10_000 * smooth);
  });
}

/** Clicks and tones: what is worst for a correlation that assumes many samples. */
function clicksAndTones(seconds: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  let click = 0;
  return Int16Array.from({ length: seconds * RATE }, (_, i) => {
    if (fraction(random) < 0.001) click = 30_000 * normal(random);
    click *= 0.5;
    return clip(click + 3_000 * Math.sin((2 * Math.PI * 425 * i) / RATE));
  });
}

export const FOREIGN: Readonly<Record<string, (seconds: number, seed: number) => Int16Array>> = {
  speech: (seconds, seed) => speechLike(seconds, RATE, seed),
  music: musicLike,
  noise,
  'clicks and tones': clicksAndTones,
  'the marker of another call': (seconds, seed) => referenceAudio(seed + 1, seconds),
};
