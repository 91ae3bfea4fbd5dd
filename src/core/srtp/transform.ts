/** What encrypts and authenticates packets with given session keys. Ciphers and hashes are OpenSSL's. */
import { CounterMode } from './counter-mode.ts';
import { Gcm } from './gcm.ts';
import type { SessionKeys } from './session-keys.ts';

export interface SrtpTransform {
  /** What a packet grows by. */
  readonly tagBytes: number;
  /**
   * Writes to `out` the packet `plain`, encrypted from `payloadAt` on, and its tag.
   *
   * @param index of the packet, 48 bits; of RTCP, 31.
   * @param word of RTCP, what is behind its packets: 32 bits that are authenticated too.
   */
  protect(plain: Uint8Array, payloadAt: number, ssrc: number, index: number, out: Uint8Array, word?: number): void;
  /**
   * Decrypts in place.
   *
   * @param packet without its tag.
   * @returns false, and the packet as it was, when it is not authentic.
   */
  open(packet: Uint8Array, payloadAt: number, tag: Uint8Array, ssrc: number, index: number, word?: number): boolean;
}

export function transformOf(keys: SessionKeys): SrtpTransform {
  return keys.aead ? new Gcm(keys) : new CounterMode(keys);
}
