import { describe, expect, it } from 'vitest';
import { parseCSeq, parseNameAddr, parseVia } from '../../../src/core/sip/headers-values.ts';

describe('parseVia: RFC 3261 §20.42', () => {
  it.each<[string, object]>([
    // The examples of the section.
    [
      'SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7',
      { transport: 'UDP', host: 'erlang.bell-telephone.com', port: 5060, params: new Map([['branch', 'z9hG4bK87asdks7']]) },
    ],
    [
      'SIP/2.0/UDP 192.0.2.1:5060 ;received=192.0.2.207;branch=z9hG4bK77asjd',
      {
        transport: 'UDP',
        host: '192.0.2.1',
        port: 5060,
        params: new Map([
          ['received', '192.0.2.207'],
          ['branch', 'z9hG4bK77asjd'],
        ]),
      },
    ],
    [
      'SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1',
      {
        transport: 'UDP',
        host: 'first.example.com',
        port: 4000,
        params: new Map([
          ['ttl', '16'],
          ['maddr', '224.2.0.1'],
          ['branch', 'z9hG4bKa7c6a8dlze.1'],
        ]),
      },
    ],
    ['sip/2.0/tcp h : 1', { transport: 'TCP', host: 'h', port: 1, params: new Map() }],
    ['SIP/2.0/TLS\th;rport', { transport: 'TLS', host: 'h', port: undefined, params: new Map([['rport', undefined]]) }],
    ['SIP/2.0/UDP a;b=c , SIP/2.0/UDP d', { transport: 'UDP', host: 'a', port: undefined, params: new Map([['b', 'c']]) }],
    // RFC 5118 §4.5, §4.7.
    [
      'SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3-111',
      {
        transport: 'UDP',
        host: '2001:db8::9:1',
        port: undefined,
        params: new Map([
          ['received', '[2001:db8::9:255]'],
          ['branch', 'z9hG4bKas3-111'],
        ]),
      },
    ],
    [
      'SIP/2.0/UDP [2001:db8::9:1]:6050;received=2001:db8::9:255',
      { transport: 'UDP', host: '2001:db8::9:1', port: 6050, params: new Map([['received', '2001:db8::9:255']]) },
    ],
  ])('%s', (text, via) => {
    expect(parseVia(text)).toEqual(via);
  });

  it.each([
    '',
    'SIP/2.0/UDP',
    'SIP/2.0/UDP ',
    'SIP/2.0 h',
    'SIP/1.0/UDP h',
    'HTTP/2.0/UDP h',
    'SIP/2.0/UDPh',
    'SIP/2.0/UDP[::1]',
    'SIP/2.0/ h',
    'SIP/2.0/UDP h:',
    'SIP/2.0/UDP h:0',
    'SIP/2.0/UDP h:65536',
    'SIP/2.0/UDP h:-1',
    'SIP/2.0/UDP h x',
    'SIP/2.0/UDP h;',
    'SIP/2.0/UDP h;branch=a;branch=b',
    'SIP/2.0/UDP 2001:db8::9:1',
    'SIP/2.0/UDP [2001:db8::9:1',
  ])('is undefined for %j', (text) => {
    expect(parseVia(text)).toBeUndefined();
  });
});

describe('parseNameAddr: RFC 3261 §20.10, §20.20, §20.39', () => {
  it.each<[string, string, string, readonly (readonly [string, string | undefined])[]]>([
    [
      '"Mr. Watson" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600',
      'Mr. Watson',
      'sip:watson@worcester.bell-telephone.com',
      [
        ['q', '0.7'],
        ['expires', '3600'],
      ],
    ],
    ['"A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s', 'A. G. Bell', 'sip:agb@bell-telephone.com', [['tag', 'a48s']]],
    ['sip:+12125551212@server.phone2net.com;tag=887s', '', 'sip:+12125551212@server.phone2net.com', [['tag', '887s']]],
    ['Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8', 'Anonymous', 'sip:c8oqz84zk7z@privacy.org', [['tag', 'hyh8']]],
    ['The Operator <sip:operator@cs.columbia.edu>;tag=287447', 'The Operator', 'sip:operator@cs.columbia.edu', [['tag', '287447']]],
    ['<sips:bob@[2001:db8::1]:5061;transport=tls?subject=x>', '', 'sips:bob@[2001:db8::1]:5061;transport=tls?subject=x', []],
    ['<tel:+358-555-1234567;postd=pp22>;a', '', 'tel:+358-555-1234567;postd=pp22', [['a', undefined]]],
    ['isbn:2983792873', '', 'isbn:2983792873', []],
    ['Jürgen <sip:j@a>', 'Jürgen', 'sip:j@a', []],
    ['"<sip:evil@b>" <sip:j@a>', '<sip:evil@b>', 'sip:j@a', []],
    ['""<sip:j@a>', '', 'sip:j@a', []],
    [' sip:a@b ; tag = x ', '', 'sip:a@b', [['tag', 'x']]],
    ['sip:a@b;x="<"', '', 'sip:a@b', [['x', '<']]],
  ])('%s', (text, display, uri, params) => {
    expect(parseNameAddr(text)).toEqual({ display, uri, params: new Map(params) });
  });

  it.each([
    '',
    '*',
    '<>',
    '<sip:a@b',
    'sip:a@b>',
    '< sip:a@b >',
    '<sip:a b@c>',
    '<a@b>',
    'a@b',
    'Bell, Alexander <sip:a@b>',
    '"Bell <sip:a@b>',
    '"Bell" sip:a@b',
    'sip:a@b?subject=x',
    'sip:a@b, sip:c@d',
    '<sip:a@b>,<sip:c@d>',
    '<sip:a@b> x',
    '<sip:a@b>;tag=1;tag=2',
    '<sip:a@b>;',
    '<sip:a@b\0>',
  ])('is undefined for %j', (text) => {
    expect(parseNameAddr(text)).toBeUndefined();
  });
});

describe('parseCSeq: RFC 3261 §20.16', () => {
  it.each([
    ['4711 INVITE', 4711, 'INVITE'],
    ['0009 \t INVITE', 9, 'INVITE'],
    ['0 x', 0, 'x'],
    ['2147483647 BYE', 2 ** 31 - 1, 'BYE'],
  ])('%s', (text, number, method) => {
    expect(parseCSeq(text)).toEqual({ number, method });
  });

  it.each([
    '',
    '1',
    '1 ',
    'INVITE',
    'INVITE 1',
    '1INVITE',
    '-1 INVITE',
    '+1 INVITE',
    '2147483648 INVITE',
    '36893488147419103232 REGISTER',
    '1 IN/VITE',
    '1 INVITE x',
  ])('is undefined for %j', (text) => {
    expect(parseCSeq(text)).toBeUndefined();
  });
});
