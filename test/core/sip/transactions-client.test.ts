/** RFC 3261 §17.1: every transition of figures 5 and 6, with RFC 6026, and §9.1. */
import { describe, expect, test } from 'vitest';
import { createRequest, createResponse } from '../../../src/core/sip/message.ts';
import { createAck, createCancel } from '../../../src/core/sip/transaction/follow-ups.ts';
import type { ClientTransaction } from '../../../src/core/sip/transactions.ts';
import { Rig } from '../../kit/sip-rig.ts';

interface Row {
  readonly name: string;
  readonly does: (rig: Rig, sent: ClientTransaction) => void;
  readonly wire: readonly string[];
  readonly told: readonly string[];
  readonly alive: number;
  readonly transport?: 'TCP';
}

function expectRow(method: string, { does, wire, told, alive, transport }: Row): void {
  const rig = new Rig({ ...(transport && { transport }) });
  does(rig, rig.send(method));
  expect(rig.told).toEqual(told);
  expect(rig.wire).toEqual(wire);
  expect(rig.alive).toBe(alive);
}

const at = (times: readonly number[], what: string): string[] => times.map((ms) => `+${ms} ${what}`);

describe('INVITE client transaction', () => {
  test.each<Row>([
    {
      name: 'Calling: timer A doubles without a limit, timer B gives up',
      does: (rig) => rig.advanceTo(60_000),
      wire: at([0, 500, 1_500, 3_500, 7_500, 15_500, 31_500], 'INVITE'),
      told: ['+32000 timeout'],
      alive: 0,
    },
    {
      name: 'Calling: on a reliable transport only timer B runs',
      transport: 'TCP',
      does: (rig) => rig.advanceTo(60_000),
      wire: ['+0 INVITE'],
      told: ['+32000 timeout'],
      alive: 0,
    },
    {
      name: 'Proceeding: nothing is repeated, provisional answers are told, timer B is off',
      does: (rig, sent) => {
        rig.advanceTo(600);
        rig.answer(sent, 100);
        rig.answer(sent, 180);
        rig.advanceTo(100_000);
        rig.answer(sent, 180);
      },
      wire: ['+0 INVITE', '+500 INVITE'],
      told: ['+600 100', '+600 180', '+100000 180'],
      alive: 1,
    },
    {
      name: 'Proceeding: timer C, which 180 starts again and 100 does not, cancels; 64·T1 later it is a timeout',
      transport: 'TCP',
      does: (rig, sent) => {
        rig.answer(sent, 100);
        rig.advanceTo(60_000);
        rig.answer(sent, 180);
        rig.advanceTo(90_000);
        rig.answer(sent, 100);
        rig.advanceTo(600_000);
      },
      wire: ['+0 INVITE', '+245000 CANCEL'],
      told: ['+0 100', '+60000 180', '+90000 100', '+277000 timeout'],
      alive: 0,
    },
    {
      name: 'Accepted: every 2xx is told, nothing else is, until timer M',
      does: (rig, sent) => {
        rig.answer(sent, 200);
        rig.advanceTo(500);
        rig.answer(sent, 200);
        rig.answer(sent, 180);
        rig.answer(sent, 486);
        rig.advanceTo(31_999);
        rig.answer(sent, 200, 'fork');
        rig.advanceTo(32_000);
        rig.answer(sent, 200);
      },
      wire: ['+0 INVITE'],
      told: ['+0 200', '+500 200', '+31999 200', '+32000 stray 200'],
      alive: 0,
    },
    {
      name: 'Accepted: timer M is 64·T1 for reliable transports too',
      transport: 'TCP',
      does: (rig, sent) => {
        rig.answer(sent, 180);
        rig.answer(sent, 200);
        rig.advanceTo(31_999);
      },
      wire: ['+0 INVITE'],
      told: ['+0 180', '+0 200'],
      alive: 1,
    },
    {
      name: 'Completed: each refusal has its ACK and is told once, until timer D',
      does: (rig, sent) => {
        rig.advanceTo(100);
        rig.answer(sent, 486);
        rig.advanceTo(600);
        rig.answer(sent, 486);
        rig.answer(sent, 180);
        rig.advanceTo(32_099);
        expect(rig.alive).toBe(1);
        rig.advanceTo(32_100);
        rig.answer(sent, 486);
      },
      wire: ['+0 INVITE', '+100 ACK', '+600 ACK'],
      told: ['+100 486'],
      alive: 0,
    },
    {
      name: 'Completed: timer D is zero on a reliable transport',
      transport: 'TCP',
      does: (rig, sent) => {
        rig.answer(sent, 180);
        rig.answer(sent, 486);
      },
      wire: ['+0 INVITE', '+0 ACK'],
      told: ['+0 180', '+0 486'],
      alive: 0,
    },
    {
      name: 'Completed: a 2xx of another branch after all is a stray one',
      does: (rig, sent) => {
        rig.answer(sent, 486);
        rig.answer(sent, 200, 'fork');
      },
      wire: ['+0 INVITE', '+0 ACK'],
      told: ['+0 486', '+0 stray 200'],
      alive: 1,
    },
    {
      name: 'a transport error before the final answer is its outcome',
      does: (rig) => {
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.advanceTo(60_000);
      },
      wire: ['+0 INVITE'],
      told: ['+0 failed'],
      alive: 0,
    },
    {
      name: 'the same after a provisional answer, when the connection is lost',
      transport: 'TCP',
      does: (rig, sent) => {
        rig.answer(sent, 180);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.advanceTo(600_000);
      },
      wire: ['+0 INVITE'],
      told: ['+0 180', '+0 failed'],
      alive: 0,
    },
    {
      name: 'after the final answer a transport error ends it without a word',
      does: (rig, sent) => {
        rig.answer(sent, 486);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
      },
      wire: ['+0 INVITE', '+0 ACK'],
      told: ['+0 486'],
      alive: 0,
    },
  ])('$name', (row) => expectRow('INVITE', row));
});

describe('CANCEL (RFC 3261 §9.1)', () => {
  test.each<Row>([
    {
      name: 'waits for a provisional answer, and is sent once',
      does: (rig, sent) => {
        sent.cancel(rig.nowMs);
        rig.advanceTo(700);
        sent.cancel(rig.nowMs);
        rig.answer(sent, 100);
        rig.answer(sent, 180);
        sent.cancel(rig.nowMs);
        rig.answer(sent, 487);
      },
      wire: ['+0 INVITE', '+500 INVITE', '+700 CANCEL', '+700 ACK'],
      told: ['+700 100', '+700 180', '+700 487'],
      alive: 2,
    },
    {
      name: 'goes out at once in Proceeding, again by timer E, and the INVITE ends 64·T1 later',
      does: (rig, sent) => {
        rig.answer(sent, 180);
        rig.advanceTo(1_000);
        sent.cancel(rig.nowMs);
        rig.advanceTo(60_000);
        rig.answer(sent, 200);
      },
      wire: [
        '+0 INVITE',
        ...at(
          [0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((ms) => ms + 1_000),
          'CANCEL',
        ),
      ],
      told: ['+0 180', '+33000 timeout', '+60000 stray 200'],
      alive: 0,
    },
    {
      name: 'provisional answers after it do not lengthen the wait',
      transport: 'TCP',
      does: (rig, sent) => {
        rig.answer(sent, 180);
        sent.cancel(rig.nowMs);
        rig.advanceTo(31_000);
        rig.answer(sent, 180);
        rig.advanceTo(60_000);
      },
      wire: ['+0 INVITE', '+0 CANCEL'],
      told: ['+0 180', '+31000 180', '+32000 timeout'],
      alive: 0,
    },
    {
      name: 'an INVITE that was never answered at all needs none',
      transport: 'TCP',
      does: (rig, sent) => {
        sent.cancel(rig.nowMs);
        rig.advanceTo(60_000);
      },
      wire: ['+0 INVITE'],
      told: ['+32000 timeout'],
      alive: 0,
    },
    {
      name: 'a final answer comes first',
      does: (rig, sent) => {
        sent.cancel(rig.nowMs);
        rig.answer(sent, 200);
        sent.cancel(rig.nowMs);
        rig.answer(sent, 180);
      },
      wire: ['+0 INVITE'],
      told: ['+0 200'],
      alive: 1,
    },
  ])('$name', (row) => expectRow('INVITE', row));

  test('its answer finds it by the method of CSeq, and is nobody else’s', () => {
    const rig = new Rig();
    const sent = rig.send('INVITE');
    rig.answer(sent, 180);
    sent.cancel(rig.nowMs, [['Reason', 'SIP;cause=200;text="Call completed elsewhere"']]);
    expect(rig.flow.texts.at(-1)).toContain('Reason: SIP;cause=200');
    rig.receive(createResponse(createCancel(sent.request, []), 200, { toTag: 'theirs' }));
    expect(rig.told).toEqual(['+0 180']);
    rig.advance(5_000);
    expect(rig.layer.counts).toMatchObject({ inviteClients: 1, otherClients: 0 });
    expect(rig.wire).toEqual(['+0 INVITE', '+0 CANCEL']);
  });

  test('is for INVITE only', () => {
    const rig = new Rig({ transport: 'TCP' });
    const sent = rig.send('OPTIONS');
    rig.answer(sent, 100);
    sent.cancel(rig.nowMs);
    expect(rig.wire).toEqual(['+0 OPTIONS']);
  });
});

describe('ACK and CANCEL are made of the INVITE', () => {
  // The INVITE and the ACK of RFC 3261 §17.1.1.3.
  const invite = createRequest('INVITE', 'sip:bob@biloxi.com', [
    ['Via', 'SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff'],
    ['To', 'Bob <sip:bob@biloxi.com>'],
    ['From', 'Alice <sip:alice@atlanta.com>;tag=88sja8x'],
    ['Max-Forwards', '70'],
    ['Call-ID', '987asjd97y7atg'],
    ['CSeq', '986759 INVITE'],
    ['Route', '<sip:p1.example.com;lr>, <sip:p2.example.com;lr>'],
    ['Route', '<sip:p3.example.com;lr>'],
    ['Proxy-Authorization', 'Digest username="alice"'],
    ['Require', '100rel'],
  ]);

  test('RFC 3261 §17.1.1.3', () => {
    const ack = createAck(invite, createResponse(invite, 486, { toTag: '99sa0xk' }));
    expect(ack.method).toBe('ACK');
    expect(ack.uri).toBe('sip:bob@biloxi.com');
    expect(ack.headers.all('Via')).toEqual(['SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff']);
    expect(ack.headers.get('To')).toBe('Bob <sip:bob@biloxi.com>;tag=99sa0xk');
    expect(ack.headers.get('From')).toBe('Alice <sip:alice@atlanta.com>;tag=88sja8x');
    expect(ack.headers.get('Max-Forwards')).toBe('70');
    expect(ack.headers.get('Call-ID')).toBe('987asjd97y7atg');
    expect(ack.headers.get('CSeq')).toBe('986759 ACK');
    expect(ack.headers.values('Route')).toEqual(['<sip:p1.example.com;lr>', '<sip:p2.example.com;lr>', '<sip:p3.example.com;lr>']);
    expect(ack.headers.get('Proxy-Authorization')).toBe('Digest username="alice"');
  });

  test('CANCEL has the To of the INVITE and asks for no extension', () => {
    const cancel = createCancel(invite, []);
    expect(cancel.headers.all('Via')).toEqual(invite.headers.all('Via'));
    expect(cancel.headers.get('To')).toBe('Bob <sip:bob@biloxi.com>');
    expect(cancel.headers.get('CSeq')).toBe('986759 CANCEL');
    expect(cancel.headers.values('Route')).toHaveLength(3);
    expect(cancel.headers.has('Require')).toBe(false);
    expect(cancel.headers.has('Proxy-Authorization')).toBe(false);
  });
});

describe('client transactions of other requests', () => {
  test.each<Row>([
    {
      name: 'Trying: timer E doubles up to T2, timer F gives up',
      does: (rig) => rig.advanceTo(60_000),
      wire: at([0, 500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500], 'BYE'),
      told: ['+32000 timeout'],
      alive: 0,
    },
    {
      name: 'Trying: on a reliable transport only timer F runs',
      transport: 'TCP',
      does: (rig) => rig.advanceTo(60_000),
      wire: ['+0 BYE'],
      told: ['+32000 timeout'],
      alive: 0,
    },
    {
      name: 'Proceeding: timer E is T2 from its next time on, timer F still runs',
      does: (rig, sent) => {
        rig.advanceTo(600);
        rig.answer(sent, 100);
        rig.advanceTo(60_000);
      },
      wire: at([0, 500, 1_500, 5_500, 9_500, 13_500, 17_500, 21_500, 25_500, 29_500], 'BYE'),
      told: ['+600 100', '+32000 timeout'],
      alive: 0,
    },
    {
      name: 'Completed: told once, the answer again is absorbed until timer K',
      does: (rig, sent) => {
        rig.advanceTo(600);
        rig.answer(sent, 100);
        rig.answer(sent, 200);
        rig.answer(sent, 200);
        rig.answer(sent, 481);
        rig.advanceTo(5_599);
        expect(rig.alive).toBe(1);
        rig.advanceTo(60_000);
        rig.answer(sent, 200);
      },
      wire: ['+0 BYE', '+500 BYE'],
      told: ['+600 100', '+600 200'],
      alive: 0,
    },
    {
      name: 'Completed: timer K is zero on a reliable transport',
      transport: 'TCP',
      does: (rig, sent) => void rig.answer(sent, 481),
      wire: ['+0 BYE'],
      told: ['+0 481'],
      alive: 0,
    },
    {
      name: 'a transport error before the final answer is its outcome',
      transport: 'TCP',
      does: (rig) => {
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.advanceTo(60_000);
      },
      wire: ['+0 BYE'],
      told: ['+0 failed'],
      alive: 0,
    },
    {
      name: 'and after it none',
      does: (rig, sent) => {
        rig.answer(sent, 200);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
      },
      wire: ['+0 BYE'],
      told: ['+0 200'],
      alive: 0,
    },
  ])('$name', (row) => expectRow('BYE', row));
});

describe('a client transaction', () => {
  test('has a Via of its own: sent-by of the flow, a new branch each time, rport (RFC 3581 §3)', () => {
    const rig = new Rig();
    const first = rig.send('BYE').request;
    const second = rig.send('BYE').request;
    expect(first.via).toMatchObject({ transport: 'UDP', host: '192.0.2.10', port: 5060 });
    expect(first.via?.params.has('rport')).toBe(true);
    expect(first.branch).toMatch(/^z9hG4bK[0-9a-f]{24}$/);
    expect(second.branch).not.toBe(first.branch);
  });

  test('counts what was lost', () => {
    const rig = new Rig();
    rig.send('BYE');
    rig.send('INVITE');
    expect(rig.layer.counts).toMatchObject({ inviteClients: 1, otherClients: 1 });
    rig.advance(60_000);
    expect(rig.layer.counts).toMatchObject({ inviteClients: 0, otherClients: 0, timeouts: 2, retransmissionsOut: 16, failures: 0 });
    rig.answer(rig.send('INVITE'), 180);
    rig.advance(60_000);
    expect(rig.layer.counts.retransmissionsOut).toBe(16);
    rig.send('BYE');
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.layer.counts).toMatchObject({ failures: 2, timeouts: 2 });
  });
});
