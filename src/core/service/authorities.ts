/** Certificates of authorities from a file of the user. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { messageOf, RtplatError } from '../errors.ts';

/** @param what the file is, for messages: `--tls-ca ca.pem`. @returns PEM. @throws RtplatError `usage` when the file has no certificate that can be read. */
export function readAuthorities(file: string, what: string): string {
  try {
    const text = readFileSync(file, 'latin1');
    createSecureContext({ ca: text });
    // The context takes a file without any certificate as well.
    void new X509Certificate(text);
    return text;
  } catch (error) {
    throw new RtplatError('usage', `cannot use ${what}: ${messageOf(error)}`, { cause: error });
  }
}
