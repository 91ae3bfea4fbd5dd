import { SeededRandom } from '../../../src/core/probe/random.ts';

/**
 * Something that is to a tone detector what speech is: voiced stretches (a buzz of harmonics whose pitch glides, through three resonances
 * that wander as formants do), hisses, and pauses. The same for the same seed.
 */
export function speechLike(seconds: number, rateHz: number, seed: number): Int16Array {
  const random = new SeededRandom(seed);
  const between = (low: number, high: number): number => low + ((high - low) * random.uint32()) / 2 ** 32;
  const samples = new Float64Array(seconds * rateHz);
  const formants = [new Resonance(rateHz), new Resonance(rateHz), new Resonance(rateHz)];
  let at = 0;
  let pitch = between(80, 300);
  let hertz = [500, 1_500, 2_500];
  while (at < samples.length) {
    const kind = between(0, 1);
    const until = Math.min(samples.length, at + Math.round(between(0.04, 0.4) * rateHz));
    const length = until - at;
    const loudness = between(0.2, 1);
    const nextPitch = Math.min(400, Math.max(70, pitch * between(0.8, 1.25)));
    const nextHertz = [between(250, 950), between(850, 2_400), between(1_900, 3_200)];
    const bandwidth = between(30, 150);
    let phase = 0;
    for (let n = 0; n < length; n++) {
      const part = n / length;
      phase += (pitch + (nextPitch - pitch) * part) / rateHz;
      let source = 0;
      if (kind < 0.7) {
        if (phase >= 1) {
          phase -= 1;
          source = 1;
        }
      } else if (kind < 0.85) {
        source = between(-0.2, 0.2);
      }
      let voice = 0;
      for (const [i, formant] of formants.entries()) {
        voice += formant.next(source, hertz[i]! + (nextHertz[i]! - hertz[i]!) * part, bandwidth * (i + 1)) / (i + 1);
      }
      samples[at + n] = loudness * voice;
    }
    at = until;
    pitch = nextPitch;
    hertz = nextHertz;
  }
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return Int16Array.from(samples, (sample) => Math.round((sample / peak) * 30_000));
}

/** A second-order resonance at a frequency that may move. */
class Resonance {
  readonly #rateHz: number;
  #last = 0;
  #before = 0;

  constructor(rateHz: number) {
    this.#rateHz = rateHz;
  }

  next(input: number, hertz: number, bandwidthHz: number): number {
    const radius = Math.exp((-Math.PI * bandwidthHz) / this.#rateHz);
    const output =
      (1 - radius) * input + 2 * radius * Math.cos((2 * Math.PI * hertz) / this.#rateHz) * this.#last - radius ** 2 * this.#before;
    this.#before = this.#last;
    this.#last = output;
    return output;
  }
}
