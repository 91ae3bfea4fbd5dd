import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { asRequestUri, formatUri, parseUri, sameUri, type SipUri } from '../../../src/core/sip/uri.ts';

const PLAIN: SipUri = {
  scheme: 'sip',
  user: undefined,
  password: undefined,
  host: 'h',
  port: undefined,
  params: new Map(),
  headers: new Map(),
};

function uri(text: string): SipUri {
  const parsed = parseUri(text);
  if (parsed === undefined) throw new Error(`no URI: ${text}`);
  return parsed;
}

describe('parseUri', () => {
  it.each<[string, Partial<SipUri>]>([
    // RFC 3261 §19.1.3.
    ['sip:alice@atlanta.com', { user: 'alice', host: 'atlanta.com' }],
    [
      'sip:alice:secretword@atlanta.com;transport=tcp',
      { user: 'alice', password: 'secretword', host: 'atlanta.com', params: new Map([['transport', 'tcp']]) },
    ],
    [
      'sips:alice@atlanta.com?subject=project%20x&priority=urgent',
      {
        scheme: 'sips',
        user: 'alice',
        host: 'atlanta.com',
        headers: new Map([
          ['subject', 'project x'],
          ['priority', 'urgent'],
        ]),
      },
    ],
    [
      'sip:+1-212-555-1212:1234@gateway.com;user=phone',
      { user: '+1-212-555-1212', password: '1234', host: 'gateway.com', params: new Map([['user', 'phone']]) },
    ],
    ['sips:1212@gateway.com', { scheme: 'sips', user: '1212', host: 'gateway.com' }],
    ['sip:alice@192.0.2.4', { user: 'alice', host: '192.0.2.4' }],
    [
      'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
      { host: 'atlanta.com', params: new Map([['method', 'REGISTER']]), headers: new Map([['to', 'alice@atlanta.com']]) },
    ],
    ['sip:alice;day=tuesday@atlanta.com', { user: 'alice;day=tuesday', host: 'atlanta.com' }],
    // RFC 5118 §4.1, §4.3 (the port is inside: part of the address), §4.4, §4.9, §4.10 (both are to be tolerated).
    ['sip:[2001:db8::10]', { host: '2001:db8::10' }],
    ['sip:[2001:db8::10:5070]', { host: '2001:db8::10:5070' }],
    ['sip:[2001:db8::10]:5070', { host: '2001:db8::10', port: 5070 }],
    ['sip:caller@[::ffff:192.0.2.2]', { user: 'caller', host: '::ffff:192.0.2.2' }],
    ['sip:user@[2001:db8:::192.0.2.1]', { user: 'user', host: '2001:db8:::192.0.2.1' }],
    ['sip:user@[2001:db8::192.0.2.1]', { user: 'user', host: '2001:db8::192.0.2.1' }],
    // As they come.
    [
      'SIP:A@B;LR;Q=%41',
      {
        user: 'A',
        host: 'B',
        params: new Map([
          ['lr', undefined],
          ['q', 'A'],
        ]),
      },
    ],
    ['sip:*72#@host_1:5062', { user: '*72#', host: 'host_1', port: 5062 }],
    ['sip:%C3%A9@h', { user: 'é', host: 'h' }],
    ['sip:%FF@h', { user: '\u{fffd}', host: 'h' }],
    ['sip:u:@h', { user: 'u', password: '', host: 'h' }],
    [
      'sip:h;__proto__=1;constructor=2',
      {
        host: 'h',
        params: new Map([
          ['__proto__', '1'],
          ['constructor', '2'],
        ]),
      },
    ],
    ['sip:h?route=a&route=b', { host: 'h', headers: new Map([['route', 'a,b']]) }],
  ])('%s', (text, expected) => {
    expect(parseUri(text)).toEqual({ ...PLAIN, host: '', ...expected });
  });

  it.each([
    '',
    'sip:',
    'sips',
    'tel:+1',
    'http://a',
    'sipx:a@b',
    'sip:@h',
    'sip::p@h',
    'sip:a@',
    'sip:a@b@c',
    'sip:a b@c',
    'sip:a@b:',
    'sip:a@b:0',
    'sip:a@b:99999',
    'sip:a@b/c',
    'sip:a@b;',
    'sip:a@b;;c',
    'sip:a@b;=c',
    'sip:a@b;c=1;C=2',
    'sip:a@b?',
    'sip:a@b?c',
    'sip:%4@h',
    'sip:%zz@h',
    'sip:a%@h',
    'sip:h;p=%4',
    '<sip:a@b>',
    // RFC 5118 §4.2: without brackets.
    'sip:2001:db8::10',
    'sip:[2001:db8::10',
  ])('is undefined for %j', (text) => {
    expect(parseUri(text)).toBeUndefined();
  });

  it('takes 64 parameters and 64 headers and no more', () => {
    const names = Array.from({ length: 64 }, (_, i) => `p${i}`);
    expect(parseUri(`sip:h;${names.join(';')}`)?.params.size).toBe(64);
    expect(parseUri(`sip:h;${names.join(';')};q`)).toBeUndefined();
    expect(parseUri(`sip:h?${names.join('=&')}=`)?.headers.size).toBe(64);
    expect(parseUri(`sip:h?${names.join('=&')}=&q=`)).toBeUndefined();
  });
});

describe('formatUri', () => {
  it.each([
    'sip:alice@atlanta.com',
    'sip:alice:secretword@atlanta.com;transport=tcp',
    'sips:alice@atlanta.com?subject=project%20x&priority=urgent',
    'sip:+1-212-555-1212:1234@gateway.com;user=phone',
    'sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com',
    'sip:alice;day=tuesday@atlanta.com',
    'sip:user@[2001:db8::10]:5070;lr',
    'sip:[2001:db8::10]',
  ])('writes %s as it was', (text) => {
    expect(formatUri(uri(text))).toBe(text);
  });

  it('escapes what its place does not allow', () => {
    const odd = { ...PLAIN, user: 'a@b:c %é\n', password: ';', params: new Map([['n;', 'v=?']]), headers: new Map([['h', '&;']]) };
    expect(formatUri(odd)).toBe('sip:a%40b%3Ac%20%25%C3%A9%0A:%3B@h;n%3B=v%3D%3F?h=%26%3B');
  });

  const text = fc.string({ unit: 'grapheme' });
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).map((raw) => raw.toLowerCase());
  const host = fc.oneof(
    fc.constantFrom('example.com', '192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1'),
    fc.stringMatching(/^[a-z0-9][a-z0-9.-]{0,20}$/),
  );
  const uris: fc.Arbitrary<SipUri> = fc
    .record({
      scheme: fc.constantFrom<'sip' | 'sips'>('sip', 'sips'),
      user: fc.option(fc.string({ unit: 'grapheme', minLength: 1 }), { nil: undefined }),
      password: fc.option(text, { nil: undefined }),
      host,
      port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
      params: fc.array(fc.tuple(name, fc.option(text, { nil: undefined })), { maxLength: 6 }).map((pairs) => new Map(pairs)),
      headers: fc.array(fc.tuple(name, text), { maxLength: 6 }).map((pairs) => new Map(pairs)),
    })
    .filter(({ user, password }) => user !== undefined || password === undefined);

  it('writes what parseUri reads back', () => {
    fc.assert(
      fc.property(uris, (made) => {
        expect(parseUri(formatUri(made))).toEqual(made);
        expect(sameUri(made, uri(formatUri(made)))).toBe(true);
      }),
    );
  });

  it('never throws, whatever is read, and reads what it wrote', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'sip:ab@%41;=?&[]<>" :.\0é') }), (tail) => {
        const first = parseUri(`sip:${tail}`);
        if (first !== undefined) expect(parseUri(formatUri(first))).toEqual(first);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('sameUri: the examples of RFC 3261 §19.1.4', () => {
  it.each([
    ['sip:%61lice@atlanta.com;transport=TCP', 'sip:alice@AtLanTa.CoM;Transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;newparam=5'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com;security=on'],
    ['sip:carol@chicago.com;newparam=5', 'sip:carol@chicago.com;security=on'],
    [
      'sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com',
      'sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com',
    ],
    ['sip:alice@atlanta.com?subject=project%20x&priority=urgent', 'sip:alice@atlanta.com?priority=urgent&subject=project%20x'],
  ])('%s equals %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(true);
    expect(sameUri(uri(b), uri(a))).toBe(true);
  });

  it.each([
    ['SIP:ALICE@AtLanTa.CoM;Transport=udp', 'sip:alice@AtLanTa.CoM;Transport=UDP'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:5060'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com;transport=udp'],
    ['sip:bob@biloxi.com', 'sip:bob@biloxi.com:6000;transport=tcp'],
    ['sip:carol@chicago.com', 'sip:carol@chicago.com?Subject=next%20meeting'],
    ['sip:bob@phone21.boxesbybob.com', 'sip:bob@192.0.2.4'],
    ['sip:carol@chicago.com;security=on', 'sip:carol@chicago.com;security=off'],
    ['sip:a@h', 'sips:a@h'],
    ['sip:a@h', 'sip:h'],
    ['sip:a:p@h', 'sip:a@h'],
    ['sip:a@h?b=1', 'sip:a@h?c=1'],
    ['sip:a@h?b=1', 'sip:a@h?b=2'],
    ['sip:a@h;maddr=1.2.3.4', 'sip:a@h'],
  ])('%s does not equal %s', (a, b) => {
    expect(sameUri(uri(a), uri(b))).toBe(false);
    expect(sameUri(uri(b), uri(a))).toBe(false);
  });
});

test('what §19.1.4 would tell apart and we do not: a reserved character and its escape', () => {
  expect(sameUri(uri('sip:a%3Bb@h'), uri('sip:a;b@h'))).toBe(true);
});

test.each([
  ['sip:a@b;lr', 'sip:a@b;lr'],
  ['sip:a@b?x=y', 'sip:a@b'],
  ['sip:%61@b;p=%20?x=y', 'sip:a@b;p=%20'],
  ['tel:+1-2', 'tel:+1-2'],
  ['sip:a@b:x', undefined],
  ['sips:@b', undefined],
  ['', undefined],
])('%s as a Request-URI', (contact, uri) => {
  expect(asRequestUri(contact)).toBe(uri);
});

test('a byte order mark is part of a name, not taken away', () => {
  const uri = parseUri('sip:%EF%BB%BF600@h;x;%EF%BB%BFx');
  expect(uri).toMatchObject({ user: '\uFEFF600' });
  expect([...(uri?.params.keys() ?? [])]).toEqual(['x', '\uFEFFx']);
  expect(formatUri(uri!)).toBe('sip:%EF%BB%BF600@h;x;%EF%BB%BFx');
});
