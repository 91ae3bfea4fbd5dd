/** The blocks of one reference that are needed now, 16 kB each: made when asked for, the oldest forgotten. */
import type { AudioCorrelator, Block } from './audio-correlator.ts';
import type { NoiseReference } from './reference.ts';

export class BlockStore {
  readonly #correlator: AudioCorrelator;
  readonly #reference: NoiseReference;
  readonly #capacity: number;
  readonly #blocks = new Map<number, Block>();

  /** @param capacity blocks kept at once: as many as one search looks at. */
  constructor(correlator: AudioCorrelator, reference: NoiseReference, capacity: number) {
    this.#correlator = correlator;
    this.#reference = reference;
    this.#capacity = capacity;
  }

  get(number: number): Block {
    const known = this.#blocks.get(number);
    if (known !== undefined) return known;
    if (this.#blocks.size >= this.#capacity) this.#blocks.delete(Math.min(...this.#blocks.keys()));
    const block = this.#correlator.block(this.#reference, number);
    this.#blocks.set(number, block);
    return block;
  }
}
