/** OPTIONS to real sockets of the loopback interface. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { checkPlace } from '../../../src/core/sip-server/self-check.ts';
import type { Refusal } from '../../../src/core/sip/request-checks.ts';
import { SipEndpoint } from '../../../src/core/sip/transports/endpoint.ts';
import { UserAgent } from '../../../src/core/sip/user-agent.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { seededHex } from '../../kit/sip-network.ts';

const engine = createPortableEngine();
const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function start(address: string, refusal?: Refusal): Promise<SipEndpoint> {
  const agent = new UserAgent({
    random: seededHex(3),
    contact: () => '<sip:127.0.0.1>',
    server: 'bench/1',
    leastSessionSeconds: 90,
    flowTo: () => undefined,
    admits: () => refusal,
    invited: () => undefined,
  });
  const endpoint = await SipEndpoint.start(
    {
      ...{ engine, addresses: [address], udpPort: 0, tcpPort: 0, tls: null },
      nowMs: () => performance.now(),
      trouble: () => undefined,
    },
    agent,
  );
  cleanup.push(() => endpoint.stop());
  return endpoint;
}

describe.each(['127.0.0.1', '0.0.0.0', '::1', '::'])('what listens on %s', (address) => {
  test('answers, by each transport', async () => {
    const { listening } = await start(address);
    expect(listening.map(({ transport }) => transport)).toEqual(['UDP', 'TCP']);
    for (const place of listening) expect(await checkPlace(place, engine), place.transport).toBeUndefined();
  });
});

test('who is full answers too', async () => {
  const { listening } = await start('127.0.0.1', { status: 503 });
  for (const place of listening) expect(await checkPlace(place, engine), place.transport).toBeUndefined();
});

test('a socket that hears and says nothing does not answer', async () => {
  const deaf = await engine.bind({ address: '127.0.0.1', port: 0 });
  cleanup.push(() => deaf.close());
  const silent = createServer((socket) => void socket.on('error', () => undefined)).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  cleanup.push(() => silent.close());
  const reason = 'no answer to OPTIONS within 0.2 s';
  expect(await checkPlace({ transport: 'UDP', ...deaf.local }, engine, 200)).toBe(reason);
  const { address, port } = silent.address() as AddressInfo;
  expect(await checkPlace({ transport: 'TCP', address, port }, engine, 200)).toBe(reason);
  // A handshake that never comes about.
  expect(await checkPlace({ transport: 'TLS', address, port }, engine, 200)).toBe(reason);
});

test('where nothing listens, that is said at once', async () => {
  const { listening, stop } = await start('127.0.0.1').then((endpoint) => ({
    listening: endpoint.listening,
    stop: () => endpoint.stop(),
  }));
  await stop();
  const [udp, tcp] = listening;
  if (udp === undefined || tcp === undefined) throw new Error('nothing was bound');
  expect(await checkPlace(udp, engine, 20_000)).toBe('nothing listens there (ICMP port unreachable)');
  expect(await checkPlace(tcp, engine, 20_000)).toBe('ECONNREFUSED');
});

test('a connection that is closed instead of an answer', async () => {
  const rude = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end());
  }).listen(0, '127.0.0.1');
  await once(rude, 'listening');
  cleanup.push(() => rude.close());
  const { address, port } = rude.address() as AddressInfo;
  expect(await checkPlace({ transport: 'TCP', address, port }, engine, 20_000)).toBe('the connection was closed');
});
