/** What a call can send: encoded samples, a frame at a time. Nothing is allocated per frame. */
import type { AudioCodec } from '../audio/codec.ts';
import type { ToneGenerator, ToneLoop } from '../audio/tone.ts';
import { LONGEST_FRAME_SAMPLES } from './limits.ts';

export interface AudioSource {
  /**
   * Writes the next `count` samples, encoded, from `out[offset]` on; silence after its end.
   *
   * @returns whether the end has come.
   */
  next(out: Uint8Array, offset: number, count: number): boolean;
}

/** Where a tone begins and where its duration cuts it off, it fades: a step is a click. */
const EDGE_MS = 5;

/** Samples on their way through: what is in it lasts no longer than a call of `next`. */
const pcm = new Int16Array(LONGEST_FRAME_SAMPLES);

export class SilenceSource implements AudioSource {
  readonly #codec: AudioCodec;

  constructor(codec: AudioCodec) {
    this.#codec = codec;
  }

  next(out: Uint8Array, offset: number, count: number): boolean {
    fillSilence(this.#codec, out, offset, count);
    return false;
  }
}

/** A tone that is encoded already, for so many samples; may be in its midst. */
export class LoopSource implements AudioSource {
  readonly #codec: AudioCodec;
  readonly #bytes: Uint8Array;
  readonly #length: number;
  #position: number;
  /** Of the next byte in the loop. */
  #at: number;

  /** @param length in samples; Infinity for one that never ends. @param position samples of it that are over. */
  constructor(codec: AudioCodec, loop: ToneLoop, length: number, position: number) {
    this.#codec = codec;
    this.#bytes = loop.bytes;
    this.#length = length;
    this.#position = position;
    this.#at = (position % loop.samples) * codec.bytesPerSample;
  }

  next(out: Uint8Array, offset: number, count: number): boolean {
    const audible = Math.min(count, Math.max(0, this.#length - this.#position));
    const bytes = this.#bytes;
    const end = offset + audible * this.#codec.bytesPerSample;
    let from = this.#at;
    // A loop in place of set(): that wants a view of the source, which is an allocation.
    for (let to = offset; to < end; to++) {
      out[to] = bytes[from] as number;
      from += 1;
      if (from === bytes.length) from = 0;
    }
    this.#at = from;
    if (nearEdge(this.#codec, this.#position, audible, this.#length)) {
      this.#codec.decode(out, offset, audible, pcm, 0);
      fadeEdges(this.#codec, this.#position, audible, this.#length);
      this.#codec.encode(pcm, 0, audible, out, offset);
    }
    if (audible < count) fillSilence(this.#codec, out, offset + audible * this.#codec.bytesPerSample, count - audible);
    this.#position += audible;
    return this.#position >= this.#length;
  }
}

/** A tone that does not repeat itself within reason. */
export class ToneSource implements AudioSource {
  readonly #codec: AudioCodec;
  readonly #generator: ToneGenerator;
  readonly #samples = pcm;
  readonly #length: number;
  #position: number;

  /** @param length in samples, as is `position`, which the generator has reached. */
  constructor(codec: AudioCodec, generator: ToneGenerator, length: number, position: number) {
    this.#codec = codec;
    this.#generator = generator;
    this.#length = length;
    this.#position = position;
  }

  /** The same with another codec of the same rate. */
  withCodec(codec: AudioCodec): ToneSource | undefined {
    if (codec.clockRateHz !== this.#codec.clockRateHz) return undefined;
    return new ToneSource(codec, this.#generator, this.#length, this.#position);
  }

  next(out: Uint8Array, offset: number, count: number): boolean {
    const wanted = Math.min(count, Math.max(0, this.#length - this.#position));
    const audible = this.#generator.fill(this.#samples, wanted);
    fadeEdges(this.#codec, this.#position, audible, this.#length);
    this.#codec.encode(pcm, 0, audible, out, offset);
    if (audible < count) fillSilence(this.#codec, out, offset + audible * this.#codec.bytesPerSample, count - audible);
    this.#position += count;
    // A tone that ends by itself is silent for the rest of its time.
    return this.#position >= this.#length;
  }
}

/** Samples of a file. */
export class PlaySource implements AudioSource {
  readonly #codec: AudioCodec;
  readonly #samples: Int16Array;
  readonly #repeat: boolean;
  #at: number;

  /** @param at the sample to begin with; taken round where it repeats. */
  constructor(codec: AudioCodec, samples: Int16Array, repeat: boolean, at: number) {
    this.#codec = codec;
    this.#samples = samples;
    this.#repeat = repeat && samples.length > 0;
    this.#at = this.#repeat ? at % samples.length : Math.min(at, samples.length);
  }

  next(out: Uint8Array, offset: number, count: number): boolean {
    const { length } = this.#samples;
    let done = 0;
    while (done < count && this.#at < length) {
      const some = Math.min(count - done, length - this.#at);
      this.#codec.encode(this.#samples, this.#at, some, out, offset + done * this.#codec.bytesPerSample);
      done += some;
      this.#at += some;
      if (this.#at === length && this.#repeat) this.#at = 0;
    }
    if (done < count) fillSilence(this.#codec, out, offset + done * this.#codec.bytesPerSample, count - done);
    return this.#at === length;
  }
}

function fillSilence(codec: AudioCodec, out: Uint8Array, offset: number, count: number): void {
  out.fill(codec.silenceByte, offset, offset + count * codec.bytesPerSample);
}

function edgeSamples({ clockRateHz }: AudioCodec): number {
  return (EDGE_MS * clockRateHz) / 1_000;
}

function nearEdge(codec: AudioCodec, position: number, count: number, length: number): boolean {
  const edge = edgeSamples(codec);
  return position < edge || position + count > length - edge;
}

/** Fades those of the `count` samples from `position` on that lie within an edge. */
function fadeEdges(codec: AudioCodec, position: number, count: number, length: number): void {
  if (!nearEdge(codec, position, count, length)) return;
  const fade = edgeSamples(codec);
  for (let i = 0; i < count; i++) {
    const edge = Math.min(position + i, length - 1 - position - i);
    if (edge < fade) pcm[i] = Math.round((pcm[i] as number) * (0.5 - 0.5 * Math.cos((Math.PI * (edge + 0.5)) / fade)));
  }
}
