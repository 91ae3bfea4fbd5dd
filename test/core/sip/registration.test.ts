import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { parseChallenges } from '../../../src/core/sip/digest.ts';
import { createResponse, type SipRequest } from '../../../src/core/sip/message.ts';
import { Registration, type RegistrationFailure, type RegistrationOptions } from '../../../src/core/sip/registration.ts';
import { digestTools, hash } from './digest-tools.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const CONTACT = 'sip:100@192.0.2.7:5060;transport=tcp';

type Event =
  | readonly ['registered', expiresSeconds: number, delayMs: number]
  | readonly ['failed', failure: RegistrationFailure]
  | readonly ['unregistered', problem: string | undefined];
type Fields = Iterable<readonly [string, string]>;

/** A registration, its registrar and the clock between them. */
class World {
  nowMs = 1_000_000;
  readonly sent: SipRequest[] = [];
  readonly events: Event[] = [];
  readonly registration: Registration;
  /** Answers or time-outs that are still due. */
  open = 0;
  mostOpen = 0;

  /** @param random what a random number is, in hexadecimal digits: 00000000 makes back-offs half as long as they may be. */
  constructor(options: Partial<RegistrationOptions> = {}, random = '00000000') {
    this.registration = new Registration(
      {
        registrar: 'sip:pbx.example.com',
        addressOfRecord: 'sip:100@pbx.example.com',
        contact: CONTACT,
        expiresSeconds: 3_600,
        credentials: { realm: 'pbx', username: '100', password: 'secret' },
        callId: 'call-id-1',
        userAgent: 'rtplat',
        tools: digestTools(random),
        ...options,
      },
      {
        send: (make) => {
          this.sent.push(make());
          this.open += 1;
          this.mostOpen = Math.max(this.mostOpen, this.open);
        },
        registered: (expiresSeconds, delayMs) => this.events.push(['registered', expiresSeconds, delayMs]),
        failed: (failure) => this.events.push(['failed', failure]),
        unregistered: (problem) => this.events.push(['unregistered', problem]),
      },
    );
  }

  get last(): SipRequest {
    const request = this.sent.at(-1);
    if (request === undefined) throw new Error('nothing was sent');
    return request;
  }

  get lastEvent(): Event | undefined {
    return this.events.at(-1);
  }

  /** ms from now to the time when tick() is due. */
  get dueInMs(): number {
    return this.registration.dueMs - this.nowMs;
  }

  start(): this {
    this.registration.start(this.nowMs);
    return this;
  }

  stop(): this {
    this.registration.stop(this.nowMs);
    return this;
  }

  /** The registrar answers the last request, 10 ms later. */
  answer(status: number, headers: Fields = [], afterMs = 10): this {
    this.nowMs += afterMs;
    this.open -= 1;
    this.registration.response(createResponse(this.last, status, { headers }), this.nowMs);
    return this;
  }

  accept(expiresSeconds = 3_600): this {
    return this.answer(200, [['Contact', `<${CONTACT}>;expires=${expiresSeconds}`]]);
  }

  challenge(nonce: string, more = '', status = 401): this {
    const field = status === 401 ? 'WWW-Authenticate' : 'Proxy-Authenticate';
    return this.answer(status, [[field, `Digest realm="pbx", nonce="${nonce}", qop="auth", algorithm=SHA-256${more}`]]);
  }

  timeout(): this {
    this.nowMs += 32 * SECOND;
    this.open -= 1;
    this.registration.timeout(this.nowMs);
    return this;
  }

  /** Goes on to the time that is due. */
  wait(): this {
    this.nowMs = this.registration.dueMs;
    this.registration.tick(this.nowMs);
    return this;
  }
}

function expiresOf(request: SipRequest): string | undefined {
  return request.headers.get('Expires');
}

/** The credentials of a request, checked against the password. */
function credentialsOf(request: SipRequest, field = 'Authorization'): ReadonlyMap<string, string> | undefined {
  const params = parseChallenges(request.headers.get(field) ?? '')[0]?.params;
  if (params === undefined) return undefined;
  const between = ['nonce', 'nc', 'cnonce', 'qop'].map((name) => params.get(name)).join(':');
  const secret = hash('SHA-256', '100:pbx:secret');
  expect(params.get('response')).toBe(hash('SHA-256', `${secret}:${between}:${hash('SHA-256', 'REGISTER:sip:pbx.example.com')}`));
  return params;
}

function failureOf(event: Event | undefined): RegistrationFailure {
  if (event?.[0] !== 'failed') throw new Error(`not failed but ${String(event?.[0])}`);
  return event[1];
}

describe('RFC 3261 §10.2: the request', () => {
  it('asks the domain for our address, and says who we are', () => {
    const { last } = new World({ instance: 'urn:uuid:00000000-0000-1000-8000-000a95a0e128' }).start();
    expect([last.method, last.uri]).toEqual(['REGISTER', 'sip:pbx.example.com']);
    expect([...last.headers.entries()]).toEqual([
      ['Max-Forwards', '70'],
      ['From', '<sip:100@pbx.example.com>;tag=00000000'],
      ['To', '<sip:100@pbx.example.com>'],
      ['Call-ID', 'call-id-1'],
      ['CSeq', '1 REGISTER'],
      ['Contact', `<${CONTACT}>;+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";expires=3600`],
      ['Expires', '3600'],
      ['User-Agent', 'rtplat'],
    ]);
  });

  it('keeps Call-ID and From, and counts CSeq up', () => {
    const world = new World().start().challenge('n1').accept().wait();
    expect(world.sent.map(({ cseq }) => cseq?.number)).toEqual([1, 2, 3]);
    expect(new Set(world.sent.map(({ callId }) => callId))).toEqual(new Set(['call-id-1']));
    expect(new Set(world.sent.map(({ fromTag }) => fromTag))).toEqual(new Set(['00000000']));
  });
});

describe('the time that is granted', () => {
  it.each<[name: string, fields: Fields, seconds: number]>([
    [
      'of our contact',
      [
        ['Contact', `<${CONTACT}>;expires=600`],
        ['Expires', '60'],
      ],
      600,
    ],
    [
      'of our contact among others, as equal URIs go (RFC 3261 §19.1.4)',
      [
        ['Contact', '<sip:100@192.0.2.8>;expires=30, <sip:%3100@192.0.2.7:5060;transport=TCP;x>;expires=600'],
        ['Contact', '"A, B" <sip:100@192.0.2.9>;expires=31'],
      ],
      600,
    ],
    ['of the only contact, as behind NAT', [['Contact', '<sip:100@203.0.113.1:40000>;expires=90']], 90],
    [
      'of Expires',
      [
        ['Contact', `<${CONTACT}>`],
        ['Expires', '120'],
      ],
      120,
    ],
    [
      'of Expires, when none of several contacts is ours',
      [
        ['Contact', '<sip:a@192.0.2.1>;expires=1, <sip:b@192.0.2.1>;expires=2'],
        ['Expires', '120'],
      ],
      120,
    ],
    ['as asked, when nothing is said', [], 3_600],
    [
      'as asked, when nonsense is said',
      [
        ['Contact', `<${CONTACT}>;expires=soon`],
        ['Expires', '-5'],
      ],
      3_600,
    ],
  ])('%s', (_, fields, seconds) => {
    const world = new World().start().answer(200, fields);
    expect(world.events).toEqual([['registered', seconds, 10]]);
    expect(world.registration.isBound(world.nowMs + seconds * SECOND - 1)).toBe(true);
    expect(world.registration.isBound(world.nowMs + seconds * SECOND)).toBe(false);
  });

  it.each([
    [3_600, 3_240_000],
    [60, 54_000],
    [40, 35_000],
    [20, 15_000],
    [8, 4_000],
    [1, 1_000],
  ])('%i s: asks again after %i ms', (seconds, dueInMs) => {
    const world = new World().start().accept(seconds);
    expect(world.registration.state).toBe('registered');
    expect(world.dueInMs).toBe(dueInMs);
  });

  it('asks again and again', () => {
    const world = new World().start();
    for (let i = 0; i < 50; i++) world.accept(600).wait();
    expect(world.sent).toHaveLength(51);
    expect(world.registration.state).toBe('refreshing');
  });

  test('nothing granted is a failure', () => {
    const world = new World().start().accept(0);
    expect(failureOf(world.lastEvent).reason).toBe(`the registrar answered 200, but does not keep ${CONTACT} in its list`);
    expect(world.registration.state).toBe('waiting');
  });
});

describe('423 Interval Too Brief (§10.2.8)', () => {
  it('asks for what the registrar wants, at once and from then on', () => {
    const world = new World({ expiresSeconds: 60 }).start().answer(423, [['Min-Expires', '300']]);
    expect(expiresOf(world.last)).toBe('300');
    world.accept(300).wait();
    expect(expiresOf(world.last)).toBe('300');
  });

  it.each<[name: string, fields: Fields]>([
    ['nothing', []],
    ['no more than was asked for', [['Min-Expires', '60']]],
    ['years', [['Min-Expires', '99999999']]],
  ])('gives in to no %s', (_, fields) => {
    const world = new World({ expiresSeconds: 60 }).start().answer(423, fields);
    expect(world.sent).toHaveLength(1);
    expect(failureOf(world.lastEvent)).toMatchObject({ outcome: 423, reason: 'the registrar answers 423 Interval Too Brief' });
  });

  it('does not haggle for ever', () => {
    const world = new World({ expiresSeconds: 60 }).start();
    for (let seconds = 61; world.lastEvent === undefined; seconds++) world.answer(423, [['Min-Expires', String(seconds)]]);
    expect(world.sent).toHaveLength(6);
  });
});

describe('challenges (§22)', () => {
  it('are answered, and the nonce is used again at the refresh', () => {
    const world = new World().start();
    expect(credentialsOf(world.last)).toBeUndefined();
    world.challenge('n1');
    expect(credentialsOf(world.last)?.get('nc')).toBe('00000001');
    world.accept();
    expect(world.lastEvent).toEqual(['registered', 3_600, 20]);
    world.wait();
    expect(credentialsOf(world.last)?.get('nonce')).toBe('n1');
    expect(credentialsOf(world.last)?.get('nc')).toBe('00000002');
  });

  it('may come from a proxy and the registrar', () => {
    const world = new World().start().challenge('p', '', 407).challenge('r');
    expect(credentialsOf(world.last, 'Proxy-Authorization')?.get('nonce')).toBe('p');
    expect(credentialsOf(world.last, 'Proxy-Authorization')?.get('nc')).toBe('00000002');
    expect(credentialsOf(world.last)?.get('nonce')).toBe('r');
    expect(world.accept().lastEvent?.[0]).toBe('registered');
  });

  test.each([', stale=true', ''])('a nonce that has grown old at the refresh is replaced (%j)', (stale) => {
    const world = new World().start().challenge('n1').accept().wait().challenge('n2', stale);
    expect(credentialsOf(world.last)?.get('nonce')).toBe('n2');
    expect(world.accept().lastEvent?.[0]).toBe('registered');
  });

  test('a nonce that grows old on the way is replaced too', () => {
    const world = new World().start().challenge('n1').challenge('n2', ', stale=true');
    expect(credentialsOf(world.last)?.get('nonce')).toBe('n2');
  });

  test('a second refusal is a wrong password: not tried again for minutes, and then from the beginning', () => {
    const world = new World().start().challenge('n1').challenge('n2');
    expect(world.sent).toHaveLength(2);
    expect(failureOf(world.lastEvent)).toMatchObject({
      outcome: 401,
      reason: 'the registrar refuses the credentials of 100: check user name and password',
    });
    expect(world.dueInMs).toBe(5 * MINUTE);
    expect(failureOf(world.lastEvent).retryAtMs).toBe(world.registration.dueMs);
    world.wait();
    expect(credentialsOf(world.last)).toBeUndefined();
  });

  test('stale with the same nonce is no news', () => {
    const world = new World().start().challenge('n1').challenge('n1', ', stale=true');
    expect(failureOf(world.lastEvent).reason).toContain('check user name and password');
  });

  test('a registrar whose nonces are always old is left alone', () => {
    const world = new World().start();
    for (let i = 0; world.lastEvent === undefined; i++) world.challenge(`n${i}`, ', stale=true');
    expect(world.sent).toHaveLength(6);
    expect(failureOf(world.lastEvent).reason).toBe('the registrar asks for credentials again and again');
  });

  test('another realm gets nothing', () => {
    const world = new World().start().answer(401, [['WWW-Authenticate', 'Digest realm="evil", nonce="n"']]);
    expect(world.sent).toHaveLength(1);
    expect(failureOf(world.lastEvent).reason).toBe(
      'the registrar asks for credentials that it does not get: the challenge is for realm "evil", the account for "pbx"',
    );
  });

  test('401 without a challenge', () => {
    expect(failureOf(new World().start().answer(401).lastEvent).reason).toContain('no challenge that can be read');
  });
});

describe('failures', () => {
  it('doubles its patience from 2 s up to 5 minutes, and starts over after a success', () => {
    const delays = (random: string): readonly number[] => {
      const world = new World({}, random).start();
      return Array.from({ length: 10 }, () => {
        const { dueInMs } = world.timeout();
        world.wait();
        return Math.round(dueInMs);
      });
    };
    expect(delays('00000000')).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 150, 150].map((seconds) => seconds * SECOND));
    expect(delays('ffffffff')).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300, 300].map((seconds) => seconds * SECOND));
    const recovered = new World().start().timeout().wait().timeout().wait().accept().wait().timeout();
    expect(recovered.dueInMs).toBe(1 * SECOND);
  });

  it.each<[status: number, dueInMs: number]>([
    [403, 5 * MINUTE],
    [404, 5 * MINUTE],
    [302, 5 * MINUTE],
    [603, 5 * MINUTE],
    [408, 1 * SECOND],
    [480, 1 * SECOND],
    [500, 1 * SECOND],
    [503, 1 * SECOND],
  ])('%i: tries again after %i ms', (status, dueInMs) => {
    const world = new World().start().answer(status);
    expect(world.dueInMs).toBe(dueInMs);
    expect(failureOf(world.lastEvent)).toEqual({
      outcome: status,
      reason: `the registrar answers ${status} ${createResponse(world.last, status).reason}`,
      retryAtMs: world.registration.dueMs,
    });
  });

  it('tells no answer from no way', () => {
    expect(failureOf(new World().start().timeout().lastEvent)).toMatchObject({
      outcome: 'timeout',
      reason: 'the registrar does not answer',
    });
    const world = new World().start();
    world.registration.unreachable(world.nowMs);
    expect(failureOf(world.lastEvent)).toMatchObject({ outcome: 'unreachable', reason: 'the registrar cannot be reached' });
  });

  it.each([
    ['120', 120],
    ['180;duration=3600', 180],
    ['600 (in a meeting)', 600],
    ['99999999999', 3_600],
    ['0', 1],
    ['soon', 1],
  ])('Retry-After: %s', (value, seconds) => {
    expect(new World().start().answer(503, [['Retry-After', value]]).dueInMs).toBe(seconds * SECOND);
  });

  test('a refresh that fails leaves us registered until the time is over', () => {
    const world = new World().start().accept(60).wait();
    expect(world.registration.state).toBe('refreshing');
    world.answer(503);
    expect([world.registration.state, world.registration.isBound(world.nowMs)]).toEqual(['waiting', true]);
    world.nowMs += 6 * SECOND;
    expect(world.registration.isBound(world.nowMs)).toBe(false);
    world.registration.tick(world.nowMs);
    expect(world.registration.state).toBe('registering');
  });
});

describe('what is not for us', () => {
  it('is passed over: provisional responses, those to earlier requests, and those that come twice', () => {
    const world = new World().start();
    const first = world.last;
    world.registration.response(createResponse(first, 100), world.nowMs);
    expect(world.registration.state).toBe('registering');
    world.challenge('n1');
    world.registration.response(createResponse(first, 200), world.nowMs);
    expect(world.events).toEqual([]);
    world.accept();
    world.registration.response(createResponse(world.last, 403), world.nowMs);
    world.registration.timeout(world.nowMs);
    world.registration.unreachable(world.nowMs);
    expect(world.events).toHaveLength(1);
    expect(world.registration.state).toBe('registered');
  });

  it('is not ticked before its time, nor started twice', () => {
    const world = new World().start().start().accept(60);
    world.registration.tick(world.registration.dueMs - 1);
    expect(world.sent).toHaveLength(1);
  });
});

describe('stop', () => {
  it('takes the contact out of the list (§10.2.2)', () => {
    const world = new World().start().challenge('n1').accept().stop();
    expect(world.registration.state).toBe('unregistering');
    expect(expiresOf(world.last)).toBe('0');
    expect(world.last.headers.get('Contact')).toBe(`<${CONTACT}>;expires=0`);
    expect(credentialsOf(world.last)?.get('nc')).toBe('00000002');
    world.answer(200);
    expect(world.lastEvent).toEqual(['unregistered', undefined]);
    expect([world.registration.state, world.registration.dueMs, world.registration.isBound(world.nowMs)]).toEqual([
      'unregistered',
      Infinity,
      false,
    ]);
  });

  it('answers a challenge, and gives up after that', () => {
    const world = new World().start().challenge('n1').accept().stop().challenge('n2', ', stale=true');
    expect(expiresOf(world.last)).toBe('0');
    expect(credentialsOf(world.last)?.get('nonce')).toBe('n2');
    world.answer(500);
    expect(world.lastEvent).toEqual(['unregistered', 'the registrar answers 500 Server Internal Error']);
    expect(world.registration.dueMs).toBe(Infinity);
  });

  it('waits for the request on its way, and then leaves', () => {
    const world = new World().start().stop();
    expect(world.sent).toHaveLength(1);
    world.accept();
    expect(world.events).toEqual([]);
    expect(expiresOf(world.last)).toBe('0');
    expect(world.answer(200).lastEvent).toEqual(['unregistered', undefined]);
  });

  it('has nothing to do when nothing is registered', () => {
    const world = new World().start().timeout().stop();
    expect(world.sent).toHaveLength(1);
    expect(world.lastEvent).toEqual(['unregistered', undefined]);
    expect(world.registration.dueMs).toBe(Infinity);
  });

  it('leaves when only the refresh had failed', () => {
    expect(expiresOf(new World().start().accept(60).wait().answer(503).stop().last)).toBe('0');
  });

  it('can be taken back at any time', () => {
    const world = new World().start().stop().start().accept();
    expect(world.lastEvent?.[0]).toBe('registered');
    world.stop().start().answer(200);
    expect(world.registration.state).toBe('registering');
    expect(expiresOf(world.last)).toBe('3600');
    expect(world.accept().lastEvent?.[0]).toBe('registered');
  });
});

test('whatever happens: one request at a time, no time in the past, and an end to every attempt', () => {
  const status = fc.oneof(fc.constantFrom(100, 200, 401, 407, 423, 403, 503), fc.integer({ min: 100, max: 699 }));
  const fields = fc.subarray<readonly [string, string]>([
    ['Contact', `<${CONTACT}>;expires=7`],
    ['Expires', '0'],
    ['Expires', '3600'],
    ['Min-Expires', '7200'],
    ['Retry-After', '77'],
    ['WWW-Authenticate', 'Digest realm="pbx", nonce="a", qop="auth"'],
    ['WWW-Authenticate', 'Digest realm="pbx", nonce="b", stale=true'],
    ['Proxy-Authenticate', 'Digest realm="pbx", nonce="c", algorithm=SHA-256'],
    ['WWW-Authenticate', 'Digest realm="other", nonce="d"'],
  ]);
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer' as const), status, fields }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('timeout', 'unreachable', 'start', 'stop', 'stray') }) },
    { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('wait', 'early') }) },
  );
  let registered = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const world = new World().start();
      const { registration } = world;
      for (const one of steps) {
        world.nowMs += 5;
        if (one.kind === 'start') world.start();
        else if (one.kind === 'stop') world.stop();
        else if (one.kind === 'early') registration.tick(world.nowMs);
        else if (one.kind === 'stray' && world.sent.length > 1) registration.response(createResponse(world.sent[0]!, 200), world.nowMs);
        else if (one.kind === 'wait' && registration.dueMs !== Infinity) world.wait();
        else if (world.open > 0 && one.kind === 'timeout') world.timeout();
        else if (world.open > 0 && one.kind === 'unreachable') {
          world.open -= 1;
          registration.unreachable(world.nowMs);
        } else if (world.open > 0 && one.kind === 'answer') {
          world.answer(one.status, one.fields);
          if (one.status < 200) world.open += 1;
        }
        expect(world.open).toBeGreaterThanOrEqual(0);
        expect(world.mostOpen).toBe(1);
        expect(registration.dueMs).toBeGreaterThan(world.nowMs);
        // Either an answer is awaited, or a time, or nothing is wanted any more.
        expect([world.open > 0, registration.dueMs !== Infinity, registration.state === 'unregistered'].filter(Boolean)).toHaveLength(1);
      }
      if (world.events.some(([kind]) => kind === 'registered')) registered += 1;
      const numbers = world.sent.map(({ cseq }) => cseq?.number ?? 0);
      expect(numbers).toEqual(numbers.map((_, index) => index + 1));
    }),
    { numRuns: 1_000 },
  );
  // The property is about something.
  expect(registered).toBeGreaterThan(100);
});
