/**
 * Puts what the peer says in its place in a recording: by timestamps, so that what was lost is silence and what was overtaken is
 * where it belongs, as long as that part has not been handed on. Handed on are pieces of a quarter of a second.
 */
import { timestampDelta } from '../rtp/sequence.ts';

/** Pieces a second; twice the length of one is kept. */
const PIECES_A_SECOND = 4;
/** A timestamp that jumps by more than this is another time line, not a pause: it goes on right behind what there is. */
const LONGEST_PAUSE_S = 10;

export interface RecordingTrackOptions {
  readonly clockRateHz: number;
  readonly mostSamples: number;
  /**
   * Takes samples for their place in the recording; called in order. What no call has a place for is silence.
   *
   * @param samples valid only during the call.
   */
  readonly write: (at: number, samples: Int16Array) => void;
}

export class RecordingTrack {
  readonly clockRateHz: number;
  readonly #mostSamples: number;
  readonly #write: (at: number, samples: Int16Array) => void;
  readonly #samples: Int16Array;
  readonly #piece: number;
  /** Place of the first sample that is kept. */
  #base = 0;
  /** Behind the last one that is known. */
  #end = 0;
  #timestamp = 0;
  /** Place of what has this timestamp; negative before the first packet. */
  #place = -1;

  constructor({ clockRateHz, mostSamples, write }: RecordingTrackOptions) {
    this.clockRateHz = clockRateHz;
    this.#mostSamples = mostSamples;
    this.#write = write;
    this.#piece = clockRateHz / PIECES_A_SECOND;
    this.#samples = new Int16Array(2 * this.#piece);
  }

  get full(): boolean {
    return this.#end >= this.#mostSamples;
  }

  /** The first `count` samples of a packet with this timestamp, 32 bits, signed or not. */
  add(timestamp: number, samples: Int16Array, count: number): void {
    let place = this.#placeOf(timestamp);
    this.#place = place;
    this.#timestamp = timestamp;
    for (let i = 0; i < count && place < this.#mostSamples; i++, place++) {
      // Too late: that piece is gone.
      if (place < this.#base) continue;
      if (place >= this.#base + this.#samples.length) this.#makeRoom(place);
      this.#samples[place - this.#base] = samples[i] as number;
      if (place >= this.#end) this.#end = place + 1;
    }
  }

  #placeOf(timestamp: number): number {
    if (this.#place < 0) return 0;
    const moved = timestampDelta(timestamp, this.#timestamp);
    if (Math.abs(moved) > LONGEST_PAUSE_S * this.clockRateHz) return this.#end;
    return Math.max(0, this.#place + moved);
  }

  /** Hands on what is in the way of a sample at `place`. */
  #makeRoom(place: number): void {
    const piece = this.#piece;
    while (place >= this.#base + this.#samples.length) {
      this.#handOn(piece);
      this.#samples.copyWithin(0, piece);
      this.#samples.fill(0, piece);
      this.#base += piece;
      // Nothing is kept any more: on to where the next samples are.
      if (this.#base >= this.#end) this.#base = Math.max(this.#base, place - (place % piece));
    }
  }

  #handOn(count: number): void {
    const known = Math.min(count, this.#end - this.#base);
    if (known > 0) this.#write(this.#base, this.#samples.subarray(0, known));
  }

  /** Hands on what is left. */
  finish(): void {
    this.#handOn(this.#samples.length);
    this.#base = Math.max(this.#base, this.#end);
    this.#samples.fill(0);
  }
}
