import { parseMessage } from '../../../src/core/sip/parse.ts';
import type { ServerCall } from '../../../src/core/sip/server-call.ts';
import type { SipFlow } from '../../../src/core/sip/transactions.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { seededHex } from '../../kit/sip-network.ts';
import { bytesOf, must, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

const encoder = new TextEncoder();
/** Stands between two messages; behind it the wait before the next one, in bytes of 100 ms, and which peer sends it. */
const BETWEEN = 0x1e;
/** Stands in a message for the tag that the agent gave its last call. */
const TAG = '@T';
const MOST_MESSAGES = 24;
/** All of SIP's timers, those of a call that nobody ever acknowledges, and an hour of session. */
const SETTLE_MS = 2 * 3_600_000;

export const target: FuzzTarget = {
  name: 'sip-agent',
  what: 'messages in any order to a SIP server, hours of its clock in milliseconds of ours: whatever came, in the end no call, transaction or timer is left',
  code: [
    'sip/transactions.ts',
    'sip/transaction/',
    'sip/user-agent.ts',
    'sip/server-call.ts',
    'sip/dialog.ts',
    'sip/repetition.ts',
    'sip/timer-queue.ts',
    'sip/scheduler.ts',
  ],
  mostBytes: 4_096,
  inputs: 60_000,
  seeds: () =>
    bytesOf(
      [request('INVITE', 1), `\u0003a${request('ACK', 1, ';tag=@T')}`, `\u0020a${request('BYE', 2, ';tag=@T')}`].join('\u001e'),
      [
        request('INVITE', 1),
        `\u0001a${request('CANCEL', 1)}`,
        `\u0001a${request('INVITE', 1)}`,
        `\u0001a${request('ACK', 1, ';tag=@T')}`,
      ].join('\u001e'),
      [request('INVITE', 1, '', 'reject'), `\u0005b${request('INVITE', 1, '', 'reject')}`, `\u0005b${request('OPTIONS', 2)}`].join(
        '\u001e',
      ),
      [
        request('INVITE', 1, '', 'later', 'Session-Expires: 90;refresher=uac\r\nSupported: timer, 100rel\r\n'),
        `\u007fa${request('UPDATE', 2, ';tag=@T')}`,
      ].join('\u001e'),
      [
        request('INVITE', 1),
        `\u0003a${request('ACK', 1, ';tag=@T')}`,
        `\u0003a${request('INVITE', 2, ';tag=@T')}`,
        `\u0003a${request('INFO', 3, ';tag=@T')}`,
      ].join('\u001e'),
      [
        request('INVITE', 1, '', 'bye'),
        '\u0010aSIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=@B\r\nFrom: <sip:b@192.0.2.10>;tag=@T\r\nTo: <sip:a@192.0.2.20>;tag=a\r\nCall-ID: c1\r\nCSeq: 1 BYE\r\n\r\n',
      ].join('\u001e'),
    ),
  check(input) {
    let nowMs = 1_000;
    const calls: { readonly call: ServerCall; ends: number }[] = [];
    let sent = 0;
    let branch = '';
    /** The answer to what could not be read has what could: it is not always a whole message. */
    let malformed = false;
    const agent = new UserAgent({
      random: seededHex(1),
      contact: () => '<sip:192.0.2.10:5060>',
      server: 'rtplat/0',
      leastSessionSeconds: 90,
      flowTo: () => undefined,
      admits: (asked) => (asked.uri.includes('busy') ? { status: 486 } : undefined),
      invited: (invited, asked, atMs) => {
        const record = { call: invited, ends: 0 };
        calls.push(record);
        invited.serve({
          acked: () => undefined,
          reoffered: () => (asked.uri.includes('refuse') ? { status: 488 } : { status: 200, body: encoder.encode('v=0') }),
          info: () => 200,
          ended: () => void (record.ends += 1),
        });
        if (asked.uri.includes('reject')) invited.reject(480, atMs);
        else if (!asked.uri.includes('later')) invited.answer(encoder.encode('v=0'), atMs);
      },
    });
    const flows = ['192.0.2.20', '192.0.2.30', '2001:db8::1'].map((address, i): SipFlow => {
      const flow: SipFlow = {
        transport: i === 1 ? 'TCP' : 'UDP',
        reliable: i === 1,
        local: { address: '192.0.2.10', port: 5_060 },
        remote: { address, port: 5_070 },
        send: (bytes) => {
          sent += 1;
          const text = textOf(bytes);
          const at = text.indexOf('z9hG4bK');
          if (!text.startsWith('SIP/2.0') && at !== -1) branch = text.slice(at, text.indexOf('\r', at)).split(';', 1)[0] ?? '';
          must(malformed || 'message' in parseMessage(bytes), 'what the agent sends cannot be read:', text);
        },
        to: () => flow,
      };
      return flow;
    });
    const passTo = (untilMs: number): void => {
      for (let ticks = 0; agent.dueMs <= untilMs; ticks += 1) {
        must(ticks < 10_000, 'the agent is due for ever', agent.dueMs, nowMs);
        nowMs = Math.max(nowMs, agent.dueMs);
        agent.tick(nowMs);
      }
      nowMs = untilMs;
    };
    for (const [i, part] of split(input).entries()) {
      const text = textOf(part)
        .replaceAll(TAG, calls.at(-1)?.call.dialog.localTag ?? 'none')
        .replaceAll('@B', branch);
      const head = i === 0 || text.length < 2 ? '\0a' : text.slice(0, 2);
      passTo(nowMs + head.charCodeAt(0) * 100);
      if (head.endsWith('h')) calls.at(-1)?.call.hangUp('over', nowMs);
      if (head.endsWith('f')) agent.layer.flowFailed(flows[1]!, nowMs);
      const flow = flows[head.charCodeAt(1) % flows.length]!;
      const parsed = parseMessage(encoder.encode(i === 0 ? text : text.slice(2)));
      if ('message' in parsed) agent.received(parsed.message, flow, nowMs);
      else if (parsed.request !== undefined) {
        malformed = true;
        agent.malformed(parsed.request, { status: parsed.status, reason: parsed.problem }, flow);
        malformed = false;
      }
      if (textOf(part).includes('bye@')) calls.at(-1)?.call.hangUp('over', nowMs);
    }
    passTo(nowMs + 400_000);
    // A call that is up stays until somebody ends it, and one that is not answered too.
    for (const { call } of calls) call.hangUp('the end', nowMs);
    passTo(nowMs + SETTLE_MS);
    must(agent.calls === 0 && agent.dueMs === Number.POSITIVE_INFINITY, 'calls or timers are left:', agent.calls, String(agent.dueMs));
    for (const { ends } of calls) must(ends === 1, 'a call ended so often:', ends);
    const { inviteServers, otherServers, inviteClients, otherClients } = agent.layer.counts;
    must(inviteServers + otherServers + inviteClients + otherClients === 0, 'transactions are left', agent.layer.counts);
    must(sent < 5_000, 'messages were sent:', sent);
  },
};

function split(input: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < input.length && parts.length < MOST_MESSAGES;) {
    const next = input.indexOf(BETWEEN, at);
    const end = next === -1 ? input.length : next;
    parts.push(input.subarray(at, end));
    at = end + 1;
  }
  return parts;
}

function request(method: string, number: number, tag = '', user = 'bob', more = ''): string {
  return [
    `${method} sip:${user}@192.0.2.10 SIP/2.0`,
    `Via: SIP/2.0/UDP 192.0.2.20:5070;branch=z9hG4bK${method === 'CANCEL' || method === 'ACK' ? 'INVITE' : method}${number}`,
    `From: <sip:a@192.0.2.20>;tag=a`,
    `To: <sip:b@192.0.2.10>${tag}`,
    'Call-ID: c1',
    `CSeq: ${number} ${method}`,
    'Contact: <sip:a@192.0.2.20:5070>',
    'Max-Forwards: 70',
    `${more}Content-Length: 0`,
    '\r\n',
  ].join('\r\n');
}
