/** Every way a call of the user agent can go, with a scripted caller (RFC 3261 §9, §12 to §15; RFC 3262, 3311, 4028). */
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AgentBench, CALLER, OURS } from './agent-bench.ts';

const SDP = new TextEncoder().encode('answer');
const RELIABLE = { Require: '100rel' };

function tagged(bench: AgentBench): string[] {
  return bench.only.ends.map(({ by, status, reason }) => `${by} ${status} ${reason}`);
}

describe('a call', () => {
  test('rings, is answered, acknowledged and ended by the caller', () => {
    const bench = new AgentBench();
    const invite = bench.send('INVITE', {}, 'offer');
    bench.advance(10);
    bench.only.call.ring(bench.nowMs);
    bench.advance(10);
    bench.only.call.answer(SDP, bench.nowMs);
    bench.advance(10);
    expect(invite.responses.map(({ status }) => status)).toEqual([100, 180, 200]);
    expect(bench.only.call.state).toBe('confirmed');
    const bye = bench.inDialog('BYE');
    bench.network.settle(100_000);
    expect(bye.final).toEqual(['200']);
    expect(bench.only.told).toEqual(['acked', 'ended']);
    expect(tagged(bench)).toEqual(['caller 200 BYE']);
    expect(bench.agent.calls).toBe(0);
  });

  test('is ended by us, and asked for until the BYE has its answer', () => {
    const bench = new AgentBench();
    bench.connect().call.hangUp('enough', bench.nowMs);
    expect(bench.only.call.state).toBe('ending');
    bench.network.settle(100_000);
    expect(bench.byes).toHaveLength(1);
    expect(tagged(bench)).toEqual(['us 200 enough']);
    expect(bench.agent.calls).toBe(0);
  });

  test('ends too when its BYE has no answer', () => {
    const bench = new AgentBench();
    bench.answersWith = undefined;
    bench.connect().call.hangUp('enough', bench.nowMs);
    bench.network.settle(100_000);
    expect(bench.byes.length).toBeGreaterThan(5);
    expect([bench.only.ends.length, bench.agent.calls]).toEqual([1, 0]);
  });

  test('is cancelled: 200 and 487', () => {
    const bench = new AgentBench();
    const invite = bench.send('INVITE');
    bench.advance(10);
    invite.transaction.cancel(bench.nowMs);
    bench.network.settle(100_000);
    expect(invite.final).toEqual(['487']);
    expect(tagged(bench)).toEqual(['caller 487 cancelled']);
    expect(bench.agent.calls).toBe(0);
  });

  test('is rejected, or hung up before it was answered: 480', () => {
    for (const [status, act] of [
      ['486', (bench: AgentBench) => bench.only.call.reject(486, bench.nowMs)],
      ['480', (bench: AgentBench) => bench.only.call.hangUp('no', bench.nowMs)],
    ] as const) {
      const bench = new AgentBench();
      const invite = bench.send('INVITE');
      bench.advance(10);
      act(bench);
      bench.network.settle(100_000);
      expect(invite.final).toEqual([status]);
      expect([bench.only.ends.length, bench.agent.calls, bench.byes.length]).toEqual([1, 0, 0]);
    }
  });

  test('a 200 without ACK is sent again at T1 up to T2, and after 64·T1 there is a BYE (§13.3.1.4)', () => {
    const bench = new AgentBench();
    bench.acknowledges = false;
    bench.send('INVITE');
    bench.advance(10);
    const atMs = bench.nowMs;
    bench.only.call.answer(SDP, atMs);
    bench.network.settle(100_000);
    const ours = bench.network.sent.filter(({ from }) => from.address === OURS.address);
    const times = (start: string): number[] => ours.filter(({ text }) => text.startsWith(start)).map(({ sentMs }) => sentMs - atMs);
    expect(times('SIP/2.0 200')).toEqual([0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    expect(times('BYE')).toEqual([32_000]);
    expect(tagged(bench)).toEqual(['network 200 no ACK']);
    expect(bench.agent.calls).toBe(0);
  });

  test('hanging up waits for the ACK (§15)', () => {
    const bench = new AgentBench();
    bench.acknowledges = false;
    const invite = bench.send('INVITE');
    bench.advance(10);
    bench.only.call.answer(SDP, bench.nowMs);
    bench.only.call.hangUp('enough', bench.nowMs);
    bench.advance(1000);
    expect(bench.byes).toHaveLength(0);
    bench.ack(invite.responses.at(-1)!);
    bench.advance(10);
    expect(bench.byes).toHaveLength(1);
    expect(tagged(bench)).toEqual(['us 200 enough']);
  });

  test('a ringing is repeated every minute (§13.3.1.1)', () => {
    const bench = new AgentBench();
    const invite = bench.send('INVITE');
    bench.advance(10);
    bench.only.call.ring(bench.nowMs);
    bench.advance(125_000);
    expect(invite.responses.filter(({ status }) => status === 180)).toHaveLength(3);
  });
});

describe('reliable provisional answers (RFC 3262)', () => {
  function ringing(): { readonly bench: AgentBench; readonly invite: ReturnType<AgentBench['send']>; readonly rseq: string } {
    const bench = new AgentBench();
    const invite = bench.send('INVITE', RELIABLE);
    bench.advance(10);
    bench.only.call.ring(bench.nowMs);
    bench.advance(10);
    return { bench, invite, rseq: invite.responses.at(-1)?.headers.get('RSeq') ?? '' };
  }

  test('are acknowledged by PRACK with their number, and refused with another', () => {
    const { bench, invite, rseq } = ringing();
    const wrong = bench.inDialog('PRACK', { RAck: `${Number(rseq) + 1} 1 INVITE` });
    const right = bench.inDialog('PRACK', { RAck: `${rseq} 1 INVITE` });
    bench.advance(5000);
    expect([wrong.final, right.final]).toEqual([['481'], ['200']]);
    expect(invite.responses.filter(({ status }) => status === 180)).toHaveLength(1);
  });

  test('a PRACK that comes after the 200 is still right (§3)', () => {
    const { bench, rseq } = ringing();
    bench.only.call.answer(SDP, bench.nowMs);
    const prack = bench.inDialog('PRACK', { RAck: `${rseq} 1 INVITE` });
    bench.advance(10);
    expect(prack.final).toEqual(['200']);
  });

  test('once acknowledged, it rings again after two and a half minutes, with the next number (§3)', () => {
    const { bench, invite, rseq } = ringing();
    bench.inDialog('PRACK', { RAck: `${rseq} 1 INVITE` });
    const rung = (): (string | null | undefined)[] =>
      invite.responses.filter(({ status }) => status === 180).map(({ headers }) => headers.get('RSeq'));
    bench.advance(140_000);
    expect(rung()).toEqual([rseq]);
    bench.advance(10_100);
    expect(rung()).toEqual([rseq, String(Number(rseq) + 1)]);
    bench.inDialog('PRACK', { RAck: `${Number(rseq) + 1} 1 INVITE` });
    bench.advance(60_000);
    expect(invite.final).toEqual([]);
  });

  test('without PRACK the call is refused 504', () => {
    const { bench, invite } = ringing();
    bench.network.settle(100_000);
    expect(invite.final).toEqual(['504']);
    expect([bench.only.ends.length, bench.agent.calls]).toEqual([1, 0]);
  });
});

describe('requests within the call', () => {
  test('re-INVITE: 500 with Retry-After while the first is not answered, 491 while its 200 has no ACK, then 200 (§14.2)', () => {
    const bench = new AgentBench();
    bench.acknowledges = false;
    const invite = bench.send('INVITE');
    bench.advance(10);
    const early = bench.inDialog('INVITE');
    bench.advance(10);
    expect(early.final).toEqual(['500']);
    expect(early.responses.at(-1)?.headers.has('Retry-After')).toBe(true);
    bench.only.call.answer(SDP, bench.nowMs);
    bench.advance(10);
    const unacknowledged = bench.inDialog('INVITE');
    bench.advance(10);
    expect(unacknowledged.final).toEqual(['491']);
    bench.ack(invite.responses.at(-1)!);
    bench.acknowledges = true;
    bench.advance(10);
    const good = bench.inDialog('INVITE', {}, 'again');
    bench.advance(10);
    expect(good.final).toEqual(['200']);
    expect(bench.only.told).toEqual(['acked', 'reoffered again', 'acked']);
  });

  test('UPDATE and INFO are served, REFER and what is out of order are not', () => {
    const bench = new AgentBench();
    bench.connect();
    const sent = [
      bench.inDialog('UPDATE'),
      bench.inDialog('UPDATE', {}, 'again'),
      bench.inDialog('INFO'),
      bench.inDialog('REFER'),
      bench.inDialog('OPTIONS'),
      bench.inDialog('INFO', { CSeq: '1 INFO' }),
      bench.inDialog('INFO', { From: '<sip:alice@192.0.2.20>;tag=mallory' }),
    ];
    bench.advance(10);
    expect(sent.map(({ final }) => final[0])).toEqual(['200', '200', '200', '603', '200', '500', '481']);
  });

  test('BYE goes to the newest contact, by the routes of the INVITE (§12.2.1.1)', () => {
    const bench = new AgentBench();
    bench.connect({ 'Record-Route': '<sip:p1@192.0.2.31;lr>, <sip:p2@192.0.2.32;lr>' });
    bench.inDialog('UPDATE', { Contact: '<sip:new@192.0.2.21>' });
    bench.advance(10);
    bench.only.call.hangUp('enough', bench.nowMs);
    expect(bench.byes[0]).toMatch(/^BYE sip:new@192\.0\.2\.21 SIP/);
    expect(bench.byes[0]).toContain('Route: <sip:p1@192.0.2.31;lr>\r\nRoute: <sip:p2@192.0.2.32;lr>\r\n');
    expect(bench.targets).toEqual(['sip:p1@192.0.2.31;lr']);
  });

  test('a strict router gets the request as its own (§12.2.1.1)', () => {
    const bench = new AgentBench();
    bench.connect({ 'Record-Route': '<sip:p1@192.0.2.31>, <sip:p2@192.0.2.32;lr>' }).call.hangUp('enough', bench.nowMs);
    expect(bench.byes[0]).toMatch(/^BYE sip:p1@192\.0\.2\.31 SIP/);
    expect(bench.byes[0]).toContain('Route: <sip:p2@192.0.2.32;lr>\r\nRoute: <sip:alice@192.0.2.20:5070>\r\n');
  });

  test('a session that is not refreshed ends, one that is refreshed goes on (RFC 4028)', () => {
    const bench = new AgentBench();
    const timer = { Supported: 'timer', 'Session-Expires': '90;refresher=uac' };
    bench.connect(timer);
    bench.advance(50_000);
    bench.inDialog('UPDATE', timer);
    bench.advance(55_000);
    expect(bench.byes).toHaveLength(0);
    bench.advance(10_000);
    expect(bench.byes).toHaveLength(1);
  });
});

describe('the agent', () => {
  test('refuses short sessions 422, copies 482, strangers 481, and what has no usable Contact 400', () => {
    const bench = new AgentBench();
    const first = bench.send('INVITE');
    bench.advance(10);
    const sent = [
      bench.send('INVITE', { 'Call-ID': 'b', Supported: 'timer', 'Session-Expires': '60' }),
      bench.send('INVITE', { CSeq: '1 INVITE' }),
      bench.send('BYE'),
      bench.send('INFO', { To: '<sip:bob@192.0.2.10>;tag=nobody' }),
      bench.send('INVITE', { 'Call-ID': 'c', Contact: '<sip:a b@192.0.2.20>' }),
      bench.send('INVITE', { 'Call-ID': 'd', 'Record-Route': 'p1 <>' }),
      bench.send('INVITE', { 'Call-ID': 'e', Accept: 'text/html' }),
    ];
    bench.advance(10);
    expect(sent.map(({ final }) => final[0])).toEqual(['422', '482', '481', '481', '400', '400', '406']);
    expect([first.final.length, bench.agent.calls]).toEqual([0, 1]);
  });

  test('answers OPTIONS as it would an INVITE', () => {
    let full = false;
    const bench = new AgentBench({ admits: () => (full ? { status: 486 } : undefined) });
    const free = bench.send('OPTIONS');
    bench.advance(10);
    full = true;
    const busy = bench.send('OPTIONS');
    bench.advance(10);
    expect([free.final, busy.final]).toEqual([['200'], ['486']]);
    expect(free.responses[0]?.headers.get('Allow')).toContain('INVITE');
  });

  test('a call without Contact is ended towards its From; one whose owner throws is refused 500 and forgotten', () => {
    const bench = new AgentBench({
      invited: (heard) => {
        if (bench.heard.length === 2) throw new Error(`no room for ${heard.call.dialog.callId}`);
      },
    });
    bench.send('INVITE', { Contact: '' });
    bench.advance(10);
    bench.heard[0]?.call.answer(SDP, bench.nowMs);
    bench.advance(10);
    bench.heard[0]?.call.hangUp('enough', bench.nowMs);
    bench.network.settle(100_000);
    expect(bench.agent.calls).toBe(0);
    const second = bench.send('INVITE', { 'Call-ID': 'b' });
    expect(() => bench.advance(10)).toThrow('no room for b');
    bench.advance(10);
    expect([second.final, bench.agent.calls, bench.heard[1]?.ends.length]).toEqual([['500'], 0, 1]);
  });
});

test('whatever the network loses, doubles and reorders, every call ends once on both sides', () => {
  const lossy = fc.record({
    seed: fc.nat(),
    loss: fc.constantFrom(0.05, 0.2),
    does: fc.constantFrom('answer', 'reject', 'cancel', 'leave'),
    ringMs: fc.option(fc.integer({ min: 0, max: 500 }), { nil: undefined }),
    answerMs: fc.integer({ min: 0, max: 3000 }),
    holdMs: fc.integer({ min: 0, max: 5000 }),
    theyEnd: fc.boolean(),
  });
  fc.assert(
    fc.property(lossy, ({ seed, loss, does, ringMs, answerMs, holdMs, theyEnd }) => {
      const bench = new AgentBench({
        ...{ seed, loss, duplication: 0.1, delayMs: [1, 80] },
        invited: ({ call }, _request, nowMs) => {
          if (ringMs !== undefined) bench.network.at(nowMs + ringMs, () => call.ring(bench.nowMs));
          bench.network.at(nowMs + answerMs, () => {
            if (does === 'reject') call.reject(486, bench.nowMs);
            else call.answer(SDP, bench.nowMs);
          });
          bench.network.at(nowMs + answerMs + holdMs, () => {
            if (!theyEnd || does === 'leave') call.hangUp('enough', bench.nowMs);
            else if (call.state !== 'ended') bench.inDialog('BYE');
          });
        },
      });
      const invite = bench.send('INVITE', {}, 'offer');
      if (does === 'cancel') bench.network.at(bench.nowMs + answerMs / 2, () => invite.transaction.cancel(bench.nowMs));
      // A BYE that is lost for good leaves a call to nobody but us: it ends by the limits of its owner.
      bench.network.at(bench.nowMs + 120_000, () => bench.heard[0]?.call.hangUp('the longest call is over', bench.nowMs));
      bench.network.settle(400_000);
      expect(bench.heard.length).toBeLessThanOrEqual(1);
      for (const { ends, call } of bench.heard) expect([ends.length, call.state]).toEqual([1, 'ended']);
      expect(invite.final).toHaveLength(1);
      expect([bench.agent.calls, bench.agent.layer.counts.inviteServers, bench.agent.layer.counts.otherClients]).toEqual([0, 0, 0]);
    }),
    { numRuns: 150, seed: 42 },
  );
});

describe('a connection that is lost (RFC 3261 §12, §17.2.4)', () => {
  /** Of the side that serves the call. */
  const lose = (bench: AgentBench): void => bench.agent.layer.flowFailed(bench.network.flow(OURS, CALLER, 'TCP'), bench.nowMs);

  test('ends a call without an answer: nobody would hear it', () => {
    const bench = new AgentBench({ transport: 'TCP' });
    bench.send('INVITE');
    bench.advance(10);
    bench.only.call.ring(bench.nowMs);
    lose(bench);
    expect(tagged(bench)).toEqual(['network 480 the connection is lost']);
    bench.network.settle(100_000);
    expect([bench.only.call.state, bench.agent.calls, bench.byes.length]).toEqual(['ended', 0, 0]);
  });

  test('leaves a call that is answered, whose caller may come by another', () => {
    const bench = new AgentBench({ transport: 'TCP' });
    bench.connect();
    lose(bench);
    expect([bench.only.call.state, bench.only.ends]).toEqual(['confirmed', []]);
    const bye = bench.inDialog('BYE');
    bench.network.settle(100_000);
    expect(bye.final).toEqual(['200']);
    expect(tagged(bench)).toEqual(['caller 200 BYE']);
  });

  test('a BYE that cannot be sent ends the call', () => {
    const bench = new AgentBench({ transport: 'TCP' });
    bench.answersWith = undefined;
    bench.connect().call.hangUp('enough', bench.nowMs);
    expect(bench.only.call.state).toBe('ending');
    lose(bench);
    expect([bench.only.call.state, bench.agent.calls]).toEqual(['ended', 0]);
  });
});

describe('sips: means TLS (§26.2.2)', () => {
  const SIPS = { Contact: '<sips:alice@192.0.2.20>' };

  test.each(['UDP', 'TCP', 'TLS'] as const)('INVITE over %s', (transport) => {
    const statuses = [
      [{}, 'sips:bob@192.0.2.10'],
      [SIPS, 'sip:bob@192.0.2.10'],
      [{ ...SIPS, 'Record-Route': '<sip:p1@192.0.2.31;lr>' }, 'sip:bob@192.0.2.10'],
      [{ 'Record-Route': '<sips:p1@192.0.2.31;lr>' }, 'sip:bob@192.0.2.10'],
    ].map(([fields, uri]) => {
      const bench = new AgentBench({ transport });
      const invite = bench.send('INVITE', fields as Record<string, string>, '', uri as string);
      bench.advance(10);
      return invite.responses.at(-1)?.status;
    });
    expect(statuses).toEqual(transport === 'TLS' ? [100, 100, 100, 100] : [400, 400, 100, 400]);
  });
});

describe('a contact that no request could be sent to (§12.1.1)', () => {
  test.each([
    ['Malformed Contact', { Contact: '<sip:alice@192.0.2.20:x5070>' }],
    ['Malformed Contact', { Contact: '<sip:alice@192.0.2.20;x;x>' }],
    ['Malformed Record-Route', { 'Record-Route': '<sip:p1@[192.0.2.31];lr>' }],
  ])('%s: 400, before there is a call', (reason, fields) => {
    const bench = new AgentBench();
    const invite = bench.send('INVITE', fields, 'offer');
    bench.network.settle(100_000);
    expect(invite.responses.map((response) => [response.status, response.reason])).toContainEqual([400, reason]);
    expect(bench.heard).toEqual([]);
  });

  test('with headers is asked without them (§19.1.1)', () => {
    const bench = new AgentBench();
    bench.connect({ Contact: '<sip:alice@192.0.2.20:5070;x?Subject=hello>' }).call.hangUp('enough', bench.nowMs);
    bench.network.settle(100_000);
    expect(bench.byes.map((text) => text.split('\r\n', 1)[0])).toEqual(['BYE sip:alice@192.0.2.20:5070;x SIP/2.0']);
    expect(bench.agent.calls).toBe(0);
  });
});
