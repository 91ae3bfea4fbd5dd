import { describe, expect, it } from 'vitest';
import { isCallTarget, parseCallTarget } from '../../../src/core/caller/target.ts';
import type { TargetChoices } from '../../../src/core/caller/target.ts';

describe('isCallTarget', () => {
  it.each([
    ['sip:600@pbx', true],
    [' SIPS:600@pbx', true],
    ['udp://127.0.0.1:4000', false],
    ['sipp:5060', false],
    ['pbx:5060', false],
  ])('%s: %s', (text, expected) => {
    expect(isCallTarget(text)).toBe(expected);
  });
});

describe('parseCallTarget', () => {
  it.each([
    ['sip:600@pbx.example.org', {}, 'udp'],
    ['sip:600@pbx;transport=TCP', {}, 'tcp'],
    ['sip:600@pbx;transport=tls', {}, 'tls'],
    ['sip:600@pbx;transport=tcp', { transport: 'udp' }, 'udp'],
    ['sips:600@pbx', {}, 'tls'],
    ['sips:600@pbx', { transport: 'tls' }, 'tls'],
    ['sip:600@pbx', { proxy: 'sip:proxy;transport=tcp' }, 'tcp'],
    ['sip:600@pbx', { proxy: 'sips:proxy' }, 'tls'],
  ] as const)('%s with %j goes by %s', (text, choices: TargetChoices, transport) => {
    expect(parseCallTarget(text, choices).transport).toBe(transport);
  });

  it('sends to the proxy, which is a loose route', () => {
    const target = parseCallTarget('sip:600@pbx.example.org', { proxy: 'sip:192.0.2.7:5080' });
    expect(target).toMatchObject({ uri: 'sip:600@pbx.example.org', routes: ['<sip:192.0.2.7:5080;lr>'] });
    expect(target.nextHop).toMatchObject({ host: '192.0.2.7', port: 5080 });
    expect(parseCallTarget('sip:600@pbx', {}).routes).toEqual([]);
  });

  it('calls as the user at the host that is called, unless told otherwise', () => {
    expect(parseCallTarget('sip:600@pbx:5070;transport=tcp', { user: 'me' }).from).toBe('sip:me@pbx');
    expect(parseCallTarget('sip:600@pbx', { user: 'me', from: 'sip:you@example.org' }).from).toBe('sip:you@example.org');
    expect(parseCallTarget('sip:600@pbx', {}).from).toBeUndefined();
  });

  it.each([
    ['sip:', {}, 'it is no SIP URI'],
    ['sip:600@pbx?Subject=x', {}, 'header fields in a URI'],
    ['sip:me:secret@pbx', {}, 'a password does not belong into a URI'],
    ['sip:600@pbx;transport=sctp', {}, 'the transport sctp is not supported'],
    ['sips:600@pbx', { transport: 'tcp' }, 'sips: is TLS all the way'],
    ['sip:600@pbx', { proxy: '192.0.2.7' }, 'cannot use --proxy 192.0.2.7'],
    ['sip:600@pbx', { from: 'me' }, 'cannot use --from me'],
  ] as const)('refuses %s with %j', (text, choices: TargetChoices, message) => {
    expect(() => parseCallTarget(text, choices)).toThrow(message);
  });

  it('never repeats a password', () => {
    expect(() => parseCallTarget('sip:me:secret@pbx', {})).toThrow(/^(?!.*secret)/);
  });
});
