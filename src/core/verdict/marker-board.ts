/**
 * The calls that are up in a run, each with the noise that it sends: whose sound is it that another call hears? Pure. A search costs
 * milliseconds, so that all calls together have so many in a second, and ask in turn.
 */
import type { AudioCorrelator } from '../match/audio-correlator.ts';
import { WINDOW } from '../match/audio-correlator.ts';
import { WindowSearch } from '../match/audio-search.ts';
import type { NoiseReference } from '../match/reference.ts';

export interface Marker {
  readonly ssrc: number;
  /** undefined where it sends silence. */
  readonly reference: NoiseReference | undefined;
  /** Samples of it that have been sent. */
  sent(): number;
}

/** In samples: 4 s, as the audio matcher looks back. */
const LONGEST = 32_000;
const BETWEEN_NS = 50e6;

export class MarkerBoard {
  readonly #markers = new Map<number, Marker>();
  readonly #correlator: AudioCorrelator;
  #freeNs = 0;

  constructor(correlator: AudioCorrelator) {
    this.#correlator = correlator;
  }

  /** @param call its number. */
  put(call: number, marker: Marker): void {
    this.#markers.set(call, marker);
  }

  take(call: number): void {
    this.#markers.delete(call);
  }

  /** @returns the number of the call, none of those that have ended, whose packets have that SSRC; not of `own`. */
  withSsrc(ssrc: number, own: number): number | null {
    for (const [call, marker] of this.#markers) if (call !== own && marker.ssrc === ssrc) return call;
    return null;
  }

  /** The calls to ask for, the nearest first. */
  others(own: number): readonly number[] {
    return [...this.#markers.keys()].filter((call) => call !== own).toSorted((a, b) => Math.abs(a - own) - Math.abs(b - own));
  }

  /**
   * Whether it is what that call sends.
   *
   * @param window {@link WINDOW} samples that were heard in a row.
   * @returns undefined when it is not to be asked now.
   */
  isOf(call: number, window: Int16Array, nowNs: number): boolean | undefined {
    if (nowNs < this.#freeNs) return undefined;
    const marker = this.#markers.get(call);
    if (marker?.reference === undefined) return false;
    this.#freeNs = nowNs + BETWEEN_NS;
    let energy = 0;
    for (const sample of window) energy += sample * sample;
    if (energy === 0) return false;
    return new WindowSearch(this.#correlator, marker.reference, LONGEST).search(0, window, WINDOW, energy, marker.sent());
  }
}
