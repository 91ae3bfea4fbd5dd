/** Every way a call that we place can go, with a scripted far end (RFC 3261 §9, §13.2, §15, §22; RFC 3262, 3311, 4028). */
import { setImmediate } from 'node:timers/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createResponse } from '../../../src/core/sip/message.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { collectGarbage } from '../../kit/heap.ts';
import { seededHex, SipNetwork } from '../../kit/sip-network.ts';
import { agentNode, Heard } from './agent-bench.ts';
import { clientAgent, ClientBench, clientNode, FAR, OURS, responseTo, Told } from './client-bench.ts';

const CHALLENGE = { 'WWW-Authenticate': 'Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5' };

describe('a call that we place', () => {
  test('rings, is answered, acknowledged and hung up', () => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(100);
    bench.answer(180);
    expect(bench.call.state).toBe('ringing');
    bench.answer(200, {}, 'answer');
    expect(bench.call.state).toBe('established');
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    expect(bench.heard.told).toEqual(['180', 'answered answer', 'ending']);
    expect(bench.end).toMatchObject({ kind: 'hung-up', why: null, answered: true, disconnectMs: 2 });
    expect(bench.methods()).toEqual(['INVITE', 'BYE']);
    expect(bench.acks).toHaveLength(1);
    const { request } = bench.invite;
    expect(new TextDecoder().decode(request.body)).toBe('offer');
    expect(request.headers.get('Supported')).toBe('100rel, timer');
    // §13.2.2.4: the ACK has the number of its INVITE, and a branch of its own.
    expect(bench.acks[0]?.cseq).toEqual({ number: request.cseq?.number, method: 'ACK' });
    expect(bench.acks[0]?.branch).not.toBe(request.branch);
  });

  test('a 200 that comes again is acknowledged again', () => {
    const bench = new ClientBench();
    bench.start();
    const answer = bench.answer(200, {}, 'answer');
    for (let n = 0; n < 3; n++) {
      bench.invite.transaction.respond(answer, bench.nowMs);
      bench.advance(10);
    }
    expect(bench.acks).toHaveLength(4);
    expect(bench.heard.told).toEqual(['answered answer']);
  });

  test('lets go of whose it is at its end, though the transaction of its INVITE waits for copies of the answer', async () => {
    const bench = new ClientBench();
    const place = (): WeakRef<Told> => {
      const told = new Told();
      const order = { uri: 'sip:600@192.0.2.20', from: 'sip:me@192.0.2.20', to: 'sip:600@192.0.2.20', callId: 'call-2', routes: [] };
      const more = { contact: '<sip:me@192.0.2.10>', offer: new Uint8Array(0), credentials: undefined };
      const call = bench.agent.place({ ...order, ...more }, bench.network.flow(OURS, FAR), told);
      call.start(bench.nowMs);
      bench.advance(10);
      bench.answer(200, {}, 'answer');
      call.hangUp(null, bench.nowMs);
      bench.advance(10);
      expect([call.state, told.ends.length]).toEqual(['ended', 1]);
      return new WeakRef(told);
    };
    const owner = place();
    expect(bench.agent.layer.counts.inviteClients).toBe(1);
    // What was made in this turn is collected in a later one.
    await setImmediate();
    collectGarbage();
    expect(owner.deref()).toBeUndefined();
  });

  test('an answer in early media holds where the 200 has none (§13.2.1)', () => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(183, {}, 'early');
    bench.answer(200);
    expect(bench.heard.told).toEqual(['183 early', 'answered early']);
  });

  test('goes by the routes of the answer, turned round (§12.1.2)', () => {
    const bench = new ClientBench({ routes: ['<sip:192.0.2.20:5070;lr>'] });
    bench.start();
    expect(bench.invite.request.headers.all('Route')).toEqual(['<sip:192.0.2.20:5070;lr>']);
    bench.answer(200, { 'Record-Route': '<sip:last.example.com;lr>, <sip:first.example.com;lr>' }, 'answer');
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    for (const method of ['ACK', 'BYE']) {
      expect(bench.sent(method)[0]).toMatch(/Route: <sip:first\.example\.com;lr>\r\nRoute: <sip:last\.example\.com;lr>/);
    }
  });

  test.each([
    ['a contact that is no URI', { Contact: 'nonsense <>' }],
    ['a route that is none', { 'Record-Route': '<<x>' }],
  ])('survives an answer with %s', (_, fields) => {
    const bench = new ClientBench();
    bench.connect(fields);
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    expect(bench.end.kind).toBe('hung-up');
  });

  test('is refused: status, phrase, cause and warning are told', () => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(488, { Reason: 'SIP;cause=488, Q.850;cause=88;text="Incompatible"', Warning: '305 pbx "no codec"' });
    bench.settle();
    expect(bench.end).toEqual({
      kind: 'refused',
      status: 488,
      reason: 'Not Acceptable Here',
      cause: { protocol: 'Q.850', cause: 88, text: 'Incompatible' },
      detail: '305 pbx "no codec"',
    });
    expect(bench.sent('ACK')).toHaveLength(1);
  });

  test('a redirection is told and not followed', () => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(302, { Contact: '<sip:601@192.0.2.66>' });
    bench.settle();
    expect(bench.end).toMatchObject({ kind: 'refused', status: 302, detail: 'sip:601@192.0.2.66' });
    expect(bench.methods()).toEqual(['INVITE']);
  });

  test('nobody answers at all (timer B)', () => {
    const bench = new ClientBench({ drop: ({ from }) => from.address === FAR.address });
    bench.start();
    bench.settle();
    expect(bench.end).toEqual({ kind: 'timeout', rang: false });
    expect(bench.nowMs).toBeGreaterThan(32_000);
  });

  test.each([
    [100, false],
    [180, true],
  ])('is cancelled after %i', (status, rang) => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(status);
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    expect(bench.end).toEqual({ kind: 'cancelled', rang });
    expect(bench.cancels).toBe(1);
    expect(bench.methods()).toEqual(['INVITE']);
  });

  test('is given up without any answer: the CANCEL waits for one, the end does not wait for long (§9.1)', () => {
    let deaf = true;
    const bench = new ClientBench({ drop: ({ from }) => deaf && from.address === FAR.address });
    bench.start();
    bench.call.hangUp(null, bench.nowMs);
    bench.advance(3_900);
    expect(bench.heard.ends).toHaveLength(0);
    bench.advance(200);
    expect(bench.end).toEqual({ kind: 'cancelled', rang: false });
    expect(bench.cancels).toBe(0);
    // The far end is slow, and alive: it must not ring for ever.
    deaf = false;
    bench.answer(180);
    bench.settle();
    expect(bench.cancels).toBe(1);
  });

  test('an answer that meets the CANCEL is acknowledged and ended', () => {
    const bench = new ClientBench();
    bench.start();
    bench.answer(180);
    bench.call.hangUp(null, bench.nowMs);
    // Before the CANCEL arrives.
    bench.invite.transaction.respond(responseTo(bench.invite.request, 200, {}, 'answer', 'far'), bench.nowMs);
    bench.settle();
    expect(bench.acks).toHaveLength(1);
    expect(bench.methods()).toContain('BYE');
    expect(bench.end.kind).toBe('hung-up');
  });

  test('the far end hangs up, and says why', () => {
    const bench = new ClientBench();
    bench.connect();
    expect(bench.ask('BYE', { Reason: 'Q.850;cause=16' })).toEqual([200]);
    bench.settle();
    expect(bench.end).toEqual({ kind: 'left', cause: { protocol: 'Q.850', cause: 16, text: null } });
    expect(bench.heard.told).toEqual(['answered answer', 'ending']);
    expect(bench.ask('BYE')).toEqual([481]);
  });

  test('ends too when its BYE has no answer', () => {
    const bench = new ClientBench();
    bench.otherwise = () => undefined;
    bench.connect();
    bench.call.hangUp('enough', bench.nowMs);
    bench.settle();
    expect(bench.sent('BYE').length).toBeGreaterThan(5);
    expect(bench.end).toEqual({ kind: 'hung-up', why: 'enough', answered: false, disconnectMs: null });
  });

  test('nothing listens there', () => {
    const bench = new ClientBench();
    bench.call.start(bench.nowMs);
    bench.call.unreachable(bench.nowMs);
    expect(bench.end).toEqual({ kind: 'unreachable' });
  });

  test('a lost connection ends it before the answer, and not after', () => {
    for (const up of [false, true]) {
      const bench = new ClientBench({ transport: 'TCP' });
      bench.start();
      if (up) bench.answer(200, {}, 'answer');
      bench.agent.layer.flowFailed(bench.network.flow(OURS, FAR, 'TCP'), bench.nowMs);
      bench.advance(10);
      expect(bench.call.state).toBe(up ? 'established' : 'ended');
    }
  });
});

describe('a forked INVITE', () => {
  test('the second answer gets ACK and BYE, the first one stays (§13.2.2.4)', () => {
    const bench = new ClientBench();
    bench.start();
    const { request, transaction } = bench.invite;
    const answers = ['one', 'two'].map((tag) => responseTo(request, 200, {}, `answer of ${tag}`, tag));
    for (const answer of [...answers, ...answers]) {
      transaction.respond(answer, bench.nowMs);
      bench.advance(10);
    }
    expect(bench.heard.told).toEqual(['answered answer of one']);
    expect(bench.acks.map(({ toTag }) => toTag)).toEqual(['one', 'two', 'one', 'two']);
    expect(bench.asked.filter(({ request: { method } }) => method === 'BYE').map(({ request: { toTag } }) => toTag)).toEqual(['two']);
    expect(bench.call.state).toBe('established');
  });

  test('an answer to a call that is long over is ended as well', () => {
    const bench = new ClientBench();
    bench.start();
    const { request } = bench.invite;
    bench.answer(486);
    bench.settle();
    bench.network.flow(FAR, OURS).send(serialized(responseTo(request, 200, {}, 'answer', 'late')));
    bench.settle();
    expect(bench.methods()).toEqual(['INVITE', 'BYE']);
    expect(bench.acks.map(({ toTag }) => toTag)).toEqual(['late']);
  });
});

test('an answer to a call that nobody placed is nothing', () => {
  const bench = new ClientBench();
  bench.start();
  const { request } = bench.invite;
  bench.answer(486);
  bench.settle();
  const forged = responseTo(request, 200, { Contact: '<sip:victim@192.0.2.99>' }, 'answer', 'late');
  forged.headers.set('From', '<sip:me@192.0.2.20>;tag=made-up');
  bench.network.flow(FAR, OURS).send(serialized(forged));
  bench.settle();
  expect(bench.methods()).toEqual(['INVITE']);
});

describe('credentials', () => {
  const credentials = { username: 'me', password: 'secret' };

  test('a challenge is answered, with a new number, and the BYE has them as well', () => {
    const bench = new ClientBench({ credentials });
    bench.start();
    bench.answer(401, CHALLENGE);
    const [first, second] = bench.invites;
    expect(second?.request.cseq?.number).toBe((first?.request.cseq?.number ?? 0) + 1);
    expect(second?.request.callId).toBe(first?.request.callId);
    expect(second?.request.headers.get('Authorization')).toContain('username="me", realm="pbx", nonce="n1"');
    bench.answer(200, {}, 'answer');
    expect(bench.acks[0]?.headers.get('Authorization')).toBe(second?.request.headers.get('Authorization'));
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    expect(bench.sent('BYE')[0]).toContain('nc=00000002');
    expect(bench.end.kind).toBe('hung-up');
  });

  test('of a proxy and of the number behind it', () => {
    const bench = new ClientBench({ credentials });
    bench.start();
    bench.answer(407, { 'Proxy-Authenticate': 'Digest realm="proxy", nonce="p1", qop="auth"' });
    bench.answer(401, CHALLENGE);
    const { headers } = bench.invite.request;
    expect([headers.get('Proxy-Authorization'), headers.get('Authorization')]).toEqual([
      expect.stringContaining('realm="proxy"'),
      expect.stringContaining('realm="pbx"'),
    ]);
  });

  test('a nonce that is too old is replaced; credentials that are wrong are not tried again', () => {
    const bench = new ClientBench({ credentials });
    bench.start();
    bench.answer(401, CHALLENGE);
    bench.answer(401, { 'WWW-Authenticate': 'Digest realm="pbx", nonce="n2", qop="auth", stale=true' });
    expect(bench.invites).toHaveLength(3);
    bench.answer(401, { 'WWW-Authenticate': 'Digest realm="pbx", nonce="n3", qop="auth"' });
    bench.settle();
    expect(bench.invites).toHaveLength(3);
    expect(bench.end).toMatchObject({ kind: 'credentials', status: 401, detail: 'the far end refuses the user name or the password' });
  });

  test.each([
    ['none were given', undefined, 'asks for a user name and a password'],
    ['another realm is asked for', { ...credentials, realm: 'other' }, 'the challenge is for realm "pbx", the account for "other"'],
  ])('%s', (_, given, detail) => {
    const bench = new ClientBench({ credentials: given });
    bench.start();
    bench.answer(401, CHALLENGE);
    bench.settle();
    expect(bench.invites).toHaveLength(1);
    expect(bench.end).toMatchObject({ kind: 'credentials', detail: expect.stringContaining(detail) as string });
  });

  test('a BYE may be challenged', () => {
    const bench = new ClientBench({ credentials });
    bench.otherwise = ({ request, transaction }, nowMs) => {
      const known = request.headers.has('Authorization');
      transaction.respond(createResponse(request, known ? 200 : 401, { headers: known ? [] : Object.entries(CHALLENGE) }), nowMs);
    };
    bench.connect();
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    expect(bench.methods()).toEqual(['INVITE', 'BYE', 'BYE']);
    expect(bench.end).toMatchObject({ kind: 'hung-up', answered: true });
  });
});

describe('reliable provisional answers (RFC 3262)', () => {
  test('are acknowledged once each, in order', () => {
    const bench = new ClientBench();
    bench.start();
    const invite = bench.invite.request;
    const number = invite.cseq?.number;
    for (const rseq of ['7', '7', '9', '8']) bench.answer(183, { Require: '100rel', RSeq: rseq }, 'early');
    const pracks = bench.asked.filter(({ request: { method } }) => method === 'PRACK');
    expect(pracks.map(({ request }) => request.headers.get('RAck'))).toEqual([`7 ${number} INVITE`, `8 ${number} INVITE`]);
    expect(pracks.every(({ request }) => request.toTag === 'far')).toBe(true);
    bench.answer(200, {}, 'answer');
    bench.call.hangUp(null, bench.nowMs);
    bench.settle();
    const bye = bench.asked.at(-1)?.request;
    expect([bye?.method, bye?.cseq?.number]).toEqual(['BYE', (number ?? 0) + 3]);
  });
});

describe('within the call', () => {
  test('the far end offers again, refreshes, asks for OPTIONS and INFO', () => {
    const bench = new ClientBench();
    bench.connect();
    expect(bench.ask('INVITE', {}, 'theirs').at(-1)).toBe(200);
    expect(bench.ask('UPDATE')).toEqual([200]);
    expect(bench.ask('OPTIONS')).toEqual([200]);
    expect(bench.ask('INFO')).toEqual([200]);
    expect(bench.ask('REFER', { 'Refer-To': '<sip:x@y>' })).toEqual([603]);
    expect(bench.ask('PRACK', { RAck: '1 1 INVITE' })).toEqual([481]);
    expect(bench.heard.told).toEqual(['answered answer', 'reoffered theirs']);
  });

  test('a re-INVITE that is not acknowledged ends the call (§14.2)', () => {
    const bench = new ClientBench();
    bench.connect();
    bench.ask('INVITE', {}, 'theirs');
    expect(bench.ask('INVITE', {}, 'again').at(-1)).toBe(491);
    bench.settle();
    expect(bench.end).toMatchObject({ kind: 'hung-up', why: 'the far end sent no ACK' });
  });

  test('what the listener does not want is refused', () => {
    const bench = new ClientBench();
    bench.connect();
    bench.heard.reoffer = { status: 488, headers: [['Warning', '399 us "no"']] };
    expect(bench.ask('INVITE', {}, 'theirs').at(-1)).toBe(488);
    expect(bench.call.state).toBe('established');
  });

  test('a request of nobody, and a call for us, are refused', () => {
    const bench = new ClientBench();
    bench.connect();
    expect(bench.ask('BYE', { From: '<sip:x@y>;tag=stranger' })).toEqual([481]);
    expect(bench.ask('INVITE', { To: '<sip:me@192.0.2.10>', 'Call-ID': 'other' }, 'offer').at(-1)).toBe(480);
    expect(bench.call.state).toBe('established');
  });
});

describe('session timers (RFC 4028)', () => {
  test('of the far end: a call that it does not refresh is ended', () => {
    const bench = new ClientBench();
    bench.connect({ 'Session-Expires': '90;refresher=uas', Require: 'timer' });
    bench.advance(50_000);
    expect(bench.ask('UPDATE', { Supported: 'timer', 'Session-Expires': '90;refresher=uac' })).toEqual([200]);
    bench.advance(50_000);
    expect(bench.call.state).toBe('established');
    bench.settle();
    expect(bench.end).toMatchObject({ kind: 'hung-up', why: 'the far end did not refresh the session' });
  });

  test.each([
    ['UPDATE', { Allow: 'INVITE, UPDATE' }],
    ['INVITE', {}],
  ])('of ours: refreshed by %s', (method, fields) => {
    const bench = new ClientBench();
    const timer = { 'Session-Expires': '90;refresher=uac', Require: 'timer' };
    bench.connect({ ...timer, ...fields });
    const answerAll = (): void => {
      const last = bench.asked.at(-1);
      if (last?.request.method === method && last.transaction.request !== undefined)
        last.transaction.respond(responseTo(last.request, 200, timer, method === 'INVITE' ? 'answer' : '', 'far'), bench.nowMs);
    };
    bench.otherwise = ({ request, transaction }, nowMs) => transaction.respond(responseTo(request, 200, timer, '', 'far'), nowMs);
    for (let n = 0; n < 20; n++) {
      bench.advance(10_000);
      if (method === 'INVITE' && n > 0) answerAll();
    }
    expect(bench.call.state).toBe('established');
    const refreshes = bench.asked.slice(1).filter(({ request }) => request.method === method);
    expect(refreshes.length).toBeGreaterThanOrEqual(3);
    expect(refreshes[0]?.request.headers.get('Session-Expires')).toBe('90;refresher=uac');
  });
});

test('with our own server: whatever the network loses, doubles and reorders, both ends agree that a call is over', () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      fc.double({ min: 0, max: 0.3, noNaN: true }),
      fc.nat(4),
      (seed, loss, duplication, way) => {
        const network = new SipNetwork({ seed, loss, duplication, delayMs: [1, 40] });
        const client = clientAgent(seed);
        const heard: Heard[] = [];
        const server = new UserAgent({
          random: seededHex(seed + 7),
          contact: () => '<sip:192.0.2.20:5070>',
          server: 'bench/1',
          leastSessionSeconds: 90,
          flowTo: () => undefined,
          admits: () => undefined,
          invited: (call, _request, nowMs) => {
            const one = new Heard(call);
            heard.push(one);
            call.serve(one);
            call.ring(nowMs);
            if (way === 0) call.reject(486, nowMs);
            else if (way < 4) network.at(nowMs + 50, () => call.answer(new TextEncoder().encode('answer'), network.nowMs));
            if (way === 1) network.at(nowMs + 2_000, () => call.hangUp('enough', network.nowMs));
          },
        });
        network.attach(OURS, clientNode(client));
        network.attach(FAR, agentNode(server));
        const told = new Told();
        const call = client.place(
          {
            ...{ uri: 'sip:600@192.0.2.20:5070', from: 'sip:me@192.0.2.20', to: 'sip:600@192.0.2.20', callId: `c${seed}` },
            ...{ contact: '<sip:me@192.0.2.10:5060>', routes: [], offer: new TextEncoder().encode('offer'), credentials: undefined },
          },
          network.flow(OURS, FAR),
          told,
        );
        call.start(network.nowMs);
        network.advance(way === 4 ? 1_000 : 3_000);
        call.hangUp(null, network.nowMs);
        network.settle(10_000_000);
        expect(told.ends).toHaveLength(1);
        expect(call.state).toBe('ended');
        expect(server.calls).toBe(0);
        for (const { ends } of heard) expect(ends).toHaveLength(1);
      },
    ),
    { numRuns: 60, seed: 7 },
  );
});

function serialized(response: ReturnType<typeof responseTo>): Uint8Array {
  const head = [
    `SIP/2.0 ${response.status} ${response.reason}`,
    ...[...response.headers.entries()].map(([name, value]) => `${name}: ${value}`),
  ];
  return new TextEncoder().encode(
    `${head.join('\r\n')}\r\nContent-Length: ${response.body.length}\r\n\r\n${new TextDecoder().decode(response.body)}`,
  );
}
