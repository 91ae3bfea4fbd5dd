/** Numbers for keys of a fixed count of 32-bit words: a hash table without an allocation, of a size that never grows. */

const EMPTY = -1;

export class KeyTable {
  readonly #words: number;
  readonly #capacity: number;
  readonly #mask: number;
  readonly #slots: Int32Array;
  readonly #keys: Uint32Array;
  #size = 0;

  /** @param capacity keys that it holds. */
  constructor(words: number, capacity: number) {
    this.#words = words;
    this.#capacity = capacity;
    const slots = 2 ** Math.ceil(Math.log2(capacity * 2));
    this.#mask = slots - 1;
    this.#slots = new Int32Array(slots).fill(EMPTY);
    this.#keys = new Uint32Array(capacity * words);
  }

  /** The number of the key, −1 when it is not here. @param hash {@link hashOf} the key. */
  find(key: Uint32Array, hash: number): number {
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const index = this.#slots[slot] as number;
      if (index === EMPTY || this.#isAt(index, key)) return index;
    }
  }

  /** Numbers a key that is not here: 0, 1, 2 …; −1 when the table is full. */
  add(key: Uint32Array, hash: number): number {
    if (this.#size === this.#capacity) return EMPTY;
    const index = this.#size++;
    this.#keys.set(key, index * this.#words);
    let slot = hash & this.#mask;
    while (this.#slots[slot] !== EMPTY) slot = (slot + 1) & this.#mask;
    this.#slots[slot] = index;
    return index;
  }

  /** The key of that number, until the table is cleared. */
  keyAt(index: number): Uint32Array {
    return this.#keys.subarray(index * this.#words, (index + 1) * this.#words);
  }

  clear(): void {
    this.#slots.fill(EMPTY);
    this.#size = 0;
  }

  #isAt(index: number, key: Uint32Array): boolean {
    const keys = this.#keys;
    const at = index * this.#words;
    for (let i = 0; i < this.#words; i++) if (keys[at + i] !== key[i]) return false;
    return true;
  }
}

/** Of all words of a key (the mixing of MurmurHash3). */
export function hashOf(key: Uint32Array): number {
  let hash = 0;
  for (let i = 0; i < key.length; i++) {
    hash ^= Math.imul(key[i] as number, 0xcc9e_2d51);
    hash = Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe654_6b64;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return hash ^ (hash >>> 13);
}
