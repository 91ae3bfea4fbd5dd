/** Vectors: RFC 3711 appendix B.3, RFC 6188 §7.2, RFC 7714 §16, and the packets that libsrtp checks itself with (`test/srtp_driver.c`). */
import { describe, expect, it } from 'vitest';
import { deriveKey, sessionKeysOf } from '../../../src/core/srtp/session-keys.ts';
import { SRTP_SUITES } from '../../../src/core/srtp/suites.ts';
import type { SrtpSuiteName } from '../../../src/core/srtp/suites.ts';
import { transformOf } from '../../../src/core/srtp/transform.ts';
import type { SrtpTransform } from '../../../src/core/srtp/transform.ts';
import { bytesOf, hexOf } from './hex.ts';

function protectedBy(transform: SrtpTransform, plain: Uint8Array, ssrc: number, index: number): Uint8Array {
  const out = new Uint8Array(plain.length + transform.tagBytes);
  transform.protect(plain, 12, ssrc, index, out);
  return out;
}

describe('session keys', () => {
  it('of AES-128 (RFC 3711 B.3)', () => {
    const [key, salt] = [bytesOf('e1f97a0d3e018be0d64fa32c06de4139'), bytesOf('0ec675ad498afeebb6960b3aabe6')];
    expect(hexOf(deriveKey(key, salt, 0, 16))).toBe('c61e7a93744f39ee10734afe3ff7a087');
    expect(hexOf(deriveKey(key, salt, 2, 14))).toBe('30cbbc08863d8c85d49db34a9ae1');
    expect(hexOf(deriveKey(key, salt, 1, 20))).toBe('cebe321f6ff7716b6fd4ab49af256a156d38baa4');
  });

  it('of AES-256 (RFC 6188 §7.2)', () => {
    const key = bytesOf('f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6');
    const salt = bytesOf('3b04803de51ee7c96423ab5b78d2');
    expect(hexOf(deriveKey(key, salt, 0, 32))).toBe('5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4');
    expect(hexOf(deriveKey(key, salt, 2, 14))).toBe('fa31791685ca444a9e07c6c64e93');
    expect(hexOf(deriveKey(key, salt, 1, 20))).toBe('fd9c32d39ed5fbb5a9dc96b30818454d1313dc05');
  });
});

describe('a packet', () => {
  const HEADER = '800f1234decafbadcafebabe';
  const PLAIN = bytesOf(`${HEADER}${'ab'.repeat(16)}`);
  const CM_MASTER = 'e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6';

  it.each([
    ['AES_CM_128_HMAC_SHA1_80', CM_MASTER, '4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb'],
    ['AES_CM_128_HMAC_SHA1_32', CM_MASTER, '4e55dc4ce79978d88ca4d215949d2402b78d6acc'],
    [
      'AEAD_AES_128_GCM',
      '000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab',
      'c5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392',
    ],
  ] as const)('%s: as libsrtp makes it', (suite, master, expected) => {
    const transform = transformOf(sessionKeysOf({ suite, master: bytesOf(master) }));
    expect(hexOf(protectedBy(transform, PLAIN, 0xcafebabe, 0x1234))).toBe(`${HEADER}${expected}`);
  });

  it.each([
    [
      'AEAD_AES_128_GCM',
      '000102030405060708090a0b0c0d0e0f',
      'f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833899d7f27beb16a9152cf765ee4390cce',
    ],
    [
      'AEAD_AES_256_GCM',
      '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f',
      '32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b7aa3db36dfffd6b0f9bb7878d7a76c13',
    ],
  ] satisfies readonly (readonly [SrtpSuiteName, string, string])[])('%s: as in RFC 7714 §16', (suite, key, expected) => {
    const header = '8040f17b8041f8d35501a0b2';
    const plain = bytesOf(`${header}${hexOf(new TextEncoder().encode('Gallia est omnis divisa in partes tres'))}`);
    const salt = bytesOf('517569642070726f2071756f');
    const transform = transformOf({ ...SRTP_SUITES[suite], key: bytesOf(key), salt, authenticationKey: new Uint8Array() });
    expect(hexOf(protectedBy(transform, plain, 0x5501a0b2, 0xf17b))).toBe(`${header}${expected}`);
  });
});
