import { describe, expect, it } from 'vitest';
import { Peer } from '../../../src/core/media/peer.ts';
import { isPrivate } from '../../../src/core/values/address.ts';
import { FakeSocket } from '../relay/fake-socket.ts';

describe('an address that means nothing outside', () => {
  it.each([
    ...['10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.9.9', '169.254.1.1', '127.0.0.1', '100.64.0.1', '100.127.9.9'],
    ...['::1', 'fc00::1', 'fdff::9', 'fe80::1%2', 'FEBF::1', '::ffff:10.0.0.1'],
  ])('%s', (address) => {
    expect(isPrivate(address)).toBe(true);
  });

  it.each([
    ...['9.255.255.255', '11.0.0.1', '172.15.0.1', '172.32.0.1', '192.167.1.1', '169.253.1.1', '100.63.1.1', '100.128.1.1', '8.8.8.8'],
    ...['2001:db8::1', 'fbff::1', 'fec0::1', '::2', '::ffff:8.8.8.8'],
  ])('is not %s', (address) => {
    expect(isPrivate(address)).toBe(false);
  });
});

const PUBLIC = '203.0.113.9';

function peer(address: string, options: { port?: number; symmetric?: 'never' | 'when-private'; signalling?: string } = {}): Peer {
  const { port = 4000, symmetric = 'when-private', signalling = PUBLIC } = options;
  return new Peer(new FakeSocket(), { remote: { address, port }, symmetric, signallingAddress: signalling });
}

describe('whom a call hears', () => {
  it('is who was negotiated, address and port', () => {
    const one = peer('198.51.100.1');
    expect(one.is({ address: '198.51.100.1', port: 4000 })).toBe(true);
    expect(one.is({ address: '198.51.100.1', port: 4001 })).toBe(false);
    expect(one.is({ address: '198.51.100.2', port: 4000 })).toBe(false);
    expect(one.mayBe({ address: PUBLIC, port: 4000 })).toBe(false);
  });

  it('is learnt once, from the signalling address alone, where the description has a private one', () => {
    const one = peer('192.168.1.5');
    expect(one.endpoint).toEqual({ address: '192.168.1.5', port: 4000 });
    expect(one.mayBe({ address: '203.0.113.8', port: 4000 })).toBe(false);
    const from = { address: PUBLIC, port: 61_000 };
    expect(one.mayBe(from)).toBe(true);
    expect(one.is(from)).toBe(false);
    one.learn(from);
    expect(one.is({ ...from })).toBe(true);
    expect(one.endpoint).toEqual(from);
    expect(one.mayBe({ address: PUBLIC, port: 61_001 })).toBe(false);
  });

  it.each([
    { what: 'it is not wanted', one: peer('192.168.1.5', { symmetric: 'never' }), learns: false },
    { what: 'signalling is private as well', one: peer('192.168.1.5', { signalling: '10.0.0.1' }), learns: false },
    { what: 'the address is public', one: peer('198.51.100.1'), learns: false },
    { what: 'there is no address', one: peer('0.0.0.0', { signalling: '10.0.0.1' }), learns: true },
    { what: 'signalling has no address either', one: peer('0.0.0.0', { signalling: '0.0.0.0' }), learns: false },
  ])('is learnt ($learns) when $what', ({ one, learns }) => {
    expect([PUBLIC, '10.0.0.1', '0.0.0.0'].some((address) => one.mayBe({ address, port: 5 }))).toBe(learns);
  });

  it('is nobody to send to without an address or a port', () => {
    expect(peer('0.0.0.0').endpoint).toBeUndefined();
    expect(peer('198.51.100.1', { port: 0 }).endpoint).toBeUndefined();
    expect(peer('198.51.100.1', { port: 0 }).is({ address: '198.51.100.1', port: 0 })).toBe(false);
  });
});
