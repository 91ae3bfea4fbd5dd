import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { answerChallenge, type Challenge, type DigestSession, parseChallenges } from '../../../src/core/sip/digest.ts';
import { digestTools, hash } from './digest-tools.ts';

const MUFASA = { realm: 'http-auth@example.org', username: 'Mufasa', password: 'Circle of Life' };

/** The session that answers these fields; fails the test when there is none. */
function sessionFor(fields: readonly string[], credentials: Parameters<typeof answerChallenge>[1], cnonce = '0a4f113b'): DigestSession {
  const answer = answerChallenge(fields.flatMap(parseChallenges), credentials, digestTools(cnonce));
  if ('reason' in answer) throw new Error(answer.reason);
  return answer.session;
}

function reasonFor(field: string, credentials: Parameters<typeof answerChallenge>[1] = MUFASA): string {
  const answer = answerChallenge(parseChallenges(field), credentials, digestTools('00'));
  return 'reason' in answer ? answer.reason : 'answered';
}

/** The parameters of a header field that we made: it is a challenge by its grammar. */
function paramsOf(header: string): ReadonlyMap<string, string> {
  const [only, ...more] = parseChallenges(header);
  expect(more).toEqual([]);
  expect(only?.scheme).toBe('digest');
  return only?.params ?? new Map();
}

describe('examples of the RFCs', () => {
  test('RFC 2617 §3.5: MD5, qop auth', () => {
    const challenge =
      'Digest realm="testrealm@host.com", qop="auth,auth-int", ' +
      'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc069c403ebaf9f0171e9517f40e41"';
    const session = sessionFor([challenge], { realm: 'testrealm@host.com', username: 'Mufasa', password: 'Circle Of Life' });
    expect(session.authorize('GET', '/dir/index.html')).toBe(
      'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", ' +
        'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41", ' +
        'qop=auth, nc=00000001, cnonce="0a4f113b"',
    );
  });

  const RFC_7616 = 'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const CNONCE = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ';

  test.each([
    ['MD5', '8ca523f5e9506fed4657c9700eebdbec'],
    ['SHA-256', '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1'],
  ])('RFC 7616 §3.9.1: %s, qop auth', (algorithm, response) => {
    const challenge = `Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=${algorithm}, ${RFC_7616}`;
    const params = paramsOf(sessionFor([challenge], MUFASA, CNONCE).authorize('GET', '/dir/index.html'));
    expect(params.get('response')).toBe(response);
    expect(params.get('algorithm')).toBe(algorithm);
    expect(params.get('opaque')).toBe('FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS');
    expect(params.get('nc')).toBe('00000001');
  });

  test('RFC 7616 §3.9.1 asks with SHA-256 and MD5, and SHA-256 is answered', () => {
    const fields = ['SHA-256', 'MD5'].map((name) => `Digest realm="http-auth@example.org", qop="auth", algorithm=${name}, ${RFC_7616}`);
    expect(paramsOf(sessionFor(fields, MUFASA).authorize('GET', '/')).get('algorithm')).toBe('SHA-256');
  });

  test('RFC 2069, as RFC 2617 §3.2.2.1 has it: without qop there is neither count nor client nonce', () => {
    const challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
    const header = sessionFor([challenge], { username: 'Mufasa', password: 'Circle Of Life' }).authorize('GET', '/dir/index.html');
    expect([...paramsOf(header).keys()]).toEqual(['username', 'realm', 'nonce', 'uri', 'response']);
    expect(paramsOf(header).get('response')).toBe('670fd8c2df070c60b045671b8b24ff02');
  });
});

describe('RFC 7616 §3.4: the nonce used again', () => {
  const challenge = 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256';

  it('counts, and each answer is that of its count', () => {
    const session = sessionFor([challenge], { realm: 'r', username: 'u', password: 'p' }, 'c');
    const secret = hash('SHA-256', 'u:r:p');
    for (const count of ['00000001', '00000002', '00000003']) {
      const params = paramsOf(session.authorize('REGISTER', 'sip:r'));
      expect(params.get('nc')).toBe(count);
      expect(params.get('response')).toBe(hash('SHA-256', `${secret}:n:${count}:c:auth:${hash('SHA-256', 'REGISTER:sip:r')}`));
    }
  });

  it.each(['MD5', 'SHA-256'] as const)('binds the secret of %s-sess to the nonces of the session (§3.4.2)', (name) => {
    const field = `Digest realm="r", nonce="n", qop="auth", algorithm=${name}-sess`;
    const session = sessionFor([field], { realm: 'r', username: 'u', password: 'p' }, 'c');
    session.authorize('REGISTER', 'sip:r');
    const params = paramsOf(session.authorize('REGISTER', 'sip:r'));
    const secret = hash(name, `${hash(name, 'u:r:p')}:n:c`);
    expect(params.get('algorithm')).toBe(`${name}-sess`);
    expect(params.get('cnonce')).toBe('c');
    expect(params.get('response')).toBe(hash(name, `${secret}:n:00000002:c:auth:${hash(name, 'REGISTER:sip:r')}`));
  });

  it('says whether only the nonce was too old', () => {
    const of = (stale: string): boolean => sessionFor([`${challenge}${stale}`], { username: 'u', password: 'p' }).stale;
    expect([of(''), of(', stale=false'), of(', stale=TRUE'), of(', stale="true"')]).toEqual([false, false, true, true]);
  });
});

describe('RFC 8760 §2: which challenge is answered', () => {
  const digest = (algorithm: string, realm = 'r'): string =>
    `Digest realm="${realm}", nonce="${algorithm}-${realm}", qop="auth", algorithm=${algorithm}`;
  const chosen = (...fields: readonly string[]): string => sessionFor(fields, { realm: 'r', username: 'u', password: 'p' }).nonce;

  it('is the strongest, wherever it stands', () => {
    expect(chosen(digest('MD5'), digest('SHA-256'))).toBe('SHA-256-r');
    expect(chosen(digest('SHA-256'), digest('MD5'))).toBe('SHA-256-r');
  });

  it('is the first of equal ones', () => {
    expect(chosen(digest('SHA-256-sess'), digest('SHA-256'))).toBe('SHA-256-sess-r');
  });

  it('passes over what it does not know', () => {
    expect(chosen(digest('SHA-512-256'), 'Basic realm="r"', digest('md5'))).toBe('md5-r');
  });

  it('is never one of another realm', () => {
    expect(chosen(digest('SHA-256', 'other'), digest('MD5'))).toBe('MD5-r');
    expect(reasonFor(digest('MD5', 'other'), { realm: 'r', username: 'u', password: 'p' })).toBe(
      'the challenge is for realm "other", the account for "r"',
    );
  });

  it.each([
    ['', 'no challenge that can be read came with it'],
    ['Basic realm="r"', 'the scheme "basic" is not supported, only Digest'],
    ['Digest nonce="n"', 'the challenge has no realm or no nonce'],
    ['Digest realm="http-auth@example.org"', 'the challenge has no realm or no nonce'],
    [
      'Digest realm="http-auth@example.org", nonce="n", algorithm=SHA-512-256',
      'the algorithm "SHA-512-256" is not supported, only MD5 and SHA-256',
    ],
    [
      'Digest realm="http-auth@example.org", nonce="n", qop="auth-int"',
      'the quality of protection "auth-int" is not supported, only "auth"',
    ],
    ['Digest realm="http-auth@example.org", nonce="n", algorithm=MD5-sess', 'the algorithm MD5-sess cannot be answered without qop "auth"'],
  ])('%s: %s', (field, reason) => {
    expect(reasonFor(field)).toBe(reason);
  });

  it('does not repeat all that a peer says', () => {
    expect(reasonFor(`Digest realm="${'x'.repeat(5_000)}", nonce="n"`).length).toBeLessThan(200);
  });
});

describe('RFC 7235 §2.1: lists of challenges', () => {
  const plain = (challenges: readonly Challenge[]): unknown => challenges.map(({ scheme, params }) => [scheme, Object.fromEntries(params)]);

  it.each<[field: string, expected: unknown]>([
    ['Digest realm="a", nonce="b"', [['digest', { realm: 'a', nonce: 'b' }]]],
    ['Digest\trealm = "a" ,nonce= b', [['digest', { realm: 'a', nonce: 'b' }]]],
    [
      'Digest realm="a", nonce="b", Digest realm="c", nonce="d"',
      [
        ['digest', { realm: 'a', nonce: 'b' }],
        ['digest', { realm: 'c', nonce: 'd' }],
      ],
    ],
    [
      // RFC 7235 §4.1, the example.
      'Newauth realm="apps", type=1, title="Login to \\"apps\\"", Basic realm="simple"',
      [
        ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
        ['basic', { realm: 'simple' }],
      ],
    ],
    [
      'Negotiate, Bearer abc/+==, Digest realm="a"',
      [
        ['negotiate', {}],
        ['bearer', {}],
        ['digest', { realm: 'a' }],
      ],
    ],
    [', , Digest realm="a",, nonce="b", ,', [['digest', { realm: 'a', nonce: 'b' }]]],
    ['Digest realm="a, b=\\\\c", NONCE="d"', [['digest', { realm: 'a, b=\\c', nonce: 'd' }]]],
    ['Digest __proto__="x", constructor=y', [['digest', { ['__proto__']: 'x', constructor: 'y' }]]],
  ])('%s', (field, expected) => {
    expect(plain(parseChallenges(field))).toEqual(expected);
  });

  it.each([
    '',
    'Digest="x"',
    'Digest realm',
    'Digest realm="a',
    'Digest realm="a\\',
    'Digest realm=, nonce="b"',
    'Digest realm="a" nonce="b"',
    'Digest realm="a", realm="b"',
    'Digest realm="a\u0000b"',
    '"Digest" realm="a"',
  ])('%j is none', (field) => {
    const challenges = parseChallenges(field);
    // `realm` alone is a token68 of the scheme: a challenge without parameters, which nobody answers.
    expect(challenges.filter(({ params }) => params.size > 0)).toEqual([]);
  });

  it('keeps what stands before the place that cannot be read', () => {
    expect(plain(parseChallenges('Digest realm="a", Digest realm="b'))).toEqual([['digest', { realm: 'a' }]]);
  });

  it('has an end', () => {
    expect(parseChallenges('Basic realm="a", '.repeat(1_000))).toHaveLength(16);
    expect(parseChallenges(`Digest ${Array.from({ length: 40 }, (_, i) => `p${i}=v`).join(', ')}`)).toEqual([]);
  });

  test('no text makes it throw, and what comes of it can be a header field', () => {
    const pieces = fc.constantFrom(
      'Digest ',
      'realm',
      'nonce',
      '=',
      '"',
      ',',
      ' ',
      '\\',
      'qop',
      'auth',
      'MD5',
      'algorithm',
      'a',
      '\u0001',
      'é',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (field) => {
        const answer = answerChallenge(parseChallenges(field), { username: 'u', password: 'p' }, digestTools('c'));
        if ('reason' in answer) expect(answer.reason).not.toMatch(/[\r\n\0]/);
        else expect(answer.session.authorize('REGISTER', 'sip:a')).toMatch(/^Digest username="u", realm="[^\r\n\0]*$/);
      }),
      { numRuns: 2_000 },
    );
  });

  test('quotes and backslashes survive the way there and back', () => {
    const value = fc.string({ maxLength: 20 }).filter((text) => !/[\u0000-\u001f\u007f]/.test(text));
    fc.assert(
      fc.property(value, value, value, (username, realm, nonce) => {
        const escape = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"');
        const field = `Digest realm="${escape(realm)}", nonce="${escape(nonce)}", qop="auth"`;
        const params = paramsOf(sessionFor([field], { realm, username, password: 'p' }).authorize('REGISTER', 'sip:a'));
        expect([params.get('username'), params.get('realm'), params.get('nonce')]).toEqual([username, realm, nonce]);
      }),
    );
  });
});
