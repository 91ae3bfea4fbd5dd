/** What digest answers take from the machine: hashes, and bytes that nobody can guess. */
import { createHash, randomBytes } from 'node:crypto';
import type { DigestTools } from '../digest.ts';

export const DIGEST_TOOLS: DigestTools = {
  hash: (algorithm, text) =>
    createHash(algorithm === 'MD5' ? 'md5' : 'sha256')
      .update(text)
      .digest('hex'),
  random: (bytes) => randomBytes(bytes).toString('hex'),
};
