/**
 * What was heard, laid out by RTP timestamps and cut into windows of the reference's rate. Packets may come in any order; a window is
 * cut once the stream is {@link SLACK} past its end. What comes later has no part in the window, but is kept for its own sake.
 */
import { resample } from '../audio/resample.ts';
import { WINDOW } from './audio-correlator.ts';
import { REFERENCE_RATE_HZ } from './reference.ts';

/** Samples at the reference's rate, 100 ms: for what is reordered, and for the filter that halves the rate. */
export const SLACK = 800;
/** A packet farther from the latest one than this, in samples at the reference's rate, begins another timeline: 1 s. */
export const JUMP = 8_000;
/** Windows that {@link Timeline.heard} keeps; a late packet may belong to all but the last of these. */
const WINDOWS_KEPT = 4;
const KEPT = WINDOWS_KEPT * WINDOW;
/** The most that lies between the window that is cut next and the newest sample. */
const RING = 16_384;
/** What the filter needs on either side. */
const MARGIN = 48;

export class Timeline {
  /** Windows that have been cut. */
  windows = 0;
  /** Of the window that was cut last: how many of its samples came, and the sum of their squares. */
  present = 0;
  energy = 0;
  /** Samples at the reference's rate; index it with {@link heardSlot}. */
  readonly heard: Int16Array = new Int16Array(KEPT);
  readonly #heardCame = new Uint8Array(KEPT);
  /** Of what comes in, for each sample of the reference: 1 or 2. */
  readonly #ratio: number;
  readonly #samples: Int16Array;
  readonly #came: Uint8Array;
  readonly #wide: Int16Array;
  #end = 0;

  /** @param sampleRateHz of what comes in: 8000 or 16000. */
  constructor(sampleRateHz: number) {
    this.#ratio = sampleRateHz / REFERENCE_RATE_HZ;
    this.#samples = new Int16Array(RING * this.#ratio);
    this.#came = new Uint8Array(RING * this.#ratio);
    this.#wide = new Int16Array(this.#ratio * WINDOW + 2 * MARGIN);
  }

  /** Behind the last sample that came. */
  get end(): number {
    return this.#end;
  }

  /** Behind the last sample that has been cut. */
  get cut(): number {
    return this.windows * WINDOW;
  }

  /** The first place that {@link put} takes. */
  get start(): number {
    return this.cut - KEPT + WINDOW;
  }

  heardSlot(index: number): number {
    return index & (KEPT - 1);
  }

  /** Whether a sample came for this place already. Places as in {@link put}. */
  has(index: number): boolean {
    if (index >= this.cut) return this.#came[this.#slot(Math.round(index * this.#ratio))] === 1;
    return this.#heardCame[this.heardSlot(Math.ceil(index))] === 1;
  }

  /** Takes samples in from `index` on, a place at the reference's rate between {@link start} and {@link JUMP} behind {@link end}. */
  put(index: number, samples: Int16Array, at: number, count: number): void {
    const ratio = this.#ratio;
    const first = Math.round(index * ratio);
    const cut = this.cut * ratio;
    for (let i = 0; i < count; i++) {
      const place = first + i;
      const sample = samples[at + i] as number;
      if (place >= cut) {
        this.#samples[this.#slot(place)] = sample;
        this.#came[this.#slot(place)] = 1;
      } else if (place % ratio === 0) {
        // Late, so without the filter, which would need its neighbours.
        this.heard[this.heardSlot(place / ratio)] = sample;
        this.#heardCame[this.heardSlot(place / ratio)] = 1;
      }
    }
    this.#end = Math.max(this.#end, index + count / ratio);
  }

  /** Cuts the next window off into `out`: 0 where nothing came. Sets {@link present} and {@link energy}. */
  cutWindow(out: Int16Array): void {
    const ratio = this.#ratio;
    const first = this.cut * ratio;
    const wide = this.#wide;
    const margin = ratio === 1 ? 0 : MARGIN;
    for (let i = 0; i < ratio * WINDOW + 2 * margin; i++) {
      const slot = this.#slot(first - margin + i);
      wide[i] = this.#came[slot] === 1 ? (this.#samples[slot] as number) : 0;
    }
    const narrow = ratio === 1 ? wide : resample(wide, 2 * REFERENCE_RATE_HZ, REFERENCE_RATE_HZ);
    this.present = 0;
    this.energy = 0;
    const heardAt = this.heardSlot(this.cut);
    for (let i = 0; i < WINDOW; i++) {
      const sample = narrow[i + margin / 2] as number;
      out[i] = sample;
      this.heard[heardAt + i] = sample;
      this.energy += sample * sample;
      const came = this.#came[this.#slot(first + i * ratio)] as number;
      this.#heardCame[heardAt + i] = came;
      this.present += came;
    }
    // Its end stays for the filter of the next one; what is there from the round before goes with it.
    for (let i = -margin; i < ratio * WINDOW - margin; i++) this.#came[this.#slot(first + i)] = 0;
    this.windows += 1;
  }

  #slot(index: number): number {
    return index & (this.#samples.length - 1);
  }
}
