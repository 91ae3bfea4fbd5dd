/** Real digests and predictable "random" bytes. */
import { createHash } from 'node:crypto';
import type { DigestTools } from '../../../src/core/sip/digest.ts';

export function hash(algorithm: 'MD5' | 'SHA-256', text: string): string {
  return createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
    .update(text)
    .digest('hex');
}

/** @param nonces what the calls of `random` return, in turn; the last one again and again. */
export function digestTools(...nonces: readonly string[]): DigestTools {
  let next = 0;
  return {
    hash,
    random: (bytes) => nonces[Math.min(next++, nonces.length - 1)] ?? '0'.repeat(2 * bytes),
  };
}
