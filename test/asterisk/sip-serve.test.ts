/** `rtplat sip-serve` called by SIPp: what RFC 3261 and its kin ask of a user agent server, seen from the other side of a socket. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { accept, acceptKept, ackRefusal, audio, establish, hangUp, recv, recvAndKeep, recvReliable, send } from './kit/sip-scenario.ts';
import { callers, SIP_PORT, startSipServe } from './kit/sip-server.ts';
import type { CallerResult, Received, SipServe } from './kit/sip-server.ts';
import { scratchFolder } from './kit/scratch.ts';

const scratch = scratchFolder();

function expectClean({ code, errors }: CallerResult): void {
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
}

function withStatus({ received }: CallerResult, status: number): readonly Received[] {
  return received.filter(({ startLine }) => startLine.startsWith(`SIP/2.0 ${status} `));
}

function toTags(messages: readonly Received[]): readonly (string | undefined)[] {
  return [...new Set(messages.map((message) => message.header('To')?.split(';tag=')[1]))];
}

/** What the description says of the direction of the media. */
function directionOf({ body }: Received): string | undefined {
  return /a=(sendrecv|sendonly|recvonly|inactive)/.exec(body)?.[1];
}

describe('one server for all', () => {
  let server: SipServe;
  let dir: string;
  beforeAll(async () => {
    dir = scratch('server');
    server = await startSipServe(
      dir,
      `
[behavior]
auto_answer_delay_ms = 50
mode = "echo"

[[route]]
match = "slow*"
action = "silence"
answer_delay_ms = 30000

[[route]]
match = "short"
action = "tone"
duration_seconds = 1

[[route]]
match = "busy"
action = "busy"

[[route]]
match = "gone"
action = "reject"
status = 404
reason = "Gone Fishing"
`,
    );
  });
  afterAll(async () => {
    await server.running.stop();
  });

  const dial = (user: string, steps: readonly string[], options: { calls?: number; transport?: 'u1' | 't1' | 'tn' } = {}) =>
    callers({ dir, user, steps, ...options });

  it.each(['u1', 't1', 'tn'] as const)("SIPp's own caller over %s", async (transport) => {
    const before = (await server.metrics()).calls;
    const steps = { builtIn: 'uac', args: ['-d', '200'] };
    const result = await callers({ dir, user: `uac-${transport}`, calls: 5, transport, steps });
    expect(result.code, result.errors).toBe(0);
    const { calls } = await server.idle();
    expect(calls.taken - before.taken).toBe(5);
    expect(calls.completed - before.completed).toBe(5);
    const records = await server.records(`uac-${transport}`, 5);
    expect(records).toHaveLength(5);
    const facts = { status: 200, ended_by: 'caller', codec: 'PCMU/8000', transport: transport === 'u1' ? 'UDP' : 'TCP', action: 'echo' };
    for (const record of records) expect(record).toMatchObject(facts);
  });

  it('CANCEL while it rings: 200 to the CANCEL, 487 to the INVITE (RFC 3261 §9.2)', async () => {
    const cancel = send('CANCEL', { branch: 'INVITE1', untagged: true });
    // The two answers may come in either order.
    const answers = '<recv response="200" optional="true" /><recv response="487" />';
    const result = await dial('slow-cancel', [send('INVITE', { body: audio() }), recv(100, 180), cancel, answers, ackRefusal()]);
    expectClean(result);
    expect(withStatus(result, 200).map((answer) => answer.header('CSeq'))).toEqual(['1 CANCEL']);
    expect(await server.records('slow-cancel')).toMatchObject([{ status: 487, ended_by: 'caller', answered_ms: null }]);
  });

  it('BYE before the answer: 200 to the BYE, 487 to the INVITE (§15.1.2)', async () => {
    const answers = '<recv response="200" /><recv response="487" />';
    const result = await dial('slow-bye', [
      send('INVITE', { body: audio() }),
      recv(100, 180),
      send('BYE', { cseq: 2 }),
      answers,
      ackRefusal(),
    ]);
    expectClean(result);
    expect(await server.records('slow-bye')).toMatchObject([{ ended_by: 'caller', answered_ms: null }]);
  });

  it('hold, resume and another codec by re-INVITE (§14.2, RFC 3264 §8)', async () => {
    const again = (cseq: number, body: string) => [send('INVITE', { cseq, body }), recv(100, 200), send('ACK', { cseq })];
    const result = await dial('reinvite', [
      ...establish(),
      ...again(2, audio('0 101', 'sendonly')),
      ...again(3, audio('0 101')),
      ...again(4, audio('8 101')),
      ...hangUp(5),
    ]);
    expectClean(result);
    const answers = withStatus(result, 200).filter((answer) => answer.header('CSeq')?.endsWith('INVITE') === true);
    expect(answers.map(directionOf)).toEqual(['sendrecv', 'recvonly', 'sendrecv', 'sendrecv']);
    expect(answers.map(({ body }) => /m=audio \d+ RTP\/AVP (\d+)/.exec(body)?.[1])).toEqual(['0', '0', '0', '8']);
    // RFC 3264 §8: the same session, its version up by one with each change.
    const origins = answers.map(({ body }) => /o=\S+ (\d+) (\d+)/.exec(body));
    expect(new Set(origins.map((origin) => origin?.[1])).size).toBe(1);
    const versions = origins.map((origin) => Number(origin?.[2]));
    expect(versions.map((version) => version - (versions[0] ?? 0))).toEqual([0, 1, 2, 3]);
    expect(await server.records('reinvite')).toMatchObject([{ codec: 'PCMA/8000', status: 200 }]);
  });

  it('an INVITE without a description is answered with an offer, and the ACK has the answer (§13.2.1)', async () => {
    const result = await dial('late-offer', [send('INVITE'), recv(100, 180, 200), send('ACK', { body: audio('8') }), ...hangUp(2)]);
    expectClean(result);
    expect(withStatus(result, 200)[0]?.body).toContain('RTP/AVP 0 8');
    expect(await server.records('late-offer')).toMatchObject([{ codec: 'PCMA/8000', ended_by: 'caller' }]);
  });

  it('a lost ACK: the 200 comes again until one arrives (§13.3.1.4)', async () => {
    const result = await dial('late-ack', [send('INVITE', { body: audio() }), recv(100, 180, 200, 200, 200), send('ACK'), ...hangUp(2)]);
    expectClean(result);
    expect(withStatus(result, 200)).toHaveLength(4);
    const [record] = await server.records('late-ack');
    expect(record).toMatchObject({ status: 200, ended_by: 'caller' });
    // T1 and then twice T1 before the third.
    expect((record?.established_ms ?? 0) - (record?.answered_ms ?? 0)).toBeGreaterThanOrEqual(1490);
  });

  it('no ACK at all: BYE after 64·T1 (§13.3.1.4)', async () => {
    const answers = Array.from({ length: 11 }, () => 200);
    const result = await dial('no-ack', [send('INVITE', { body: audio() }), recv(100, 180, ...answers, 'BYE'), accept()]);
    expectClean(result);
    expect(await server.records('no-ack')).toMatchObject([{ ended_by: 'network', end_reason: 'no ACK', established_ms: null }]);
  });

  it('the same INVITE twice is one call (§17.2.1)', async () => {
    const invite = send('INVITE', { body: audio(), untagged: true });
    const result = await dial('slow-twice', [
      ...[invite, recv(100, 180), invite, recv(180)],
      ...[
        send('CANCEL', { branch: 'INVITE1', untagged: true }),
        '<recv response="200" optional="true" /><recv response="487" />',
        ackRefusal(),
      ],
    ]);
    expectClean(result);
    expect(toTags(withStatus(result, 180))).toHaveLength(1);
    expect(await server.records('slow-twice')).toHaveLength(1);
  });

  it('both sides hang up at once', async () => {
    const result = await dial('short', [...establish(), recvAndKeep('BYE'), send('BYE', { cseq: 2 }), recv(200), acceptKept()]);
    expectClean(result);
    expect(await server.records('short')).toMatchObject([{ ended_by: 'us', end_reason: 'tone over', status: 200 }]);
  });

  it('digits by INFO (RFC 6086), UPDATE (RFC 3311), and REFER that is declined', async () => {
    const info = { cseq: 2, type: 'application/dtmf-relay', body: 'Signal=5\nDuration=160' };
    const refer = { cseq: 5, headers: ['Refer-To: <sip:somebody@example.com>'] };
    const result = await dial('within', [
      ...establish(),
      ...[send('INFO', info), recv(200), send('UPDATE', { cseq: 3 }), recv(200)],
      ...[send('UPDATE', { cseq: 4, body: audio('0 101', 'sendonly') }), recv(200)],
      ...[send('REFER', refer), recv(603), ...hangUp(6)],
    ]);
    expectClean(result);
    const update = withStatus(result, 200).find((answer) => answer.header('CSeq') === '4 UPDATE');
    expect(update === undefined ? undefined : directionOf(update)).toBe('recvonly');
    expect(await server.records('within')).toMatchObject([{ digits: '5', ended_by: 'caller' }]);
  });

  it('a provisional response that must arrive (RFC 3262)', async () => {
    const result = await dial('reliable', [
      send('INVITE', { body: audio(), headers: ['Require: 100rel'] }),
      recv(100),
      recvReliable(180),
      send('PRACK', { cseq: 2, headers: ['RAck: [$rseq] 1 INVITE'] }),
      recv(200, 200),
      ...[send('ACK'), ...hangUp(3)],
    ]);
    expectClean(result);
    expect(withStatus(result, 180)[0]?.header('Require')).toBe('100rel');
    expect(withStatus(result, 200).map((answer) => answer.header('CSeq'))).toEqual(['2 PRACK', '1 INVITE', '3 BYE']);
  });

  it('OPTIONS tells what is served (§11.2)', async () => {
    const result = await dial('options', [send('OPTIONS'), recv(200)]);
    expectClean(result);
    const [answer] = withStatus(result, 200);
    expect(answer?.header('Allow')).toContain('INVITE, ACK, CANCEL');
    expect(answer?.header('Accept')).toBe('application/sdp');
    expect(answer?.header('Supported')).toContain('100rel');
  });

  it.each([
    ['a method that is not served', 'SUBSCRIBE', {}, 405, 'Allow', /INVITE/],
    ['an unknown method', 'JUGGLE', {}, 501, 'Allow', /INVITE/],
    ['BYE in no dialog', 'BYE', { toTag: 'nobody' }, 481, 'To', /;tag=nobody$/],
    ['INFO in no dialog', 'INFO', { toTag: 'nobody' }, 481, 'To', /;tag=nobody$/],
  ] as const)('%s', async (_what, method, options, status, header, value) => {
    const result = await dial(`no-${method}`, [send(method, options), recv(status)]);
    expectClean(result);
    expect(withStatus(result, status)[0]?.header(header)).toMatch(value);
  });

  it.each([
    ['busy', 486, {}, 'Via', /branch/],
    ['gone', 404, {}, 'Via', /branch/],
    ['require', 420, { headers: ['Require: teleport'] }, 'Unsupported', /^teleport$/],
    ['type', 415, { type: 'text/plain' }, 'Accept', /^application\/sdp$/],
    ['codec', 488, { body: audio('18') }, 'Warning', /^3\d\d \S+ "/],
    ['interval', 422, { headers: ['Supported: timer', 'Session-Expires: 30'] }, 'Min-SE', /^90$/],
  ] as const)('an INVITE that is refused: %s', async (user, status, options, header, value) => {
    const result = await dial(user, [send('INVITE', { body: audio(), ...options }), recv(100, status), ackRefusal()]);
    expectClean(result);
    expect(withStatus(result, status)[0]?.header(header)).toMatch(value);
    if (user === 'gone') expect(withStatus(result, status)[0]?.startLine).toBe('SIP/2.0 404 Gone Fishing');
  });

  it('leaves nothing behind', async () => {
    const { calls } = await server.idle();
    expect(calls.refused).toBe(0);
    expect(calls.taken).toBeGreaterThan(15);
    expect(server.running.output()).not.toMatch(/ (WARN|ERROR): /);
  });
});

const HELD = '\n[behavior]\nmode = "silence"\nauto_answer_delay_ms = 0\n';

async function held(toml: string): Promise<{ readonly server: SipServe; readonly dir: string }> {
  const dir = scratch('server');
  const server = await startSipServe(dir, toml);
  onTestFinished(() => server.running.stop());
  return { server, dir };
}

it.each([486, 503])('above the limit: %i with Retry-After (§20.33)', async (status) => {
  const { server, dir } = await held(`${HELD}max_concurrent_calls = 1\n[limits]\nover_limit_status = ${status}\nstop_grace_seconds = 0\n`);
  const first = callers({ dir, user: 'first', steps: [...establish(), recv('BYE'), accept()] });
  await server.confirmed(1);
  const steps = [send('INVITE', { body: audio() }), recv(100, status), ackRefusal()];
  const second = await callers({ dir, user: 'second', steps });
  expectClean(second);
  expect(withStatus(second, status)[0]?.header('Retry-After')).toBe('10');
  expect((await server.metrics()).calls).toMatchObject({ taken: 1, active: 1, refused: 1 });
  server.running.kill('SIGTERM');
  expectClean(await first);
  expect((await server.running.ended).code).toBe(0);
});

it.each(['u1', 't1'] as const)('SIGTERM with calls up over %s: BYE to each, exit status 0, ports free', async (transport) => {
  const { server, dir } = await held(`${HELD}[limits]\nstop_grace_seconds = 0\n`);
  const result = callers({ dir, user: 'held', calls: 3, transport, steps: [...establish(), recv('BYE'), accept()] });
  await server.confirmed(3);
  server.running.kill('SIGTERM');
  expectClean(await result);
  expect((await server.running.ended).code).toBe(0);
  const records = await server.records('held', 3);
  expect(records).toHaveLength(3);
  for (const record of records) expect(record).toMatchObject({ ended_by: 'us', end_reason: 'the service stops', status: 200 });
  const udp = createSocket('udp4').bind(SIP_PORT, '127.0.0.1');
  await once(udp, 'listening');
  udp.close();
  const tcp = createServer().listen(SIP_PORT, '127.0.0.1');
  await once(tcp, 'listening');
  tcp.close();
});
