import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatSdes, readSdes } from '../../../src/core/srtp/sdes.ts';
import { masterBytes, SRTP_SUITE_NAMES } from '../../../src/core/srtp/suites.ts';

/** RFC 4568 §6.1. */
const KEY = 'inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR';

describe('a=crypto', () => {
  it('of RFC 4568 is read, with and without a lifetime', () => {
    const read = readSdes(1, 'AES_CM_128_HMAC_SHA1_80', KEY, '');
    expect(Buffer.from(read?.key.master ?? []).toString('base64')).toBe(KEY.slice(7));
    expect(readSdes(1, 'AES_CM_128_HMAC_SHA1_80', `${KEY}|2^20`, '')).toEqual(read);
  });

  it.each([
    ['a suite that is not ours', 'F8_128_HMAC_SHA1_80', KEY, ''],
    ['no suite, but a name that objects have', 'constructor', KEY, ''],
    ['session parameters', 'AES_CM_128_HMAC_SHA1_80', KEY, 'UNENCRYPTED_SRTP'],
    ['an MKI', 'AES_CM_128_HMAC_SHA1_80', `${KEY}|2^20|1:4`, ''],
    ['an MKI without a lifetime', 'AES_CM_128_HMAC_SHA1_80', `${KEY}|1:4`, ''],
    ['two keys', 'AES_CM_128_HMAC_SHA1_80', `${KEY};${KEY}`, ''],
    ['a key that is too short', 'AES_CM_128_HMAC_SHA1_80', KEY.slice(0, -4), ''],
    ['a key for another suite', 'AEAD_AES_128_GCM', KEY, ''],
    ['another method', 'AES_CM_128_HMAC_SHA1_80', KEY.replace('inline', 'uri'), ''],
    ['no base64', 'AES_CM_128_HMAC_SHA1_80', KEY.replace('PS1u', 'PS*u'), ''],
  ])('%s: is not taken', (_, suite, key, parameters) => {
    expect(readSdes(1, suite, key, parameters)).toBeUndefined();
  });

  it('reads what it writes, as Node.js would write it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SRTP_SUITE_NAMES),
        fc.integer({ min: 1, max: 9 }),
        fc.infiniteStream(fc.nat(255)),
        (suite, tag, stream) => {
          const master = Uint8Array.from(stream.take(masterBytes(suite)));
          const line = formatSdes({ tag, key: { suite, master } });
          expect(line).toBe(`${tag} ${suite} inline:${Buffer.from(master).toString('base64')}`);
          expect(readSdes(tag, suite, line.split(' ')[2] ?? '', '')).toEqual({ tag, key: { suite, master } });
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (text, more) => {
        expect(readSdes(1, 'AES_CM_128_HMAC_SHA1_80', `inline:${text}`, more)).toBeUndefined();
      }),
    );
  });
});
