import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  formatHostPort,
  isLoopback,
  isUnspecified,
  parseHostPort,
  sameEndpoint,
  toFamily,
  unmapAddress,
} from '../../../src/core/values/address.ts';

describe('parseHostPort', () => {
  it.each([
    ['127.0.0.1:4000', '127.0.0.1', 4_000],
    ['echo.example:4000', 'echo.example', 4_000],
    ['[::1]:4000', '::1', 4_000],
    ['[fe80::1%eth0]:1', 'fe80::1%eth0', 1],
  ])('%j', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each([
    '',
    ':',
    ':4000',
    'host',
    'host:',
    'host:0',
    'host:65536',
    'host:x',
    '::1:4000',
    '::1',
    '[::1]',
    '[]:4000',
    '[::1:4000',
    'a:b:1',
  ])('refuses %j', (text) => {
    expect(parseHostPort(text)).toBeUndefined();
  });

  test('what was formatted is read as the same, in both families', () => {
    const host = fc.oneof(fc.ipV4(), fc.ipV6(), fc.domain());
    fc.assert(
      fc.property(host, fc.integer({ min: 1, max: 65_535 }), (address, port) => {
        expect(parseHostPort(formatHostPort(address, port))).toEqual({ host: address, port });
      }),
    );
  });

  test('anything is a host with a port or nothing', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom(...'[]:1a.') })), (text) => {
        const parsed = parseHostPort(text);
        expect(parsed === undefined || (parsed.host.length > 0 && parsed.port >= 1 && parsed.port <= 65_535)).toBe(true);
      }),
    );
  });
});

describe('addresses', () => {
  it.each([
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:0:1', '::ffff:0:1'],
  ])('the plain form of %s is %s (RFC 4291 §2.5.5.2)', (address, plain) => {
    expect(unmapAddress(address)).toBe(plain);
  });

  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', 'localhost'])('%s is loopback', (address) => {
    expect(isLoopback(address)).toBe(true);
  });

  it.each(['192.0.2.127', '0.0.0.0', '::', '::ffff:192.0.2.1', '1270.0.0.1', 'localhost.example'])('%s is not', (address) => {
    expect(isLoopback(address)).toBe(false);
  });

  it('knows what stands for every interface', () => {
    expect(['0.0.0.0', '::', '127.0.0.1', '::1'].map(isUnspecified)).toEqual([true, true, false, false]);
  });

  it.each([
    ['192.0.2.1', 'IPv4', '192.0.2.1'],
    ['192.0.2.1', 'IPv6', '::ffff:192.0.2.1'],
    ['::ffff:192.0.2.1', 'IPv4', '192.0.2.1'],
    ['::ffff:192.0.2.1', 'IPv6', '::ffff:192.0.2.1'],
    ['2001:db8::1', 'IPv6', '2001:db8::1'],
  ] as const)('%s as an %s socket names it is %s', (address, family, named) => {
    expect(toFamily({ address, port: 5 }, family)).toEqual({ address: named, port: 5 });
  });

  it('tells endpoints apart by address and by port', () => {
    const here = { address: '127.0.0.1', port: 4_000 };
    expect(sameEndpoint(here, { ...here })).toBe(true);
    expect(sameEndpoint(here, { ...here, port: 4_001 })).toBe(false);
    expect(sameEndpoint(here, { ...here, address: '127.0.0.2' })).toBe(false);
  });
});
