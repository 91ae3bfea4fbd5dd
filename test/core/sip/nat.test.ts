import { describe, expect, test } from 'vitest';
import { isTranslated, isUnreachable } from '../../../src/core/sip/nat.ts';
import { request } from '../../kit/sip-rig.ts';

const OUTSIDE = { address: '203.0.113.9', port: 40_000 };

describe('a request that was translated on its way', () => {
  const via = (sentBy: string): Record<string, string> => ({ Via: `SIP/2.0/UDP ${sentBy};branch=z9hG4bK1` });

  test.each([
    ['10.0.0.5;rport', true],
    ['203.0.113.8:5060;rport', true],
    ['[2001:db8::5];rport', true],
    // Only the port is another one, as with a client that sends from a port of its own.
    ['203.0.113.9:5060;rport', false],
    ['[::ffff:203.0.113.9];rport', false],
    // Who does not ask for rport wants the answer where Via says.
    ['10.0.0.5', false],
    ['phone.example.com;rport', false],
  ])('%s: %s', (sentBy, translated) => {
    expect(isTranslated(request('INVITE', via(sentBy)), OUTSIDE)).toBe(translated);
  });

  test('is not told from the Via of a proxy', () => {
    const proxied = request('INVITE', { Via: 'SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK2;rport, SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK1' });
    expect(isTranslated(proxied, OUTSIDE)).toBe(false);
  });
});

test.each([
  // What is private means nothing outside, and everything inside.
  ['10.0.0.5', '203.0.113.9', true],
  ['fd00::5', '2001:db8::9', true],
  ['10.0.0.5', '10.0.0.9', false],
  ['10.0.0.5', '127.0.0.1', false],
  ['127.0.0.1', '10.0.0.9', true],
  ['127.0.0.1', '127.0.0.2', false],
  // Whose own address it is may have it.
  ['10.0.0.5', '::ffff:10.0.0.5', false],
  ['198.51.100.7', '203.0.113.9', false],
  ['198.51.100.7', '10.0.0.9', false],
  ['0.0.0.0', '203.0.113.9', true],
  ['::', '2001:db8::9', true],
  ['224.0.1.75', '203.0.113.9', true],
  ['255.255.255.255', '10.0.0.9', true],
  ['ff02::1', '2001:db8::9', true],
  ['pc33.example.com', '203.0.113.9', false],
])('%s, named by a peer at %s, leads nowhere: %s', (host, address, unreachable) => {
  expect(isUnreachable(host, { address, port: 5060 })).toBe(unreachable);
});
