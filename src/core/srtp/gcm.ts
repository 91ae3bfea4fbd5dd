/** AES in Galois counter mode (RFC 7714 §8). */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { setPacketIv } from './packet-iv.ts';
import type { SessionKeys } from './session-keys.ts';
import type { SrtpTransform } from './transform.ts';

/** RFC 7714 §8.1: the SSRC is so far into what makes each packet another one. */
const SSRC_AT = 2;

export class Gcm implements SrtpTransform {
  readonly tagBytes: number;
  readonly #cipher: 'aes-128-gcm' | 'aes-256-gcm';
  readonly #key: Uint8Array;
  readonly #salt: Uint8Array;
  readonly #iv: Uint8Array;

  constructor({ tagBytes, key, salt }: SessionKeys) {
    this.tagBytes = tagBytes;
    this.#cipher = key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
    this.#key = key;
    this.#salt = salt;
    this.#iv = new Uint8Array(salt.length);
  }

  protect(plain: Uint8Array, payloadAt: number, ssrc: number, index: number, out: Uint8Array, word?: number): void {
    const header = plain.subarray(0, payloadAt);
    setPacketIv(this.#iv, this.#salt, SSRC_AT, ssrc, index);
    const cipher = createCipheriv(this.#cipher, this.#key, this.#iv).setAAD(authenticated(header, word));
    out.set(header);
    out.set(cipher.update(plain.subarray(payloadAt)), payloadAt);
    cipher.final();
    out.set(cipher.getAuthTag(), plain.length);
  }

  open(packet: Uint8Array, payloadAt: number, tag: Uint8Array, ssrc: number, index: number, word?: number): boolean {
    setPacketIv(this.#iv, this.#salt, SSRC_AT, ssrc, index);
    const cipher = createDecipheriv(this.#cipher, this.#key, this.#iv, { authTagLength: this.tagBytes });
    cipher.setAAD(authenticated(packet.subarray(0, payloadAt), word)).setAuthTag(tag);
    const payload = cipher.update(packet.subarray(payloadAt));
    try {
      cipher.final();
    } catch {
      // Node.js says by throwing that the tag is another one.
      return false;
    }
    packet.set(payload, payloadAt);
    return true;
  }
}

/** RFC 7714 §8.2, and §9.2 of RTCP: what is authenticated and not encrypted. */
function authenticated(header: Uint8Array, word: number | undefined): Uint8Array {
  if (word === undefined) return header;
  const both = new Uint8Array(header.length + 4);
  both.set(header);
  new DataView(both.buffer).setUint32(header.length, word);
  return both;
}
