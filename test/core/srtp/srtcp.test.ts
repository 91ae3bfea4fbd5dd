/** Vectors: the packets that libsrtp checks itself with (`test/srtp_driver.c`). */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DROPPED } from '../../../src/core/srtp/receiver.ts';
import { SrtcpReceiver, SrtcpSender } from '../../../src/core/srtp/srtcp.ts';
import { masterBytes, SRTP_SUITE_NAMES } from '../../../src/core/srtp/suites.ts';
import { bytesOf, hexOf } from './hex.ts';

const PLAIN = `81c8000bcafebabe${'ab'.repeat(16)}`;

describe('a packet of RTCP', () => {
  it.each([
    [
      'AES_CM_128_HMAC_SHA1_80',
      'e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6',
      '81c8000bcafebabe7128035be487b9bdbef89041f977a5a880000001993e08cd54d6c1230798',
    ],
    [
      'AEAD_AES_128_GCM',
      '000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab',
      '81c8000bcafebabec98b8b5df0392a55852b6c21ac8e7025c52c6fbea2b3b446ea31123ba88ce61e80000001',
    ],
  ] as const)('%s: as libsrtp makes it, which begins with index 1', (suite, master, expected) => {
    const sender = new SrtcpSender({ suite, master: bytesOf(master) });
    sender.protect(bytesOf(PLAIN));
    expect(hexOf(sender.protect(bytesOf(PLAIN)))).toBe(expected);
  });

  it.each(SRTP_SUITE_NAMES)('%s: is opened once, and not at all when a bit of it was turned over', (suite) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 200 }), fc.nat(), (plain, at) => {
        const key = { suite, master: new Uint8Array(masterBytes(suite)).fill(5) };
        const [sender, receiver] = [new SrtcpSender(key), new SrtcpReceiver(key)];
        const wire = sender.protect(plain);
        const altered = Uint8Array.from(wire);
        const bit = at % (8 * wire.length);
        altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(receiver.open(altered, 0, altered.length)).toBe(DROPPED);
        const buffer = new Uint8Array(wire.length + 7);
        buffer.set(wire, 7);
        expect(receiver.open(buffer, 7, wire.length)).toBe(plain.length);
        expect(buffer.subarray(7, 7 + plain.length)).toEqual(plain);
        expect(receiver.open(wire, 0, wire.length)).toBe(DROPPED);
      }),
    );
  });

  it('what is too short, or no SRTCP at all, is dropped', () => {
    const receiver = new SrtcpReceiver({ suite: 'AES_CM_128_HMAC_SHA1_80', master: new Uint8Array(30) });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        expect(receiver.open(bytes, 0, bytes.length)).toBe(DROPPED);
      }),
    );
  });
});
