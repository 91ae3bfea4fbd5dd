/** Tones encoded once for all calls that play the same. */
import type { AudioCodec } from '../audio/codec.ts';
import { renderLoop } from '../audio/tone.ts';
import type { ToneLoop, ToneSpec } from '../audio/tone.ts';

/** Distinct tones that are kept; a configuration has a few. */
const MOST_TONES = 64;

export class ToneLoops {
  readonly #loops = new Map<string, ToneLoop | undefined>();

  /** @returns undefined for a tone that does not repeat itself. @throws RtplatError `usage` for one that cannot be. */
  get(tone: ToneSpec, codec: AudioCodec): ToneLoop | undefined {
    const key = JSON.stringify([codec.name, codec.clockRateHz, tone]);
    if (!this.#loops.has(key)) {
      if (this.#loops.size === MOST_TONES) this.#loops.clear();
      this.#loops.set(key, renderLoop(tone, codec));
    }
    return this.#loops.get(key);
  }
}
