/** Which message belongs to which transaction (RFC 3261 §17.1.3, §17.2.3), where answers go (§18.2, RFC 3581), and what is too much. */
import { describe, expect, test } from 'vitest';
import { createResponse } from '../../../src/core/sip/message.ts';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import { responseTarget } from '../../../src/core/sip/transactions.ts';
import type { ClientTransaction, ClientUser, SipFlow } from '../../../src/core/sip/transactions.ts';
import { markSource, viaOf } from '../../../src/core/sip/transaction/via.ts';
import { BRANCH, OURS, PEER, request, Rig, RigFlow } from '../../kit/sip-rig.ts';

const via = (text: string): Record<string, string> => ({ Via: `SIP/2.0/UDP ${text}` });

describe('requests with the branch of RFC 3261', () => {
  const first = request('OPTIONS', via(`192.0.2.20:5070;branch=${BRANCH}`));

  test.each([
    ['the same again, whatever else it says', request('OPTIONS', { ...via(`192.0.2.20:5070;branch=${BRANCH}`), CSeq: '2 OPTIONS' })],
    ['letter case aside', request('OPTIONS', via(`192.0.2.20:5070;branch=${BRANCH.toUpperCase()}`))],
    ['other parameters of Via aside', request('OPTIONS', via(`192.0.2.20:5070;rport;branch=${BRANCH};x=y`))],
  ])('match: %s', (_, again) => {
    const rig = new Rig();
    rig.receive(first);
    rig.receive(again);
    expect(rig.told).toEqual(['+0 request OPTIONS']);
    expect(rig.layer.counts.retransmissionsIn).toBe(1);
  });

  test.each([
    ['another branch', request('OPTIONS', via('192.0.2.20:5070;branch=z9hG4bKother'))],
    ['another host in sent-by', request('OPTIONS', via(`192.0.2.21:5070;branch=${BRANCH}`))],
    ['another port in sent-by', request('OPTIONS', via(`192.0.2.20:5071;branch=${BRANCH}`))],
    ['no port in sent-by', request('OPTIONS', via(`192.0.2.20;branch=${BRANCH}`))],
    ['another method', request('INFO', via(`192.0.2.20:5070;branch=${BRANCH}`))],
  ])('do not match: %s', (_, other) => {
    const rig = new Rig();
    rig.receive(first);
    rig.receive(other);
    expect(rig.told).toEqual(['+0 request OPTIONS', `+0 request ${other.method}`]);
    expect(rig.layer.counts).toMatchObject({ otherServers: 2, retransmissionsIn: 0 });
  });

  test('two clients with the same branch are answered each', () => {
    const rig = new Rig();
    const other = new RigFlow(rig, 'UDP', { address: '192.0.2.30', port: 5080 });
    rig.receive(request('INVITE'));
    rig.receive(request('INVITE', via(`192.0.2.30:5080;branch=${BRANCH};rport`)), other);
    expect(rig.servers).toHaveLength(2);
    rig.receive(request('CANCEL', via(`192.0.2.30:5080;branch=${BRANCH};rport`)), other);
    expect(rig.told.at(-1)).toBe('+0 cancelled');
    expect(rig.flow.texts).toHaveLength(1);
    expect(other.texts).toHaveLength(2);
  });

  test('an ACK with another branch is not of the refusal: a new transaction’s, for the user', () => {
    const rig = new Rig();
    rig.receive(request('INVITE'));
    rig.respond(486);
    rig.receive(request('ACK', via('192.0.2.20:5070;branch=z9hG4bKother')));
    expect(rig.told.at(-1)).toBe('+0 ack');
    expect(rig.server.state).toBe('Completed');
  });

  test('CANCEL finds only an INVITE', () => {
    const rig = new Rig();
    rig.receive(request('OPTIONS'));
    rig.receive(request('CANCEL'));
    expect(rig.wire).toEqual(['+0 481']);
    expect(rig.told).toEqual(['+0 request OPTIONS']);
  });
});

describe.each([
  ['no branch', '192.0.2.20:5070'],
  ['another branch than that of RFC 3261', '192.0.2.20:5070;branch=1'],
  ['a bare cookie', '192.0.2.20:5070;branch=z9hG4bK'],
])('requests from before RFC 3261, with %s', (_, sentBy) => {
  const old = (method: string, fields: Record<string, string> = {}, uri?: string): ReturnType<typeof request> =>
    request(method, { ...via(sentBy), ...fields }, uri);

  test('the same again is a retransmission', () => {
    const rig = new Rig();
    rig.receive(old('BYE'));
    rig.receive(old('BYE'));
    expect(rig.told).toEqual(['+0 request BYE']);
  });

  test.each<[string, ReturnType<typeof request>]>([
    ['Request-URI', old('BYE', {}, 'sip:carol@example.com')],
    ['To tag', old('BYE', { To: '<sip:bob@example.com>;tag=fork' })],
    ['From tag', old('BYE', { From: '<sip:alice@example.com>;tag=another' })],
    ['Call-ID', old('BYE', { 'Call-ID': 'another@example.com' })],
    ['CSeq', old('BYE', { CSeq: '2 BYE' })],
    ['method', old('INFO')],
    ['Via', old('BYE', via(sentBy.replace('5070', '5071')))],
  ])('another %s makes another transaction', (_name, other) => {
    const rig = new Rig();
    rig.receive(old('BYE'));
    rig.receive(other);
    expect(rig.servers).toHaveLength(2);
  });

  test('the ACK of a refusal has the To tag of the refusal', () => {
    const rig = new Rig();
    rig.receive(old('INVITE'));
    rig.respond(486);
    rig.receive(old('ACK', { To: '<sip:bob@example.com>;tag=someone', CSeq: '1 ACK' }));
    expect(rig.told.at(-1)).toBe('+0 ack');
    expect(rig.server.state).toBe('Completed');
    rig.receive(old('ACK', { To: '<sip:bob@example.com>;tag=ours', CSeq: '1 ACK' }));
    expect(rig.server.state).toBe('Confirmed');
  });

  test('within a dialog the ACK of a refusal has the To tag of its INVITE', () => {
    const rig = new Rig();
    const tagged = { To: '<sip:bob@example.com>;tag=dialog' };
    rig.receive(old('INVITE', tagged));
    rig.respond(488);
    rig.receive(old('ACK', { ...tagged, CSeq: '1 ACK' }));
    expect(rig.server.state).toBe('Confirmed');
  });

  test('the ACK of a 2xx is for the user', () => {
    const rig = new Rig();
    rig.receive(old('INVITE'));
    rig.respond(200);
    rig.receive(old('ACK', { To: '<sip:bob@example.com>;tag=ours', CSeq: '1 ACK' }));
    expect(rig.told.at(-1)).toBe('+0 ack');
  });

  test('CANCEL finds its INVITE', () => {
    const rig = new Rig();
    rig.receive(old('INVITE'));
    rig.receive(old('CANCEL'));
    expect(rig.wire).toEqual(['+0 100', '+0 200']);
    expect(rig.told.at(-1)).toBe('+0 cancelled');
  });
});

describe('responses', () => {
  test.each<[string, number, (rig: Rig) => ReturnType<typeof createResponse>]>([
    ['an unknown branch', 404, () => createResponse(request('BYE'), 404)],
    ['a 2xx to another request than INVITE', 200, () => createResponse(request('BYE'), 200)],
    ['a provisional answer to no INVITE', 180, () => createResponse(request('INVITE'), 180)],
    ['the CSeq of another method', 200, (rig) => changed(rig, 'CSeq', '7 OPTIONS')],
    ['no CSeq', 200, (rig) => changed(rig, 'CSeq', '')],
    ['no Via', 200, (rig) => changed(rig, 'Via', '')],
    ['a second Via: it was not meant for us (§8.1.3.3)', 200, (rig) => changed(rig, 'Via', `${viaText(rig)}, SIP/2.0/UDP 255.255.255.255`)],
  ])('with %s are ignored', (_, status, make) => {
    const rig = new Rig();
    rig.receive(make(rig));
    expect(rig.told).toEqual([]);
    expect(rig.layer.counts.ignored).toBe(1);
    expect(status).toBeGreaterThan(0);
  });

  test('a 2xx to an INVITE that nobody waits for is a stray one, and not with two Vias', () => {
    const rig = new Rig();
    rig.receive(createResponse(request('INVITE'), 200));
    const two = createResponse(request('INVITE'), 200);
    two.headers.add('Via', 'SIP/2.0/UDP 192.0.2.99');
    rig.receive(two);
    expect(rig.told).toEqual(['+0 stray 200']);
    expect(rig.layer.counts.ignored).toBe(1);
  });

  test('letter case of the branch aside', () => {
    const rig = new Rig();
    const sent = rig.send('BYE');
    const response = createResponse(sent.request, 200);
    response.headers.set('Via', `SIP/2.0/UDP 192.0.2.10:5060;branch=${sent.request.branch!.toUpperCase()}`);
    rig.receive(response);
    expect(rig.told).toEqual(['+0 200']);
  });

  test('an answer on another flow than the request’s is its answer all the same', () => {
    const rig = new Rig();
    const sent = rig.send('BYE');
    rig.receive(createResponse(sent.request, 200), new RigFlow(rig, 'TCP', PEER));
    expect(rig.told).toEqual(['+0 200']);
  });

  /** The answer to a BYE of ours, with one field replaced or, when it is empty, left out. */
  function changed(rig: Rig, name: string, value: string): ReturnType<typeof createResponse> {
    const response = createResponse(rig.send('BYE').request, 200);
    if (value === '') response.headers.delete(name);
    else response.headers.set(name, value);
    return response;
  }

  function viaText(rig: Rig): string {
    return rig.send('BYE').request.headers.get('Via')!;
  }
});

test('a request without a Via is ignored', () => {
  const rig = new Rig();
  const broken = request('OPTIONS');
  broken.headers.delete('Via');
  rig.receive(broken);
  expect(rig.layer.counts.ignored).toBe(1);
  expect(rig.told).toEqual([]);
});

describe('the source of a request', () => {
  const from = (address: string, port = 5070): SipFlow => new RigFlow(new Rig(), 'UDP', { address, port });

  test.each([
    // RFC 3261 §18.2.1.
    ['a name', 'bobspc.biloxi.com:5060', '192.0.2.4', 'bobspc.biloxi.com:5060;received=192.0.2.4'],
    ['another address', '10.0.0.1;branch=z9hG4bK1', '192.0.2.4', '10.0.0.1;branch=z9hG4bK1;received=192.0.2.4'],
    ['the same address', '192.0.2.4:5060;branch=z9hG4bK1', '192.0.2.4', '192.0.2.4:5060;branch=z9hG4bK1'],
    ['rport asks for both', '192.0.2.4;rport;branch=z9hG4bK1', '192.0.2.4', '192.0.2.4;branch=z9hG4bK1;received=192.0.2.4;rport=5070'],
    // RFC 3581 §4: the client cannot know, and whatever it says is replaced.
    [
      'what the client claims is replaced',
      '10.0.0.1;rport=1;received=203.0.113.1;branch=z9hG4bK1',
      '192.0.2.4',
      '10.0.0.1;branch=z9hG4bK1;received=192.0.2.4;rport=5070',
    ],
    ['quoted text stays as it is', '10.0.0.1;x="\\";rport,b";y', '192.0.2.4', '10.0.0.1;x="\\";rport,b";y;received=192.0.2.4'],
    ['IPv6, the same', '[2001:db8::1]:5070', '2001:db8::1', '[2001:db8::1]:5070'],
    ['IPv6, the same in capitals', '[2001:DB8::1]:5070', '2001:db8::1', '[2001:DB8::1]:5070'],
    ['IPv6, another', '[2001:db8::9]', '2001:db8::1', '[2001:db8::9];received=2001:db8::1'],
    ['a mapped address', '192.0.2.4', '::ffff:192.0.2.4', '192.0.2.4'],
    ['the interface is nobody else’s business', 'pc', 'fe80::1%eth0', 'pc;received=fe80::1'],
    [
      'further values of the field',
      '10.0.0.1, SIP/2.0/UDP 10.0.0.2;rport',
      '192.0.2.4',
      '10.0.0.1;received=192.0.2.4, SIP/2.0/UDP 10.0.0.2;rport',
    ],
  ])('%s', (_, sentBy, source, marked) => {
    const message = request('OPTIONS', via(sentBy));
    message.headers.add('Via', 'SIP/2.0/TCP 192.0.2.99;branch=z9hG4bKbelow');
    markSource(message, from(source));
    expect(message.headers.all('Via')).toEqual([`SIP/2.0/UDP ${marked}`, 'SIP/2.0/TCP 192.0.2.99;branch=z9hG4bKbelow']);
    expect(parseMessage(new TextEncoder().encode(`OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP ${marked}\r\n\r\n`))).toBeDefined();
  });

  test('the user and the answer have it, as RFC 3581 §6 shows', () => {
    const rig = new Rig();
    const flow = new RigFlow(rig, 'UDP', { address: '192.0.2.1', port: 9988 });
    rig.receive(request('OPTIONS', via('10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff')), flow);
    expect(rig.server.request?.via?.params).toEqual(
      new Map([
        ['branch', 'z9hG4bKkjshdyff'],
        ['received', '192.0.2.1'],
        ['rport', '9988'],
      ]),
    );
    rig.server.respond(createResponse(rig.server.request!, 200), rig.nowMs);
    expect(flow.texts.join('')).toContain('Via: SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKkjshdyff;received=192.0.2.1;rport=9988\r\n');
  });
});

describe('where answers go (RFC 3261 §18.2.2)', () => {
  const flow = new RigFlow(new Rig(), 'UDP', PEER);

  test.each([
    ['rport: where the request came from', '10.0.0.1:9;rport', PEER],
    ['else to the port of sent-by at the source', '10.0.0.1:5090', { address: PEER.address, port: 5090 }],
    ['without a port, to 5060', 'pc.example.com', { address: PEER.address, port: 5060 }],
    // Else one request with a forged maddr would make us send to anybody, or to a multicast group.
    ['never to a maddr', '10.0.0.1:5090;rport;maddr=203.0.113.1', PEER],
    ['nor to a multicast group', '10.0.0.1:5090;maddr=224.2.0.1', { address: PEER.address, port: 5090 }],
    ['what the client says of received is not believed', '10.0.0.1;received=203.0.113.1', { address: PEER.address, port: 5060 }],
  ])('%s', (_, sentBy, target) => {
    const message = request('OPTIONS', via(sentBy));
    expect(responseTarget(message, flow)).toEqual(target);
    markSource(message, flow);
    expect(responseTarget(message, flow)).toEqual(target);
  });

  test('a connection answers by itself', () => {
    const connection = new RigFlow(new Rig(), 'TCP', PEER);
    expect(responseTarget(request('OPTIONS', via('10.0.0.1:9;maddr=224.2.0.1')), connection)).toEqual(PEER);
  });

  test('a datagram flow is aimed anew, for the answer and its retransmissions', () => {
    const rig = new Rig();
    const targets: unknown[] = [];
    const other = new RigFlow(rig, 'UDP', { address: PEER.address, port: 5090 });
    const aimed: SipFlow = {
      transport: 'UDP',
      reliable: false,
      local: OURS,
      remote: PEER,
      send: () => targets.push('itself'),
      to: (remote) => {
        targets.push(remote);
        return other;
      },
    };
    rig.receive(request('OPTIONS', via(`10.0.0.1:5090;branch=${BRANCH}`)), aimed);
    rig.respond(200);
    rig.receive(request('OPTIONS', via(`10.0.0.1:5090;branch=${BRANCH}`)), aimed);
    expect(targets).toEqual([{ address: PEER.address, port: 5090 }]);
    expect(rig.wire).toEqual(['+0 200', '+0 200']);
  });
});

test.each([
  [OURS, 'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1;rport'],
  [{ address: '::ffff:192.0.2.10', port: 5060 }, 'SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1;rport'],
  [{ address: '2001:db8::10', port: 5080 }, 'SIP/2.0/UDP [2001:db8::10]:5080;branch=z9hG4bK1;rport'],
])('the Via of ours from %o', (local, text) => {
  const flow = { transport: 'UDP', reliable: false, local, remote: PEER, send: () => undefined } as const;
  expect(viaOf(flow, 'z9hG4bK1')).toBe(text);
});

describe('refusals that nobody acknowledges', () => {
  const invite = (number: number): ReturnType<typeof request> => request('INVITE', via(`192.0.2.20:5070;branch=z9hG4bK${number};rport`));

  test('are counted by the address that they go to, until the ACK comes or never does, and by UDP alone', () => {
    const rig = new Rig();
    const of = (): number => rig.layer.unacknowledgedOf(PEER.address);
    rig.receive(invite(1));
    expect(of()).toBe(0);
    rig.respond(486);
    rig.receive(invite(2));
    rig.respond(200);
    expect([of(), rig.layer.unacknowledgedOf('192.0.2.99')]).toEqual([1, 0]);
    rig.receive(request('ACK', via('192.0.2.20:5070;branch=z9hG4bK1;rport')));
    rig.receive(request('ACK', via('192.0.2.20:5070;branch=z9hG4bK1;rport')));
    expect(of()).toBe(0);
    rig.receive(invite(3));
    rig.respond(404);
    expect(of()).toBe(1);
    rig.advance(40_000);
    expect([of(), rig.alive]).toEqual([0, 0]);
    const stream = new RigFlow(rig, 'TCP', PEER);
    rig.receive(invite(4), stream);
    rig.respond(404);
    expect(of()).toBe(0);
  });

  test('are no more than the user wants: what is turned away is answered once, and nothing is kept of it', () => {
    const rig = new Rig({ turnsAway: ({ method }) => method === 'INVITE' && rig.layer.unacknowledgedOf(PEER.address) >= 1 });
    rig.receive(invite(1));
    rig.respond(486);
    rig.receive(invite(2));
    rig.receive(request('OPTIONS', via('192.0.2.20:5070;branch=z9hG4bK3;rport')));
    expect(rig.wire).toEqual(['+0 100', '+0 486', '+0 503']);
    expect(rig.told).toEqual(['+0 request INVITE', '+0 request OPTIONS']);
    rig.advance(32_000);
    expect(rig.wire.filter((line) => line.endsWith(' 503'))).toHaveLength(1);
    expect(rig.layer.counts.refused).toBe(1);
  });
});

describe('too many transactions', () => {
  const numbered = (method: string, number: number): ReturnType<typeof request> =>
    request(method, via(`192.0.2.20:5070;branch=z9hG4bK${number};rport`));

  test('new requests are answered 503 with the same tag each time, those known go on, and there is room again later', () => {
    const rig = new Rig({ maxTransactions: 2 });
    rig.receive(numbered('INVITE', 1));
    rig.receive(numbered('OPTIONS', 2));
    rig.respond(200);
    rig.receive(numbered('INVITE', 3));
    rig.receive(numbered('INVITE', 3));
    rig.receive(numbered('OPTIONS', 4));
    rig.receive(numbered('OPTIONS', 2));
    expect(rig.wire).toEqual(['+0 100', '+0 200', '+0 503', '+0 503', '+0 503', '+0 200']);
    const [, , refused, again, other] = rig.flow.texts;
    expect(refused).toContain('Retry-After: 5\r\n');
    expect(refused).toMatch(/To: .*;tag=[0-9a-f]{8}\r\n/);
    expect(again).toBe(refused);
    expect(other).not.toContain(/tag=[0-9a-f]{8}\r\n/.exec(refused!)![0]);
    expect(rig.told).toEqual(['+0 request INVITE', '+0 request OPTIONS']);
    expect(rig.layer.counts).toMatchObject({ refused: 3, inviteServers: 1, otherServers: 1 });
    rig.advance(32_000);
    rig.receive(numbered('OPTIONS', 4));
    expect(rig.told.at(-1)).toBe('+32000 request OPTIONS');
  });

  test('an ACK is never answered, a CANCEL still cancels, and requests of ours still go out', () => {
    const rig = new Rig({ maxTransactions: 1 });
    rig.receive(numbered('INVITE', 1));
    rig.receive(numbered('ACK', 9));
    rig.receive(numbered('CANCEL', 1));
    rig.receive(numbered('CANCEL', 1));
    rig.receive(numbered('CANCEL', 2));
    rig.send('BYE');
    expect(rig.wire).toEqual(['+0 100', '+0 200', '+0 200', '+0 481', '+0 BYE']);
    expect(rig.flow.texts[1]).toBe(rig.flow.texts[2]);
    expect(rig.told).toEqual(['+0 request INVITE', '+0 ack', '+0 cancelled']);
    expect(rig.alive).toBe(2);
  });
});

describe('flows that fail', () => {
  test('a datagram flow is its two ends, a connection is itself', () => {
    const rig = new Rig();
    const same = new RigFlow(rig, 'UDP', { ...PEER });
    const other = new RigFlow(rig, 'UDP', { address: PEER.address, port: 1 });
    const connection = new RigFlow(rig, 'TCP', PEER);
    rig.send('BYE');
    rig.layer.flowFailed(other, rig.nowMs);
    rig.layer.flowFailed({ ...plain(), local: { address: OURS.address, port: 1 } }, rig.nowMs);
    rig.layer.flowFailed({ ...plain(), local: { address: '192.0.2.11', port: OURS.port } }, rig.nowMs);
    rig.layer.flowFailed({ ...plain(), remote: { address: '192.0.2.21', port: PEER.port } }, rig.nowMs);
    rig.layer.flowFailed(connection, rig.nowMs);
    expect(rig.told).toEqual([]);
    rig.layer.flowFailed(same, rig.nowMs);
    expect(rig.told).toEqual(['+0 failed']);
  });

  test('a flow that answers were aimed at is theirs, too', () => {
    const rig = new Rig();
    const aim = new RigFlow(rig, 'UDP', { address: PEER.address, port: 5090 });
    rig.receive(request('OPTIONS', via(`10.0.0.1:5090;branch=${BRANCH}`)), { ...plain(), to: () => aim });
    rig.layer.flowFailed(aim, rig.nowMs);
    expect(rig.told).toEqual(['+0 request OPTIONS', '+0 transport error']);
  });

  test('all that a connection carried, and nothing else', () => {
    const rig = new Rig({ transport: 'TCP' });
    const other = new RigFlow(rig, 'TCP', PEER);
    rig.send('BYE');
    rig.send('INVITE');
    rig.receive(request('INVITE'));
    rig.receive(request('OPTIONS', via('192.0.2.20:5070;branch=z9hG4bKother')), other);
    rig.told.length = 0;
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.told.toSorted()).toEqual(['+0 failed', '+0 failed', '+0 transport error']);
    expect(rig.alive).toBe(2);
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.told).toHaveLength(3);
  });

  test('a request that got its answer while the failure of another was told does not fail', () => {
    const rig = new Rig({ transport: 'TCP' });
    const outcomes: string[] = [];
    const user = (other: () => ClientTransaction): ClientUser => ({
      response: () => outcomes.push('response'),
      timeout: () => outcomes.push('timeout'),
      failed: () => {
        outcomes.push('failed');
        rig.answer(other(), 200);
      },
    });
    const bye = (): ReturnType<typeof request> => {
      const message = request('BYE');
      message.headers.delete('Via');
      return message;
    };
    const first: ClientTransaction = rig.layer.request(
      bye(),
      rig.flow,
      user(() => second),
      rig.nowMs,
    );
    const second: ClientTransaction = rig.layer.request(
      bye(),
      rig.flow,
      user(() => first),
      rig.nowMs,
    );
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(outcomes).toEqual(['failed', 'response']);
    expect(rig.layer.counts.otherClients).toBe(0);
  });

  test('is counted for requests without an answer, whether the user wants to know or not', () => {
    const rig = new Rig();
    rig.receive(request('OPTIONS'));
    rig.server.onEnd = undefined;
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    rig.respond(200);
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.layer.counts.failures).toBe(1);
  });

  function plain(): Omit<SipFlow, 'to'> {
    return { transport: 'UDP', reliable: false, local: OURS, remote: PEER, send: () => undefined };
  }
});
