/** Keyed hashing of 32-bit words. Whoever does not know the key cannot choose what falls upon what. */

/** Of 32-bit words, from a source of randomness. */
export const KEY_WORDS = 4;

/** @param random gives so many random bytes, that nobody can foretell. */
export function hashKey(random: (bytes: number) => Uint8Array): Int32Array {
  const bytes = random(KEY_WORDS * Int32Array.BYTES_PER_ELEMENT);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Int32Array.from({ length: KEY_WORDS }, (_, i) => view.getInt32(i * Int32Array.BYTES_PER_ELEMENT));
}

/** Takes a word in; by the rounds of MurmurHash3. */
export function mix(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51);
  k = (k << 15) | (k >>> 17);
  const h = hash ^ Math.imul(k, 0x1b87_3593);
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0;
}

/** @param key taken in once more, so that the last word has been through as much as the first. @returns 32 bits, unsigned. */
export function finish(hash: number, key: number): number {
  let h = hash ^ key;
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
