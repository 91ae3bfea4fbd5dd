/** Signalling on real sockets of the loopback interface. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { SipEndpoint } from '../../../../src/core/sip/transports/endpoint.ts';
import { UserAgent } from '../../../../src/core/sip/user-agent.ts';
import { createPortableEngine } from '../../../../src/core/udp/portable.ts';
import { seededHex } from '../../../kit/sip-network.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

interface Bench {
  readonly endpoint: SipEndpoint;
  readonly agent: UserAgent;
  readonly troubles: string[];
  readonly port: (transport: 'UDP' | 'TCP') => number;
}

async function start(): Promise<Bench> {
  const troubles: string[] = [];
  const made: { endpoint?: SipEndpoint } = {};
  const agent = new UserAgent({
    random: seededHex(3),
    contact: ({ local }) => `<sip:${local.address}:${local.port}>`,
    server: 'bench/1',
    leastSessionSeconds: 90,
    flowTo: (uri, like) => made.endpoint?.flowTo(uri, like),
    admits: () => undefined,
    invited: (call, _request, nowMs) => {
      call.answer(new TextEncoder().encode('v=0'), nowMs);
      call.hangUp('enough', nowMs);
    },
  });
  const endpoint = await SipEndpoint.start(
    {
      ...{ engine: createPortableEngine(), addresses: ['127.0.0.1'], udpPort: 0, tcpPort: 0, tls: null },
      nowMs: () => performance.now(),
      trouble: (what) => troubles.push(what),
    },
    agent,
  );
  made.endpoint = endpoint;
  cleanup.push(() => endpoint.stop());
  const port = (transport: 'UDP' | 'TCP'): number => endpoint.listening.find((each) => each.transport === transport)?.port ?? 0;
  return { endpoint, agent, troubles, port };
}

function text(method: string, transport: string, port: number, more: readonly string[] = [], toTag = ''): string {
  return [
    `${method} sip:bob@127.0.0.1 SIP/2.0`,
    `Via: SIP/2.0/${transport} 127.0.0.1:${port};branch=z9hG4bK${method}${toTag};rport`,
    'From: <sip:alice@127.0.0.1>;tag=alice',
    `To: <sip:bob@127.0.0.1>${toTag === '' ? '' : `;tag=${toTag}`}`,
    'Call-ID: call-1',
    `CSeq: 1 ${method}`,
    'Max-Forwards: 70',
    ...more,
    'Content-Length: 0',
    '',
    '',
  ].join('\r\n');
}

describe('UDP', () => {
  async function peer(): Promise<{
    readonly port: number;
    readonly send: (message: string, to: number) => void;
    readonly next: () => Promise<string>;
  }> {
    const socket = createSocket('udp4');
    const got: string[] = [];
    socket.on('message', (message) => got.push(message.toString('latin1')));
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    cleanup.push(() => socket.close());
    return {
      port: socket.address().port,
      send: (message, to) => socket.send(message, to, '127.0.0.1'),
      next: async () => {
        while (got.length === 0) await once(socket, 'message');
        return got.shift() ?? '';
      },
    };
  }

  test('answers OPTIONS, counts what is malformed, and goes on after it', async () => {
    const { endpoint, port } = await start();
    const { port: own, send, next } = await peer();
    send('no SIP at all, but long enough', port('UDP'));
    send(text('OPTIONS', 'UDP', own), port('UDP'));
    expect(await next()).toMatch(/^SIP\/2\.0 200 /);
    expect(endpoint.counts()).toMatchObject({ received: 2, sent: 1, malformed: 1 });
  });

  // Where the BYE of such a call goes must never be what ends the service.
  test.each(['<sip:alice@127.0.0.1:0>', '<sip:alice@[::1]:5060>', '<sip:alice@255.255.255.255>', '<sip:alice@nowhere.invalid>', '<tel:1>'])(
    'survives a call from %s',
    async (contact) => {
      const { agent, port, troubles } = await start();
      const { port: own, send, next } = await peer();
      send(text('INVITE', 'UDP', own, [`Contact: ${contact}`]), port('UDP'));
      let answer = await next();
      while (!answer.startsWith('SIP/2.0 2')) {
        expect(answer).toMatch(/^SIP\/2\.0 (100|400)/);
        if (answer.startsWith('SIP/2.0 400')) return;
        answer = await next();
      }
      const tag =
        answer
          .split('\r\n')
          .find((line) => line.startsWith('To:'))
          ?.split('tag=')[1] ?? '';
      send(text('ACK', 'UDP', own, [], tag), port('UDP'));
      send(text('OPTIONS', 'UDP', own), port('UDP'));
      while (!(await next()).includes('CSeq: 1 OPTIONS'));
      expect(troubles).toEqual([]);
      expect(agent.calls).toBeLessThanOrEqual(1);
    },
  );

  test('a timer that throws is told of, and the next ones are kept', async () => {
    const { agent, endpoint, troubles } = await start();
    const later = Promise.withResolvers<void>();
    agent.scheduler.at(performance.now(), () => {
      throw new Error('a broken timer');
    });
    agent.scheduler.at(performance.now() + 5, () => later.resolve());
    agent.scheduler.at(performance.now() + 2 ** 40, () => undefined);
    endpoint.touched();
    await later.promise;
    expect(troubles).toEqual(['a broken timer']);
  });
});

describe('TCP', () => {
  test('messages in pieces and together, a ping, and the loss of framing', async () => {
    const { endpoint, port } = await start();
    const socket = connect(port('TCP'), '127.0.0.1');
    cleanup.push(() => socket.destroy());
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    await once(socket, 'connect');
    const one = text('OPTIONS', 'TCP', 5060);
    const two = text('INFO', 'TCP', 5060);
    socket.write(`\r\n\r\n${one.slice(0, 40)}`);
    await once(socket, 'data');
    expect(got).toBe('\r\n');
    socket.write(one.slice(40) + two);
    while (!got.includes('CSeq: 1 INFO')) await once(socket, 'data');
    expect(got).toMatch(/^\r\nSIP\/2\.0 200 [\s\S]*SIP\/2\.0 481 /);
    expect(endpoint.counts()).toMatchObject({ received: 2, connections: 1 });
    const closed = once(socket, 'close');
    socket.write('OPTIONS sip:bob@127.0.0.1 SIP/2.0\r\nContent-Length: many\r\n\r\n');
    await closed;
    while (endpoint.counts().connections > 0) await new Promise((resolve) => setImmediate(resolve));
  });
});
