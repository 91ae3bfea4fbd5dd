/**
 * The last bytes that were sent, and where each run of {@link RUN} of them begins: a rolling hash of every run, in chains as DEFLATE
 * keeps them (RFC 1951 §4). A byte costs the same however much is remembered; a lookup follows a chain a few steps at the most.
 */

/** Bytes that identify a place: 16 samples of G.711, 8 of L16. */
export const RUN = 16;
const MULTIPLIER = 0x01000193;
const OUTGOING: number = power(MULTIPLIER, RUN);
/** Runs with one hash that are looked at. Noise has hardly ever two; what repeats itself is not worth more. */
const MOST_STEPS = 8;
const SPREADER = 0x9e3779b1;

/** More than one place has these bytes. */
export const AMBIGUOUS = -2;
/** No place has. */
export const NOWHERE = -1;

export class PayloadIndex {
  /** Places that a hash named and whose bytes were others. */
  collisions = 0;
  readonly #bytes: Uint8Array;
  /** By hash, the slot of the latest run, and by slot, that of the one before in its chain; −1 for none. */
  readonly #heads: Int32Array;
  readonly #before: Int32Array;
  readonly #shift: number;
  #hash = 0;
  #end = 0;

  /** @param size bytes remembered, a power of two. */
  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
    this.#before = new Int32Array(size).fill(-1);
    this.#heads = new Int32Array(2 * size).fill(-1);
    this.#shift = 31 - Math.log2(size);
  }

  /** Bytes sent so far. */
  get end(): number {
    return this.#end;
  }

  /** The first byte that is still remembered. */
  get start(): number {
    return Math.max(0, this.#end - this.#bytes.length);
  }

  append(payload: Uint8Array, offset: number, length: number): void {
    const bytes = this.#bytes;
    const mask = bytes.length - 1;
    for (let i = 0; i < length; i++) {
      const end = this.#end;
      const leaving = end >= RUN ? (bytes[(end - RUN) & mask] as number) : 0;
      const byte = payload[offset + i] as number;
      this.#hash = rolled(this.#hash, leaving, byte);
      bytes[end & mask] = byte;
      this.#end = end + 1;
      if (this.#end < RUN) continue;
      const slot = (this.#end - RUN) & mask;
      const chain = this.#chainOf(this.#hash);
      this.#before[slot] = this.#heads[chain] as number;
      this.#heads[chain] = slot;
    }
  }

  /** The place of the run at `payload[at]`, whose hash is `hash`; {@link NOWHERE} or {@link AMBIGUOUS}. */
  find(payload: Uint8Array, at: number, hash: number): number {
    const mask = this.#bytes.length - 1;
    let slot = this.#heads[this.#chainOf(hash)] as number;
    let latest = this.#end;
    let found = NOWHERE;
    for (let step = 0; step < MOST_STEPS && slot >= 0; step++) {
      const place = this.#end - 1 - ((this.#end - 1 - slot) & mask);
      // A slot that has been written since belongs to another chain: places only go down within one.
      if (place >= latest || place + RUN > this.#end) return found;
      latest = place;
      if (this.matches(payload, at, at + RUN, place) === RUN) {
        if (found !== NOWHERE) return AMBIGUOUS;
        found = place;
      } else this.collisions += 1;
      slot = this.#before[slot] as number;
    }
    return found;
  }

  /** How many bytes of `payload[at … to)` are those from `place` on. */
  matches(payload: Uint8Array, at: number, to: number, place: number): number {
    const mask = this.#bytes.length - 1;
    const most = Math.min(to - at, this.#end - place);
    let length = 0;
    while (length < most && payload[at + length] === this.#bytes[(place + length) & mask]) length += 1;
    return length;
  }

  /** How many bytes before `payload[at]`, back to `payload[from]`, are those before `place`. */
  matchesBefore(payload: Uint8Array, at: number, from: number, place: number): number {
    const mask = this.#bytes.length - 1;
    const most = Math.min(at - from, place - this.start);
    let length = 0;
    while (length < most && payload[at - 1 - length] === this.#bytes[(place - 1 - length) & mask]) length += 1;
    return length;
  }

  #chainOf(hash: number): number {
    return Math.imul(hash, SPREADER) >>> this.#shift;
  }
}

/** The hash of the run at `payload[at]`. */
export function hashOf(payload: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = 0; i < RUN; i++) hash = rolled(hash, 0, payload[at + i] as number);
  return hash;
}

/** The hash of a run that loses its first byte and gains one behind the last. */
export function rolled(hash: number, leaving: number, coming: number): number {
  return (Math.imul(hash, MULTIPLIER) + coming - Math.imul(leaving, OUTGOING)) | 0;
}

function power(base: number, exponent: number): number {
  let result = 1;
  for (let i = 0; i < exponent; i++) result = Math.imul(result, base);
  return result;
}
