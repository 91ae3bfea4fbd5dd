/**
 * Tokens: the last bytes of a datagram are a keyed hash (HMAC, RFC 2104, with SHA-256, its first 16 bytes) of all that is before them.
 * An echo with a key answers those alone, so that forged packets of strangers get nothing. It costs some microseconds a packet at
 * each end. A token says nothing of the sender's address, which a NAT on the way would alter.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readSecret } from '../service/secret.ts';
import { RtplatError } from '../errors.ts';

export const TOKEN_BYTES = 16;
/** Characters of a key: 32 hexadecimal digits are 128 bits. */
const SHORTEST_KEY = 32;

/** @throws RtplatError `usage` when there is no key in the file, or a short one. */
export function readTokenKey(file: string, env: NodeJS.ProcessEnv): string {
  const key = readSecret(file, '--token-file', env);
  if (key.length >= SHORTEST_KEY) return key;
  throw new RtplatError('usage', `--token-file ${file}: the key has ${key.length} characters, fewer than ${SHORTEST_KEY}`, {
    hint: 'make one: openssl rand -hex 32',
  });
}

export class TokenKey {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  /** Writes the token into the last {@link TOKEN_BYTES} of a packet. */
  sign(packet: Uint8Array): void {
    const end = packet.length - TOKEN_BYTES;
    packet.set(this.#tokenOf(packet.subarray(0, end)), end);
  }

  /** Whether the datagram `buffer[offset … offset+length)` carries its token. */
  isOn(buffer: Uint8Array, offset: number, length: number): boolean {
    const end = offset + length - TOKEN_BYTES;
    if (end < offset) return false;
    return timingSafeEqual(this.#tokenOf(buffer.subarray(offset, end)), buffer.subarray(end, end + TOKEN_BYTES));
  }

  #tokenOf(bytes: Uint8Array): Uint8Array {
    return createHmac('sha256', this.#key).update(bytes).digest().subarray(0, TOKEN_BYTES);
  }
}
