/**
 * Eight hours of SIP calls in seconds: our user agent as the server and as the caller, with a clock and a network that are simulated; that
 * network loses, doubles and reorders. Fifty calls at once, of every kind of end.
 */
import { expect, test } from 'vitest';
import { UserAgent } from '../../src/core/sip/user-agent.ts';
import { SeededRandom } from '../../src/core/probe/random.ts';
import type { ClientCallEnd, ClientCallListener } from '../../src/core/sip/client-call.ts';
import { seededHex, SipNetwork } from '../kit/sip-network.ts';
import { agentNode } from '../core/sip/agent-bench.ts';
import { clientAgent, clientNode, FAR, OURS } from '../core/sip/client-bench.ts';
import { heldMb } from '../kit/heap.ts';

const HOURS = 8;
const CALLS = 50;
const HOUR_MS = 3_600_000;
/** Longer than any call, and all timers of SIP after it. */
const LONGEST_MS = 240_000;
const SETTLE_MS = 2 * LONGEST_MS;
const BODY = new TextEncoder().encode('v=0');
/** What a caller does, and the server: one of these each time. */
const WAYS = [
  'caller hangs up',
  'caller hangs up',
  'caller hangs up',
  'server hangs up',
  'server refuses',
  'caller gives up',
  'caller vanishes',
] as const;

test(`${HOURS} hours of ${CALLS} calls at once leave nothing behind`, { timeout: 300_000 }, () => {
  const random = new SeededRandom(8);
  const share = (): number => random.uint32() / 2 ** 32;
  /** Callers that have vanished say nothing any more, and hear nothing. */
  const vanished = new Set<string>();
  const network = new SipNetwork({
    ...{ seed: 8, loss: 0.02, duplication: 0.01, delayMs: [1, 40] },
    drop: ({ text }) => vanished.size > 0 && vanished.has(/^Call-ID: (\S+)/m.exec(text)?.[1] ?? ''),
  });
  const client = clientAgent(8);
  const server = { invited: 0, ended: 0 };
  /** Ends of calls beyond the first of each. */
  let moreEnds = 0;
  const counts = new Map<string, number>();
  const agent = new UserAgent({
    random: seededHex(9),
    contact: () => '<sip:192.0.2.20:5070>',
    server: 'soak/1',
    leastSessionSeconds: 90,
    flowTo: () => undefined,
    admits: () => undefined,
    invited: (call, request, nowMs) => {
      server.invited += 1;
      let ends = 0;
      const ended = (): void => {
        ends += 1;
        if (ends === 1) server.ended += 1;
        else moreEnds += 1;
      };
      call.serve({ acked: () => undefined, reoffered: () => ({ status: 200, body: BODY }), info: () => 200, ended });
      call.ring(nowMs);
      if (request.uri.includes('refuses')) call.reject(486, nowMs);
      else if (!request.uri.includes('gives')) network.at(nowMs + 500, () => call.answer(BODY, network.nowMs));
      if (request.uri.includes('server-hangs')) network.at(nowMs + 90_000, () => call.hangUp('enough', network.nowMs));
      // What sip-serve does with the longest call.
      if (request.uri.includes('vanishes')) network.at(nowMs + LONGEST_MS, () => call.hangUp('the longest call is over', network.nowMs));
    },
  });
  network.attach(OURS, clientNode(client));
  network.attach(FAR, agentNode(agent));

  let live = 0;
  let placed = 0;
  const place = (endMs: number): void => {
    const way = WAYS[Math.floor(share() * WAYS.length)] ?? WAYS[0];
    const callId = `soak-${++placed}`;
    live += 1;
    let ends = 0;
    const over = (end: ClientCallEnd): void => {
      ends += 1;
      if (ends > 1) moreEnds += 1;
      if (ends > 1) return;
      live -= 1;
      counts.set(end.kind, (counts.get(end.kind) ?? 0) + 1);
      // The next caller comes a little later.
      const nextMs = network.nowMs + 100 + 2_000 * share();
      if (nextMs < endMs) network.at(nextMs, () => place(endMs));
    };
    const listener: ClientCallListener = {
      ...{ progress: () => undefined, answered: () => undefined, ending: () => undefined, ended: over },
      reoffered: () => ({ status: 200, body: BODY }),
    };
    const call = client.place(
      {
        ...{ uri: `sip:${way.replaceAll(' ', '-')}@192.0.2.20:5070`, from: 'sip:me@192.0.2.20', to: 'sip:600@192.0.2.20', callId },
        ...{ contact: '<sip:me@192.0.2.10:5060>', routes: [], offer: BODY, credentials: undefined },
      },
      network.flow(OURS, FAR),
      listener,
    );
    call.start(network.nowMs);
    const lastsMs = way === 'caller gives up' ? 3_000 : 30_000 + 180_000 * share();
    if (way === 'caller vanishes') network.at(network.nowMs + lastsMs, () => vanished.add(callId));
    network.at(network.nowMs + lastsMs + (way === 'caller vanishes' ? 100 : 0), () => call.hangUp(null, network.nowMs));
  };

  const endMs = network.nowMs + HOURS * HOUR_MS;
  for (let n = 0; n < CALLS; n++) network.at(network.nowMs + n * 200, () => place(endMs));
  const held: number[] = [];
  for (let hour = 0; hour < HOURS; hour++) {
    for (let minute = 0; minute < 60; minute++) {
      network.advance(60_000);
      expect(live).toBeLessThanOrEqual(CALLS);
      // What the network remembers is no part of what the agents hold.
      network.sent.length = 0;
    }
    held.push(heldMb());
  }
  network.settle(SETTLE_MS);
  const { inviteServers, otherServers, inviteClients, otherClients } = agent.layer.counts;
  const ours = client.layer.counts;
  process.stdout.write(
    `soak: ${HOURS} h, ${placed} calls placed, ${server.invited} taken, ${JSON.stringify(Object.fromEntries(counts))}; ${held.map((mb) => mb.toFixed(2)).join(' ')} MB\n`,
  );
  expect([live, agent.calls]).toEqual([0, 0]);
  expect([inviteServers, otherServers, inviteClients, otherClients]).toEqual([0, 0, 0, 0]);
  expect([ours.inviteServers, ours.otherServers, ours.inviteClients, ours.otherClients]).toEqual([0, 0, 0, 0]);
  expect([agent.dueMs, client.dueMs]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  // Each call ends once, on either side.
  expect([server.ended, moreEnds]).toEqual([server.invited, 0]);
  expect(placed).toBeGreaterThan(HOURS * 500);
  expect([...counts.keys()].toSorted()).toEqual(['cancelled', 'hung-up', 'left', 'refused']);
  expect((held.at(-1) ?? Number.NaN) - (held[1] ?? Number.NaN)).toBeLessThan(3);
});
