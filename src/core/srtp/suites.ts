/** Cipher suites of SRTP (RFC 3711, RFC 7714) under their names in session descriptions (RFC 4568 §6.2, RFC 7714 §14.2). Pure. */

export interface SrtpSuite {
  /** Of the master key, and of the session key. */
  readonly keyBytes: 16 | 32;
  /** Of the master salt, and of the session salt. */
  readonly saltBytes: 12 | 14;
  /** What a packet grows by. */
  readonly tagBytes: 4 | 10 | 16;
  /** AES-GCM; else AES counter mode and HMAC-SHA1. */
  readonly aead: boolean;
}

export type SrtpSuiteName = 'AES_CM_128_HMAC_SHA1_80' | 'AES_CM_128_HMAC_SHA1_32' | 'AEAD_AES_128_GCM' | 'AEAD_AES_256_GCM';

export const SRTP_SUITES: Readonly<Record<SrtpSuiteName, SrtpSuite>> = {
  AES_CM_128_HMAC_SHA1_80: { keyBytes: 16, saltBytes: 14, tagBytes: 10, aead: false },
  AES_CM_128_HMAC_SHA1_32: { keyBytes: 16, saltBytes: 14, tagBytes: 4, aead: false },
  AEAD_AES_128_GCM: { keyBytes: 16, saltBytes: 12, tagBytes: 16, aead: true },
  AEAD_AES_256_GCM: { keyBytes: 32, saltBytes: 12, tagBytes: 16, aead: true },
};
export const SRTP_SUITE_NAMES = Object.keys(SRTP_SUITES) as readonly SrtpSuiteName[];

/** What one direction of a stream is encrypted with. Plain data: it goes to another thread. Never to a log or a document. */
export interface SrtpKey {
  readonly suite: SrtpSuiteName;
  /** Master key and master salt, one behind the other. */
  readonly master: Uint8Array;
}

export interface SrtpKeys {
  readonly send: SrtpKey;
  readonly receive: SrtpKey;
}

export function isSuiteName(name: string): name is SrtpSuiteName {
  return Object.hasOwn(SRTP_SUITES, name);
}

/** Bytes of {@link SrtpKey.master}. */
export function masterBytes(name: SrtpSuiteName): number {
  const { keyBytes, saltBytes } = SRTP_SUITES[name];
  return keyBytes + saltBytes;
}
