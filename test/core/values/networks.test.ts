import { isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ADDRESS_WORDS,
  formatAddressWords,
  isIn,
  isIpv4Words,
  isLoopbackWords,
  parseAddressWords,
  parseNetwork,
} from '../../../src/core/values/networks.ts';

function words(text: string): Int32Array {
  const out = new Int32Array(ADDRESS_WORDS);
  expect(parseAddressWords(text, out), text).toBe(true);
  return out;
}

const hex = (text: string): string[] => [...words(text)].map((word) => (word >>> 0).toString(16));

/** @returns undefined when the text is no network. */
function within(network: string, address: string): boolean | undefined {
  const parsed = parseNetwork(network);
  return parsed === undefined ? undefined : isIn(words(address), parsed);
}

describe('parseAddressWords', () => {
  it.each([
    ['192.0.2.1', ['0', '0', 'ffff', 'c0000201']],
    ['255.255.255.255', ['0', '0', 'ffff', 'ffffffff']],
    ['::ffff:192.0.2.1', ['0', '0', 'ffff', 'c0000201']],
    ['::', ['0', '0', '0', '0']],
    ['::1', ['0', '0', '0', '1']],
    ['1::', ['10000', '0', '0', '0']],
    ['2001:db8:1:2:3:4:5:6', ['20010db8', '10002', '30004', '50006'].map((word) => word.replace(/^0+/, ''))],
    ['2001:DB8::8:800:200c:417a', ['20010db8', '0', '80800', '200c417a']],
    ['fe80::1%eth0', ['fe800000', '0', '0', '1']],
    ['64:ff9b::192.0.2.33', ['64ff9b', '0', '0', 'c0000221']],
  ])('%s', (text, expected) => {
    expect(hex(text)).toEqual(expected);
  });

  it('takes what Node takes for an address, and nothing else', () => {
    const texts = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.string({ unit: fc.constantFrom('0', '1', '25', 'f', ':', '::', '.', 'g', '-', ' '), maxLength: 12 }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        expect(parseAddressWords(text, new Int32Array(ADDRESS_WORDS))).toBe(isIP(text) !== 0);
      }),
    );
  });

  it('is undone by formatAddressWords', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        expect(words(formatAddressWords(words(text)))).toEqual(words(text));
      }),
    );
    for (const text of ['192.0.2.1', '2001:db8::1', '::1', '2001:db8:0:1:1:1:1:1', '1:0:0:2::3']) {
      expect(formatAddressWords(words(text))).toBe(text);
    }
  });
});

describe('parseNetwork', () => {
  it.each([
    ['10.0.0.0/8', '10.255.1.2', true],
    ['10.0.0.0/8', '11.0.0.0', false],
    // What stands behind the prefix is passed over.
    ['192.0.2.77/24', '192.0.2.200', true],
    ['192.0.2.77', '192.0.2.77', true],
    ['192.0.2.77', '192.0.2.76', false],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '2001:db8::1', true],
    ['2001:db8::/33', '2001:db8:7fff::1', true],
    ['2001:db8::/33', '2001:db8:8000::1', false],
    ['::ffff:10.0.0.0/104', '10.1.2.3', true],
    ['10.0.0.0/8', '::ffff:10.1.2.3', true],
  ])('%s and %s: %j', (network, address, expected) => {
    expect(within(network, address)).toBe(expected);
  });

  it.each([
    '',
    '/',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    'host',
    '10.0.0',
    '::1::',
    '1.2.3.4.5',
  ])('refuses %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined();
  });

  it('holds the addresses whose first bits are its own, bit by bit', () => {
    const address = fc.array(fc.boolean(), { minLength: 128, maxLength: 128 });
    const packed = (bits: readonly boolean[]): Int32Array =>
      Int32Array.from({ length: 4 }, (_, i) =>
        Number.parseInt(
          bits
            .slice(32 * i, 32 * i + 32)
            .map(Number)
            .join(''),
          2,
        ),
      );
    fc.assert(
      fc.property(address, address, fc.nat(128), fc.boolean(), (one, other, length, near) => {
        const compared = near ? [...one.slice(0, length), ...other.slice(length)] : other;
        const network = parseNetwork(`${full(packed(one))}/${length}`);
        const same = one.slice(0, length).every((bit, i) => bit === compared[i]);
        expect(network !== undefined && isIn(packed(compared), network)).toBe(same);
      }),
    );
  });
});

/** Without `::`, and never taken for IPv4. */
function full(address: Int32Array): string {
  return [...address].flatMap((word) => [(word >>> 16).toString(16), (word & 0xffff).toString(16)]).join(':');
}

it('knows loopback and IPv4', () => {
  expect(['127.0.0.1', '127.255.0.1', '::1', '::ffff:127.0.0.1'].map((text) => isLoopbackWords(words(text)))).toEqual([
    true,
    true,
    true,
    true,
  ]);
  expect(['126.0.0.1', '128.0.0.1', '::', '::2', '::7f00:1', '1::1'].map((text) => isLoopbackWords(words(text)))).not.toContain(true);
  expect(isIpv4Words(words('0.0.0.0'))).toBe(true);
  expect(isIpv4Words(words('::'))).toBe(false);
});
