/** What the user agent answers to the torture messages of RFC 4475. */
import { describe, expect, it, test } from 'vitest';
import { parseMessage } from '../../../src/core/sip/parse.ts';
import type { SipFlow } from '../../../src/core/sip/transactions.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { seededHex } from '../../kit/sip-network.ts';
import { TORTURE_MESSAGES } from '../../corpus/rfc4475/index.ts';
import type { TortureAnswer } from '../../corpus/rfc4475/index.ts';
import { agentNode } from './agent-bench.ts';

/** Feeds the agent one datagram. @returns the agent and the statuses that it sent, at the first and after a minute. */
function answersTo(bytes: Uint8Array): { readonly agent: UserAgent; readonly statuses: readonly number[]; readonly broken: number } {
  const texts: Uint8Array[] = [];
  const flow: SipFlow = {
    transport: 'UDP',
    reliable: false,
    local: { address: '192.0.2.10', port: 5060 },
    remote: { address: '192.0.2.20', port: 5070 },
    send: (sent) => void texts.push(sent),
    to: () => flow,
  };
  const agent = new UserAgent({
    random: seededHex(7),
    contact: () => '<sip:192.0.2.10:5060>',
    server: 'bench/1',
    leastSessionSeconds: 90,
    flowTo: () => undefined,
    admits: () => undefined,
    invited: (call, _request, nowMs) => {
      call.ring(nowMs);
      call.answer(new TextEncoder().encode('v=0'), nowMs);
    },
  });
  const node = agentNode(agent);
  let nowMs = 1000;
  node.received(bytes, flow, nowMs);
  while (agent.dueMs <= 200_000) {
    nowMs = agent.dueMs;
    agent.tick(nowMs);
  }
  // An answer repeats what was malformed in its request: its first line is all that can be relied on.
  const lines = texts.map((text) => new TextDecoder().decode(text).split(' ', 2));
  const statuses = lines.flatMap(([version, status]) => (version === 'SIP/2.0' ? [Number(status)] : []));
  return { agent, statuses, broken: texts.filter((text) => !('message' in parseMessage(text))).length };
}

describe('each of them', () => {
  it.each(TORTURE_MESSAGES)('$section $name: $title', ({ name, bytes, answer, or = [] }) => {
    const { agent, statuses } = answersTo(bytes);
    const right: TortureAnswer[] = [answer, ...or];
    // It belongs to a dialog by its To tag, and nobody here has one (RFC 3261 §12.2.2).
    if (name === 'wsinv') right.push(481);
    const final = statuses.find((status) => status >= 200);
    const given = final === undefined ? 'none' : final < 300 ? 'ok' : final;
    expect(right).toContain(given);
    const { inviteServers, otherServers, inviteClients, otherClients } = agent.layer.counts;
    expect([agent.calls, inviteServers, otherServers, inviteClients, otherClients]).toEqual([0, 0, 0, 0, 0]);
    expect(agent.dueMs).toBe(Number.POSITIVE_INFINITY);
  });
});

test('what is sent can be read where the request could', () => {
  const broken = TORTURE_MESSAGES.filter(({ bytes, valid }) => valid && answersTo(bytes).broken > 0);
  expect(broken.map(({ name }) => name)).toEqual([]);
});
