/**
 * Random numbers that a seed repeats: what RFC 3550 §5.1 wants random (SSRC, first sequence number, first timestamp), and no
 * secret. The generator is mulberry32, 32 bits of state.
 */
export class SeededRandom {
  #state: number;

  /** @param seed its lower 32 bits count. */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 32 bits, unsigned. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  uint16(): number {
    return this.uint32() >>> 16;
  }
}
