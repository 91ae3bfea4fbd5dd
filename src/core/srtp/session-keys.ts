/** Session keys from the master key: RFC 3711 §4.3 with a key derivation rate of 0, by AES of the master key's length (RFC 6188 §4, RFC 7714 §11). */
import { createCipheriv } from 'node:crypto';
import { SRTP_SUITES } from './suites.ts';
import type { SrtpKey } from './suites.ts';

export interface SessionKeys {
  readonly aead: boolean;
  readonly tagBytes: number;
  readonly key: Uint8Array;
  readonly salt: Uint8Array;
  /** Of HMAC-SHA1; empty where the cipher authenticates. */
  readonly authenticationKey: Uint8Array;
}

/** RFC 3711 §4.3.2: those of RTP, and so many above them those of RTCP. */
const LABEL = { key: 0, authenticationKey: 1, salt: 2 } as const;
const RTCP_LABELS = 3;
/** RFC 4568 §6.2.2: of RTCP with HMAC-SHA1, whatever RTP has. */
const RTCP_HASH_TAG_BYTES = 10;
const AUTHENTICATION_KEY_BYTES = 20;
const BLOCK_BYTES = 16;
/** Where the label is in the counter block: the index over the derivation rate behind it is 0, and so is the count of blocks. */
const LABEL_AT = 7;

export function sessionKeysOf({ suite: name, master }: SrtpKey, of: 'rtp' | 'rtcp' = 'rtp'): SessionKeys {
  const { keyBytes, saltBytes, aead } = SRTP_SUITES[name];
  const first = of === 'rtp' ? 0 : RTCP_LABELS;
  const [masterKey, masterSalt] = [master.subarray(0, keyBytes), master.subarray(keyBytes)];
  return {
    aead,
    tagBytes: of === 'rtcp' && !aead ? RTCP_HASH_TAG_BYTES : SRTP_SUITES[name].tagBytes,
    key: deriveKey(masterKey, masterSalt, first + LABEL.key, keyBytes),
    salt: deriveKey(masterKey, masterSalt, first + LABEL.salt, saltBytes),
    authenticationKey: aead
      ? new Uint8Array()
      : deriveKey(masterKey, masterSalt, first + LABEL.authenticationKey, AUTHENTICATION_KEY_BYTES),
  };
}

/** @param masterSalt of 112 bits, or of 96 that are filled up with zeros behind them. */
export function deriveKey(masterKey: Uint8Array, masterSalt: Uint8Array, label: number, bytes: number): Uint8Array {
  const counter = new Uint8Array(BLOCK_BYTES);
  counter.set(masterSalt);
  counter[LABEL_AT] = (counter[LABEL_AT] as number) ^ label;
  const stream = createCipheriv(masterKey.length === 16 ? 'aes-128-ctr' : 'aes-256-ctr', masterKey, counter);
  return stream.update(new Uint8Array(bytes));
}
