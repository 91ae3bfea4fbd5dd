/** Keys in session descriptions: `a=crypto` (SDES, RFC 4568 §9.1) with one key, without MKI and without session parameters. Pure. */
import { isSuiteName, masterBytes } from './suites.ts';
import type { SrtpKey } from './suites.ts';

/** One `a=crypto` line. */
export interface SdesKey {
  /** What an answer names the line of the offer by: 1 to 9 digits. */
  readonly tag: number;
  readonly key: SrtpKey;
}

const INLINE = 'inline:';
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/** `1 AES_CM_128_HMAC_SHA1_80 inline:…` */
export function formatSdes({ tag, key }: SdesKey): string {
  return `${tag} ${key.suite} ${INLINE}${base64Of(key.master)}`;
}

/**
 * A line as it was taken apart: its tag, its suite, its key parameters.
 *
 * @param parameters what is behind them: RFC 4568 §6.3 forbids to accept what is not understood, and all of them change what is sent.
 * @returns undefined for a suite that is not ours, or what cannot be relied on. A lifetime is read over: no call is that long.
 */
export function readSdes(tag: number, suite: string, keyParameters: string, parameters: string): SdesKey | undefined {
  if (!isSuiteName(suite) || parameters !== '' || !keyParameters.startsWith(INLINE)) return undefined;
  const [text = '', ...more] = keyParameters.slice(INLINE.length).split('|');
  // An MKI is `number:length`; a lifetime has no colon.
  if (more.length > 1 || more.some((part) => part.includes(':'))) return undefined;
  const master = bytesOf(text);
  return master?.length === masterBytes(suite) ? { tag, key: { suite, master } } : undefined;
}

function base64Of(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 3) {
    const [a = 0, b = 0, c = 0] = bytes.subarray(at, at + 3);
    const word = (a << 16) | (b << 8) | c;
    const digits = Math.min(3, bytes.length - at) + 1;
    for (let i = 0; i < 4; i++) text += i < digits ? ALPHABET[(word >> (18 - 6 * i)) & 63] : '=';
  }
  return text;
}

/** @returns undefined when it is no base64 (RFC 4648 §4), with or without what fills it up. */
function bytesOf(text: string): Uint8Array | undefined {
  let end = text.length;
  while (end > text.length - 2 && text[end - 1] === '=') end -= 1;
  const bytes = new Uint8Array((end * 6) >> 3);
  let word = 0;
  let bits = 0;
  let length = 0;
  for (let at = 0; at < end; at++) {
    const digit = ALPHABET.indexOf(text.charAt(at));
    if (digit < 0) return undefined;
    word = ((word << 6) | digit) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = (word >> bits) & 0xff;
  }
  return length === bytes.length && bits < 6 ? bytes : undefined;
}
