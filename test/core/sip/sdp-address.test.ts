import { isIP } from 'node:net';
import * as fc from 'fast-check';
import { expect, it, test } from 'vitest';
import { isHostName, isIpv4, isIpv6, isUnicast } from '../../../src/core/sip/sdp-address.ts';

const NEAR_ADDRESSES = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc
    .array(fc.constantFrom('0', '1', '25', '255', '256', '00', 'ff', 'FFFF', '12345', 'g', '.', ':', '::', '%', ' ', '-'), {
      maxLength: 17,
    })
    .map((parts) => parts.join('')),
);

test('addresses are what the operating system takes for them', () => {
  fc.assert(
    fc.property(NEAR_ADDRESSES, (text) => {
      expect([text, isIpv4(text)]).toEqual([text, isIP(text) === 4]);
      // A zone (fe80::1%eth0) means something on its own machine only.
      expect([text, isIpv6(text)]).toEqual([text, isIP(text) === 6 && !text.includes('%')]);
    }),
    { numRuns: 5_000 },
  );
});

it.each(['1:2:3:4:5:6:7:8', '1::8', '::', '1:2:3:4:5:6:7::', '::2:3:4:5:6:7:8', '1:2:3:4:5:6:192.0.2.1', '::192.0.2.1'])(
  '%s is IPv6',
  (text) => {
    expect(isIpv6(text)).toBe(true);
  },
);

it.each(['1:2:3:4:5:6:7', '1:2:3:4::5:6:7:8', '1::2::3', ':::', '1:2:3:4:5:6:7:192.0.2.1', '192.0.2.1::', '12345::', '1:', ':1'])(
  '%s is not IPv6',
  (text) => {
    expect(isIpv6(text)).toBe(false);
  },
);

it.each(['0.0.0.0', '192.0.2.1', '223.255.255.255', '240.0.0.1', '::', '::1', '2001:db8::1', 'fe80::1'])('%s is for one', (address) => {
  expect(isUnicast(address)).toBe(true);
});

it.each(['224.0.0.1', '239.255.255.255', '255.255.255.255', 'ff02::1', 'FF0E::1', '::ffff:224.0.0.1', '0:0:0:0:0:FFFF:e000:1'])(
  '%s is not for one, or may not be',
  (address) => {
    expect(isUnicast(address)).toBe(false);
  },
);

it.each(['host.anywhere.com', 'localhost', 'a-b.example.', 'xn--bcher-kva.example', '1.example', 'a'])('%s is a host name', (text) => {
  expect(isHostName(text)).toBe(true);
});

it.each([
  '',
  '.',
  'a..b',
  '-a',
  'a-',
  'a_b',
  'a b',
  '1.2.3',
  '300.1.1.1',
  '224.2.1.1/127',
  'ü.example',
  `${'a'.repeat(64)}.x`,
  'a.'.repeat(150),
])('%j is no host name', (text) => {
  expect(isHostName(text)).toBe(false);
});
