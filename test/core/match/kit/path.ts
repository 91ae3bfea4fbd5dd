/**
 * A path that audio takes, simulated: sent in packets by a clock, changed by somebody in the middle, sent back. What the true delay of
 * each packet is, is known by construction. Seeded; there is no real time in it.
 */
import { ALAW_OF_LINEAR, LINEAR_OF_ALAW, LINEAR_OF_ULAW, ULAW_OF_LINEAR } from '../../../../src/core/audio/g711.ts';
import { G722Decoder, G722Encoder } from '../../../../src/core/audio/g722.ts';
import { resample } from '../../../../src/core/audio/resample.ts';
import { AudioCorrelator } from '../../../../src/core/match/audio-correlator.ts';
import { AudioMatcher } from '../../../../src/core/match/audio.ts';
import type { AudioCounters, AudioMatch } from '../../../../src/core/match/audio.ts';
import { NoiseReference } from '../../../../src/core/match/reference.ts';
import { SeededRandom } from '../../../../src/core/probe/random.ts';

const MS = 1e6;
/** Samples that are lost and concealed together. */
const FRAME = 160;

/** From 0 up to 1. */
export function fraction(random: SeededRandom): number {
  return random.uint32() / 4_294_967_296;
}

export function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - fraction(random))) * Math.cos(2 * Math.PI * fraction(random));
}

export function clip(value: number): number {
  return Math.max(-32_768, Math.min(32_767, Math.round(value)));
}

export function referenceAudio(seed: number, seconds: number): Int16Array {
  const audio = new Int16Array(seconds * 8_000);
  new NoiseReference(seed).read(0, audio.length, audio, 0);
  return audio;
}

/** What is done to the audio on the way. */
export type Change = (audio: Int16Array) => Int16Array;

export const asUlaw: Change = (audio) => audio.map((sample) => LINEAR_OF_ULAW[ULAW_OF_LINEAR[sample & 0xffff]!]!);
export const asAlaw: Change = (audio) => audio.map((sample) => LINEAR_OF_ALAW[ALAW_OF_LINEAR[sample & 0xffff]!]!);
export const gain =
  (db: number): Change =>
  (audio) =>
    audio.map((sample) => clip(sample * 10 ** (db / 20)));
/** Through G.722 at 64 kbit/s, 8 kHz in and out. */
export const asG722: Change = (audio) => resample(g722(resample(audio, 8_000, 16_000)), 16_000, 8_000);

/** There and back, at 16 kHz. */
function g722(wide: Int16Array): Int16Array {
  const code = new Uint8Array(wide.length / 2);
  new G722Encoder().encode(wide, 0, code.length, code, 0);
  const decoded = new Int16Array(wide.length);
  new G722Decoder().decode(code, 0, code.length, decoded, 0);
  return decoded;
}
/** Played by a clock that is this much faster than the one it was recorded by. */
export const skew =
  (ppm: number): Change =>
  (audio) =>
    audio.map((_, i) => clip(between(audio, i * (1 + ppm * 1e-6))));
/** Moves `samples` of it away (or, if negative, says them twice) at each of the places. */
export const slip =
  (at: readonly number[], samples: number): Change =>
  (audio) => {
    const out = new Int16Array(audio.length);
    let from = 0;
    for (let i = 0; i < audio.length; i++) {
      if (at.includes(i)) from += samples;
      out[i] = audio[from] ?? 0;
      from += 1;
    }
    return out;
  };
/** White noise of this root mean square on top. */
export const noisy =
  (level: number, seed: number): Change =>
  (audio) => {
    const random = new SeededRandom(seed);
    return audio.map((sample) => clip(sample + level * normal(random)));
  };
/** Packets of 20 ms are lost and concealed: the last good one again, 3 dB lower each time. */
export const concealed =
  (loss: number, seed: number): Change =>
  (audio) => {
    const random = new SeededRandom(seed);
    const out = audio.slice();
    let again = 0;
    for (let at = FRAME; at + FRAME <= audio.length; at += FRAME) {
      again = fraction(random) < loss ? again + 1 : 0;
      if (again > 0) for (let i = 0; i < FRAME; i++) out[at + i] = out[at - FRAME + i]! * 0.7;
    }
    return out;
  };

/** A sinc of 32 samples under a Hann window. */
function between(audio: Int16Array, place: number): number {
  const middle = Math.floor(place);
  let sum = 0;
  for (let i = middle - 15; i <= middle + 16; i++) {
    const x = place - i;
    const sinc = x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    sum += (audio[i] ?? 0) * sinc * (0.5 + 0.5 * Math.cos((Math.PI * x) / 16.5));
  }
  return sum;
}

export interface PathOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly delayMs: number;
  /** Deviation of a normal distribution; packets stay in order of sending in their timestamps, not in their arrival. */
  readonly jitterMs?: number;
  readonly loss?: number;
  readonly changes?: readonly Change[];
  readonly longestNs?: number;
  /** Other audio comes back than what was sent. */
  readonly other?: Int16Array;
  /** What comes back is at 16 kHz: in G.722, whose clock runs at 8 kHz, or L16. */
  readonly wide?: 'G722' | 'L16';
  /** In samples at 8 kHz; default 160. */
  readonly packet?: number;
}

export interface PathResult {
  readonly matches: readonly (AudioMatch & { readonly trueDelayNs: number })[];
  readonly counters: AudioCounters;
  /** Packets that came back, of `sent`. */
  readonly returned: number;
  readonly sent: number;
}

/** Packets of 20 ms go round; whatever the changes do, they keep their length. `trueDelayNs` is that of the network alone. */
export function run(options: PathOptions): PathResult {
  const { seed, seconds, delayMs, jitterMs = 0, loss = 0, changes = [], longestNs, other, wide, packet: size = 160 } = options;
  const packetNs = (size / 8) * MS;
  const random = new SeededRandom(seed);
  let audio = changes.reduce((before, change) => change(before), other ?? referenceAudio(seed, seconds));
  const firstTimestamp = random.uint32();
  const sent = Math.floor(audio.length / size);
  const ratio = wide === undefined ? 1 : 2;
  const clock = wide === 'L16' ? 2 : 1;
  if (wide !== undefined) audio = resample(audio, 8_000, 16_000);
  if (wide === 'G722') audio = g722(audio);
  const arrivals: { readonly packet: number; readonly atNs: number }[] = [];
  for (let packet = 0; packet < sent; packet++) {
    if (fraction(random) < loss) continue;
    const delayNs = Math.max(0, delayMs + jitterMs * normal(random)) * MS;
    arrivals.push({ packet, atNs: packet * packetNs + Math.round(delayNs) });
  }
  arrivals.sort((a, b) => a.atNs - b.atNs);

  const matches: (AudioMatch & { trueDelayNs: number })[] = [];
  const matcher = new AudioMatcher({
    correlator: new AudioCorrelator(),
    reference: new NoiseReference(seed),
    sampleRateHz: wide === undefined ? 8_000 : 16_000,
    clockRateHz: wide === 'L16' ? 16_000 : 8_000,
    ...(longestNs === undefined ? {} : { longestNs }),
    onMatch: (match) => {
      const packet = ((match.timestamp - firstTimestamp) >>> 0) / (size * clock);
      matches.push({ ...match, trueDelayNs: match.arrivedNs - packet * packetNs });
    },
  });
  let left = 0;
  for (const { packet, atNs } of arrivals) {
    for (; left < sent && left * packetNs <= atNs; left++) matcher.sent(left * packetNs, size);
    matcher.receive(atNs, (firstTimestamp + packet * size * clock) >>> 0, audio, packet * size * ratio, size * ratio);
  }
  matcher.end();
  return { matches, counters: matcher.counters(), returned: arrivals.length, sent };
}
