/**
 * SRTP packets, encrypted and authenticated: AES in counter mode with HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1) and AES-GCM (RFC 7714 §8).
 * Ciphers and hash are OpenSSL's.
 */
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import type { SessionKeys } from './session-keys.ts';
import type { SrtpSuite } from './suites.ts';

/** Of AES. */
const BLOCK_BYTES = 16;

export class SrtpTransform {
  readonly tagBytes: number;
  readonly #suite: SrtpSuite;
  readonly #cipher: 'aes-128-ctr' | 'aes-256-ctr' | 'aes-128-gcm' | 'aes-256-gcm';
  readonly #key: Uint8Array;
  readonly #salt: Uint8Array;
  readonly #authenticationKey: Uint8Array;
  readonly #iv: Uint8Array;
  readonly #rollover = new Uint8Array(4);

  constructor({ suite, key, salt, authenticationKey }: SessionKeys) {
    this.#suite = suite;
    this.tagBytes = suite.tagBytes;
    this.#cipher = `aes-${suite.keyBytes === 16 ? 128 : 256}-${suite.aead ? 'gcm' : 'ctr'}`;
    this.#key = key;
    this.#salt = salt;
    this.#authenticationKey = authenticationKey;
    this.#iv = new Uint8Array(suite.aead ? suite.saltBytes : BLOCK_BYTES);
  }

  /**
   * Writes to `out` the packet `plain`, whose payload begins at `payloadAt`, and its tag.
   *
   * @param index of the packet, 48 bits.
   */
  protect(plain: Uint8Array, payloadAt: number, ssrc: number, index: number, out: Uint8Array): void {
    const payload = plain.subarray(payloadAt);
    out.set(plain.subarray(0, payloadAt));
    this.#setIv(ssrc, index);
    const end = plain.length;
    if (this.#suite.aead) {
      const cipher = createCipheriv(this.#cipher as 'aes-128-gcm', this.#key, this.#iv);
      cipher.setAAD(plain.subarray(0, payloadAt));
      out.set(cipher.update(payload), payloadAt);
      cipher.final();
      out.set(cipher.getAuthTag(), end);
      return;
    }
    out.set(createCipheriv(this.#cipher, this.#key, this.#iv).update(payload), payloadAt);
    out.set(this.#tagOf(out.subarray(0, end), index), end);
  }

  /**
   * Decrypts in place.
   *
   * @param packet without its tag.
   * @returns false, and the packet as it was, when it is not authentic.
   */
  open(packet: Uint8Array, payloadAt: number, tag: Uint8Array, ssrc: number, index: number): boolean {
    const payload = packet.subarray(payloadAt);
    this.#setIv(ssrc, index);
    if (!this.#suite.aead) {
      if (!timingSafeEqual(this.#tagOf(packet, index), tag)) return false;
      packet.set(createDecipheriv(this.#cipher, this.#key, this.#iv).update(payload), payloadAt);
      return true;
    }
    const cipher = createDecipheriv(this.#cipher as 'aes-128-gcm', this.#key, this.#iv, { authTagLength: this.tagBytes });
    cipher.setAAD(packet.subarray(0, payloadAt));
    cipher.setAuthTag(tag);
    const opened = cipher.update(payload);
    try {
      cipher.final();
    } catch {
      return false;
    }
    packet.set(opened, payloadAt);
    return true;
  }

  /** The salt, with the SSRC and the index on it: behind four bytes in counter mode (RFC 3711 §4.1.1), behind two in GCM (RFC 7714 §8.1). */
  #setIv(ssrc: number, index: number): void {
    const iv = this.#iv;
    const at = this.#suite.aead ? 2 : 4;
    iv.fill(0);
    iv.set(this.#salt);
    for (let i = 0; i < 4; i++) iv[at + i] = (iv[at + i] as number) ^ byteOf(ssrc, 3 - i);
    for (let i = 0; i < 6; i++) iv[at + 4 + i] = (iv[at + 4 + i] as number) ^ byteOf(index, 5 - i);
  }

  #tagOf(packet: Uint8Array, index: number): Uint8Array {
    for (let i = 0; i < 4; i++) this.#rollover[i] = byteOf(index, 5 - i);
    const digest = createHmac('sha1', this.#authenticationKey).update(packet).update(this.#rollover).digest();
    return digest.subarray(0, this.tagBytes);
  }
}

/** Byte `place` of a number of up to 48 bits, the last one is 0. */
function byteOf(number: number, place: number): number {
  return Math.floor(number / 2 ** (8 * place)) & 0xff;
}
