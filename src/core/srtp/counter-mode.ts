/**
 * AES in counter mode (RFC 3711 §4.1.1) with HMAC-SHA1 (§4.2.1, RFC 2104). To make a cipher or an HMAC of Node.js costs some 12 µs, five times what
 * it then does with a packet: one cipher that encrypts blocks lasts for all packets and gives the key stream, and hashes need no object.
 */
import { createCipheriv, hash, timingSafeEqual } from 'node:crypto';
import type { Cipheriv } from 'node:crypto';
import { setPacketIv } from './packet-iv.ts';
import type { SessionKeys } from './session-keys.ts';
import type { SrtpTransform } from './transform.ts';

const BLOCK_BYTES = 16;
/** Of SHA-1: what it takes at once, and what it gives. */
const HASH_BLOCK_BYTES = 64;
const HASH_BYTES = 20;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
/** What is authenticated behind the packet. */
const WORD_BYTES = 4;
/** RFC 3711 §4.1.1: the SSRC is so far into the counter. */
const SSRC_AT = 4;

export class CounterMode implements SrtpTransform {
  readonly tagBytes: number;
  readonly #salt: Uint8Array;
  readonly #blocks: Cipheriv;
  #counters: Uint8Array = new Uint8Array();
  /** What is hashed: the padded key, the packet, the rollover counter. */
  #inner: Uint8Array;
  readonly #outer = new Uint8Array(HASH_BLOCK_BYTES + HASH_BYTES).fill(OUTER_PAD);

  constructor({ tagBytes, key, salt, authenticationKey }: SessionKeys) {
    this.tagBytes = tagBytes;
    this.#salt = salt;
    this.#blocks = createCipheriv(key.length === 16 ? 'aes-128-ecb' : 'aes-256-ecb', key, null).setAutoPadding(false);
    this.#inner = new Uint8Array(HASH_BLOCK_BYTES).fill(INNER_PAD);
    for (const [i, byte] of authenticationKey.entries()) {
      this.#inner[i] = byte ^ INNER_PAD;
      this.#outer[i] = byte ^ OUTER_PAD;
    }
  }

  protect(plain: Uint8Array, payloadAt: number, ssrc: number, index: number, out: Uint8Array, word?: number): void {
    out.set(plain);
    this.#crypt(out.subarray(payloadAt, plain.length), ssrc, index);
    out.set(this.#tagOf(out.subarray(0, plain.length), word ?? rolloverOf(index)), plain.length);
  }

  open(packet: Uint8Array, payloadAt: number, tag: Uint8Array, ssrc: number, index: number, word?: number): boolean {
    if (!timingSafeEqual(this.#tagOf(packet, word ?? rolloverOf(index)), tag)) return false;
    this.#crypt(packet.subarray(payloadAt), ssrc, index);
    return true;
  }

  #crypt(payload: Uint8Array, ssrc: number, index: number): void {
    const count = Math.ceil(payload.length / BLOCK_BYTES);
    if (count === 0) return;
    if (this.#counters.length < count * BLOCK_BYTES) this.#counters = new Uint8Array(count * BLOCK_BYTES);
    const counters = this.#counters.subarray(0, count * BLOCK_BYTES);
    const first = counters.subarray(0, BLOCK_BYTES);
    setPacketIv(first, this.#salt, SSRC_AT, ssrc, index);
    for (let block = 1; block < count; block++) {
      counters.copyWithin(block * BLOCK_BYTES, 0, BLOCK_BYTES - 2);
      counters[block * BLOCK_BYTES + BLOCK_BYTES - 2] = block >>> 8;
      counters[block * BLOCK_BYTES + BLOCK_BYTES - 1] = block;
    }
    const stream = this.#blocks.update(counters);
    for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] as number) ^ (stream[i] as number);
  }

  /** @param word the rollover counter (RFC 3711 §4.2); of RTCP what is behind its packets. */
  #tagOf(packet: Uint8Array, word: number): Uint8Array {
    const end = HASH_BLOCK_BYTES + packet.length;
    if (this.#inner.length < end + WORD_BYTES) {
      const longer = new Uint8Array(end + WORD_BYTES);
      longer.set(this.#inner.subarray(0, HASH_BLOCK_BYTES));
      this.#inner = longer;
    }
    this.#inner.set(packet, HASH_BLOCK_BYTES);
    for (let i = 0; i < WORD_BYTES; i++) this.#inner[end + i] = word >>> (24 - 8 * i);
    this.#outer.set(hash('sha1', this.#inner.subarray(0, end + WORD_BYTES), 'buffer'), HASH_BLOCK_BYTES);
    return hash('sha1', this.#outer, 'buffer').subarray(0, this.tagBytes);
  }
}

/** The index above the sequence number. */
function rolloverOf(index: number): number {
  return Math.floor(index / 65_536);
}
