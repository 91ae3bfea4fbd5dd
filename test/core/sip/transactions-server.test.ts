/** RFC 3261 §17.2: every transition of figures 7 and 8, with RFC 6026 and RFC 4320. */
import { describe, expect, test } from 'vitest';
import { Rig, request } from '../../kit/sip-rig.ts';

interface Row {
  readonly name: string;
  readonly does: (rig: Rig) => void;
  readonly wire: readonly string[];
  readonly told: readonly string[];
  /** Transactions that are left. */
  readonly alive: number;
  readonly transport?: 'TCP';
  readonly trying?: 'after 200 ms';
}

function expectRow({ does, wire, told, alive, transport, trying }: Row): void {
  const rig = new Rig({ ...(transport && { transport }), ...(trying && { trying }) });
  does(rig);
  expect(rig.told).toEqual(told);
  expect(rig.wire).toEqual(wire);
  expect(rig.alive).toBe(alive);
}

const invite = (): ReturnType<typeof request> => request('INVITE');
const ack = (): ReturnType<typeof request> => request('ACK', { To: 'Bob <sip:bob@example.com>;tag=ours', CSeq: '1 ACK' });
const cancel = (): ReturnType<typeof request> => request('CANCEL');
const options = (): ReturnType<typeof request> => request('OPTIONS');

/** An INVITE refused at once. */
function refuse(rig: Rig): void {
  rig.receive(invite());
  rig.respond(486);
}

/** An INVITE accepted at once. */
function accept(rig: Rig): void {
  rig.receive(invite());
  rig.respond(200);
}

describe('INVITE server transaction', () => {
  const asked = '+0 request INVITE';
  /** Timer G: T1, doubled up to T2, until timer H. */
  const timerG = [500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500].map((ms) => `+${ms} 486`);

  test.each<Row>([
    {
      name: 'a new request: 100 at once, and the user is told',
      does: (rig) => rig.receive(invite()),
      wire: ['+0 100'],
      told: [asked],
      alive: 1,
    },
    {
      name: '100 after 200 ms when the user gave nothing, and once',
      trying: 'after 200 ms',
      does: (rig) => {
        rig.receive(invite());
        rig.advanceTo(60_000);
      },
      wire: ['+200 100'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'no 100 when the user answered within 200 ms; the request again has its answer again',
      trying: 'after 200 ms',
      does: (rig) => {
        rig.receive(invite());
        rig.receive(invite());
        rig.advanceTo(199);
        rig.respond(180);
        rig.advanceTo(500);
        rig.receive(invite());
      },
      wire: ['+199 180', '+500 180'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Proceeding: provisional answers are sent, and the latest again for the request again',
      does: (rig) => {
        rig.receive(invite());
        rig.advanceTo(500);
        rig.receive(invite());
        rig.respond(180);
        rig.respond(183);
        rig.advanceTo(1_500);
        rig.receive(invite());
        rig.advanceTo(3_600_000);
      },
      wire: ['+0 100', '+500 100', '+500 180', '+500 183', '+1500 183'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Proceeding: an ACK is of nothing',
      does: (rig) => {
        rig.receive(invite());
        rig.receive(ack());
      },
      wire: ['+0 100'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Accepted: the request again is absorbed, the ACK is for the user, its 2xx goes out again, nothing else does; timer L ends it',
      does: (rig) => {
        accept(rig);
        rig.advanceTo(500);
        rig.receive(invite());
        rig.respond(200);
        rig.respond(180);
        rig.respond(486);
        rig.advanceTo(900);
        rig.receive(ack());
        rig.advanceTo(31_999);
        rig.receive(invite());
        expect(rig.alive).toBe(1);
        rig.advanceTo(32_000);
      },
      wire: ['+0 100', '+0 200', '+500 200'],
      told: [asked, '+900 ack'],
      alive: 0,
    },
    {
      name: 'Accepted: timer L is 64·T1 for reliable transports too',
      transport: 'TCP',
      does: (rig) => {
        accept(rig);
        rig.advanceTo(31_999);
        rig.receive(invite());
      },
      wire: ['+0 100', '+0 200'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Completed: timer G repeats the refusal, up to T2 apart, and timer H tells that there was no ACK',
      does: (rig) => {
        refuse(rig);
        rig.advanceTo(60_000);
      },
      wire: ['+0 100', '+0 486', ...timerG],
      told: [asked, '+32000 no ACK'],
      alive: 0,
    },
    {
      name: 'Completed: the request again has its refusal again, another answer is not sent',
      does: (rig) => {
        refuse(rig);
        rig.advanceTo(100);
        rig.receive(invite());
        rig.respond(200);
      },
      wire: ['+0 100', '+0 486', '+100 486'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Completed: nothing is repeated on a reliable transport, timer H runs',
      transport: 'TCP',
      does: (rig) => {
        refuse(rig);
        rig.advanceTo(60_000);
      },
      wire: ['+0 100', '+0 486'],
      told: [asked, '+32000 no ACK'],
      alive: 0,
    },
    {
      name: 'Confirmed: ACK and request again are absorbed until timer I',
      does: (rig) => {
        refuse(rig);
        rig.advanceTo(600);
        rig.receive(ack());
        rig.advanceTo(5_599);
        rig.receive(ack());
        rig.receive(invite());
        rig.respond(200);
        expect(rig.alive).toBe(1);
        rig.advanceTo(60_000);
      },
      wire: ['+0 100', '+0 486', '+500 486'],
      told: [asked],
      alive: 0,
    },
    {
      name: 'Confirmed: timer I is zero on a reliable transport',
      transport: 'TCP',
      does: (rig) => {
        refuse(rig);
        rig.receive(ack());
      },
      wire: ['+0 100', '+0 486'],
      told: [asked],
      alive: 0,
    },
    {
      name: 'a transport error is told once, and the user may still answer (RFC 6026 §8.8)',
      does: (rig) => {
        rig.receive(invite());
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.respond(500);
        rig.receive(ack());
      },
      wire: ['+0 100', '+0 500'],
      told: [asked, '+0 transport error'],
      alive: 1,
    },
    {
      name: 'the loss of a connection is told, too',
      transport: 'TCP',
      does: (rig) => {
        accept(rig);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
      },
      wire: ['+0 100', '+0 200'],
      told: [asked, '+0 transport error'],
      alive: 1,
    },
    {
      name: 'CANCEL: answered 200 each time, told once; the user answers the INVITE',
      does: (rig) => {
        rig.receive(invite());
        rig.respond(180);
        rig.advanceTo(100);
        rig.receive(cancel());
        rig.receive(cancel());
        rig.respond(487);
        rig.receive(ack());
      },
      wire: ['+0 100', '+0 180', '+100 200', '+100 200', '+100 487'],
      told: [asked, '+100 cancelled'],
      alive: 2,
    },
    {
      name: 'CANCEL after the final answer has no effect',
      does: (rig) => {
        accept(rig);
        rig.receive(cancel());
      },
      wire: ['+0 100', '+0 200', '+0 200'],
      told: [asked],
      alive: 2,
    },
    { name: 'CANCEL of nothing: 481', does: (rig) => rig.receive(cancel()), wire: ['+0 481'], told: [], alive: 1 },
    { name: 'an ACK of nothing is for the user', does: (rig) => rig.receive(ack()), wire: [], told: ['+0 ack'], alive: 0 },
  ])('$name', (row) => {
    expectRow(row);
  });

  test('the request is dropped with the final answer, and the state is told', () => {
    const rig = new Rig();
    rig.receive(invite());
    expect(rig.server.request?.method).toBe('INVITE');
    expect(rig.server.state).toBe('Proceeding');
    rig.respond(486);
    expect(rig.server.request).toBeUndefined();
    expect(rig.server.state).toBe('Completed');
    rig.receive(ack());
    expect(rig.server.state).toBe('Confirmed');
    rig.advance(5_000);
    expect(rig.server.state).toBe('Terminated');
  });

  test('a transport error after the ACK is nobody’s concern', () => {
    const rig = new Rig();
    refuse(rig);
    rig.receive(ack());
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.told).toEqual([asked]);
  });

  test('the 100 has no To tag of ours, the answer to CANCEL the one of the INVITE (§9.2)', () => {
    const rig = new Rig();
    rig.receive(invite());
    rig.respond(180);
    rig.receive(cancel());
    const [trying, ringing, cancelled] = rig.flow.texts;
    expect(trying).not.toContain('tag=ours');
    expect(ringing).toContain('tag=ours');
    expect(cancelled).toContain('tag=ours');
    expect(cancelled).toContain('CSeq: 1 CANCEL');
  });

  test('a user that throws leaves an answered request behind', () => {
    const rig = new Rig({
      user: {
        request: () => {
          throw new Error('broken user');
        },
      },
    });
    expect(() => rig.receive(invite())).toThrow('broken user');
    expect(rig.wire).toEqual(['+0 100', '+0 500']);
    rig.receive(ack());
    rig.advance(60_000);
    expect(rig.alive).toBe(0);
  });
});

describe('server transactions of other requests', () => {
  const asked = '+0 request OPTIONS';

  test.each<Row>([
    {
      name: 'Trying: the request again is dropped',
      does: (rig) => {
        rig.receive(options());
        rig.advanceTo(500);
        rig.receive(options());
      },
      wire: [],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Trying: without an answer, 100 when the timer E of the client has reached T2, and again for the request again (RFC 4320 §4.1)',
      does: (rig) => {
        rig.receive(options());
        rig.advanceTo(7_500);
        rig.receive(options());
        rig.respond(200);
      },
      wire: ['+3500 100', '+7500 100', '+7500 200'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'an earlier 100 is not sent, nor any other provisional answer at any time',
      does: (rig) => {
        rig.receive(options());
        rig.advanceTo(3_499);
        rig.respond(100);
        rig.respond(180);
        rig.advanceTo(4_000);
        rig.respond(183);
      },
      wire: ['+3500 100'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'on a reliable transport 100 may be sent at any time',
      transport: 'TCP',
      does: (rig) => {
        rig.receive(options());
        rig.respond(100);
        rig.advanceTo(10_000);
      },
      wire: ['+0 100'],
      told: [asked],
      alive: 1,
    },
    {
      name: 'Completed: the request again has its answer again, until timer J; other answers are dropped',
      does: (rig) => {
        rig.receive(options());
        rig.respond(200);
        rig.respond(404);
        rig.advanceTo(31_999);
        rig.receive(options());
        expect(rig.alive).toBe(1);
        rig.advanceTo(32_000);
        expect(rig.alive).toBe(0);
        rig.receive(options());
      },
      wire: ['+0 200', '+31999 200'],
      told: [asked, '+32000 request OPTIONS'],
      alive: 1,
    },
    {
      name: 'timer J is zero on a reliable transport',
      transport: 'TCP',
      does: (rig) => {
        rig.receive(options());
        rig.respond(200);
      },
      wire: ['+0 200'],
      told: [asked],
      alive: 0,
    },
    {
      name: 'no 408, and nothing after 64·T1: the user is told; the request again is absorbed for T4 (RFC 4320 §4.2)',
      does: (rig) => {
        rig.receive(options());
        rig.advanceTo(5_000);
        rig.respond(408);
        rig.advanceTo(32_000);
        rig.respond(200);
        rig.advanceTo(36_999);
        rig.receive(options());
        expect(rig.alive).toBe(1);
        rig.advanceTo(37_000);
      },
      wire: ['+3500 100'],
      told: [asked, '+32000 timeout'],
      alive: 0,
    },
    {
      name: 'the same on a reliable transport, where nothing comes again',
      transport: 'TCP',
      does: (rig) => {
        rig.receive(options());
        rig.advanceTo(32_000);
        rig.respond(200);
      },
      wire: ['+3500 100'],
      told: [asked, '+32000 timeout'],
      alive: 0,
    },
    {
      name: 'a transport error is told while there is no answer, and only then',
      does: (rig) => {
        rig.receive(options());
        rig.layer.flowFailed(rig.flow, rig.nowMs);
        rig.respond(200);
        rig.layer.flowFailed(rig.flow, rig.nowMs);
      },
      wire: ['+0 200'],
      told: [asked, '+0 transport error'],
      alive: 1,
    },
  ])('$name', (row) => {
    expectRow(row);
  });

  test('the request is dropped with its answer or its end, and nothing is told any more', () => {
    const rig = new Rig();
    rig.receive(options());
    expect(rig.server.request?.method).toBe('OPTIONS');
    rig.respond(200);
    expect(rig.server.request).toBeUndefined();
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.told).toEqual([asked]);
    rig.receive(request('INFO'));
    rig.advance(32_000);
    expect(rig.server.request).toBeUndefined();
    rig.layer.flowFailed(rig.flow, rig.nowMs);
    expect(rig.told).toEqual([asked, '+0 request INFO', '+32000 timeout']);
  });

  test('what is not sent is counted, and so is what comes again', () => {
    const rig = new Rig();
    rig.receive(options());
    rig.respond(408);
    rig.respond(200);
    rig.respond(404);
    rig.receive(options());
    rig.receive(options());
    expect(rig.layer.counts).toMatchObject({ otherServers: 1, inviteServers: 0, withheld: 2, retransmissionsIn: 2, retransmissionsOut: 2 });
  });

  test('with other values of T1, T2 and T4 all times follow', () => {
    const rig = new Rig({ timers: { t1Ms: 100, t2Ms: 300, t4Ms: 1_000 } });
    refuse(rig);
    rig.advance(1_300);
    expect(rig.wire).toEqual(['+0 100', '+0 486', ...['+100', '+300', '+600', '+900', '+1200'].map((at) => `${at} 486`)]);
    rig.advanceTo(6_400);
    expect(rig.told).toEqual(['+0 request INVITE', '+6400 no ACK']);
    expect(() => new Rig({ timers: { t1Ms: 0 } })).toThrow(RangeError);
  });
});
