import { describe, expect, test } from 'vitest';
import { misdirected } from '../../../src/core/sip-server/destination.ts';

const STRICT = { thirdParties: false, symmetric: 'never' } as const;
const LEARNING = { thirdParties: false, symmetric: 'when-private' } as const;
const OPEN = { thirdParties: true, symmetric: 'never' } as const;

describe('where media may go', () => {
  test.each([
    ['back to the caller', '192.0.2.1', '192.0.2.1', STRICT],
    ['back to the caller, named in the way of IPv6', '192.0.2.1', '::ffff:192.0.2.1', STRICT],
    ['nowhere, as on hold', '0.0.0.0', '192.0.2.1', STRICT],
    ['to a private address that is learnt', '10.0.0.7', '192.0.2.1', LEARNING],
    ['to anybody, where that is allowed', '203.0.113.9', '192.0.2.1', OPEN],
    ['to an IPv6 caller', '2001:db8::1', '2001:db8::1', STRICT],
  ])('%s', (_what, address, signalling, rules) => {
    expect(misdirected({ address, port: 4000 }, signalling, rules)).toBeUndefined();
  });

  test.each([
    ['to a third party', '203.0.113.9', '192.0.2.1', LEARNING, 'media.third_party'],
    ['to a private address that is not learnt', '10.0.0.7', '192.0.2.1', STRICT, 'media.third_party'],
    ['to a private address of another private caller', '10.0.0.7', '10.0.0.8', LEARNING, 'media.third_party'],
    ['to a name', 'media.example.org', '192.0.2.1', OPEN, 'names are not resolved'],
  ])('not %s', (_what, address, signalling, rules, reason) => {
    expect(misdirected({ address, port: 4000 }, signalling, rules)).toContain(reason);
  });
});
