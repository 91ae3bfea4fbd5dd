/** Signalling on real sockets of the loopback interface. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { ServerCall } from '../../../../src/core/sip/server-call.ts';
import type { SipFlow } from '../../../../src/core/sip/transactions.ts';
import { SipEndpoint } from '../../../../src/core/sip/transports/endpoint.ts';
import type { ListenOptions } from '../../../../src/core/sip/transports/endpoint.ts';
import { UserAgent } from '../../../../src/core/sip/user-agent.ts';
import { makeCertificate } from '../../../../src/core/sip-server/certificate.ts';
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
  readonly port: (transport: SipFlow['transport']) => number;
  readonly calls: readonly ServerCall[];
}

async function start(options: Partial<ListenOptions> = {}, hangsUpAtOnce = true): Promise<Bench> {
  const calls: ServerCall[] = [];
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
      calls.push(call);
      if (hangsUpAtOnce) call.hangUp('enough', nowMs);
    },
  });
  const endpoint = await SipEndpoint.start(
    {
      ...{ engine: createPortableEngine(), addresses: ['127.0.0.1'], udpPort: 0, tcpPort: 0, tls: null },
      nowMs: () => performance.now(),
      trouble: (what) => troubles.push(what),
      ...options,
    },
    agent,
  );
  made.endpoint = endpoint;
  cleanup.push(() => endpoint.stop());
  const port = (transport: SipFlow['transport']): number => endpoint.listening.find((each) => each.transport === transport)?.port ?? 0;
  return { endpoint, agent, troubles, port, calls };
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

describe('listening', () => {
  test('0.0.0.0 and :: are one socket of each transport, and IPv4 comes to it', async () => {
    const { endpoint, port } = await start({ addresses: ['0.0.0.0', '::'] });
    expect(endpoint.listening.map(({ transport, address }) => `${transport} ${address}`)).toEqual(['UDP ::', 'TCP ::']);
    const socket = connect(port('TCP'), '127.0.0.1');
    cleanup.push(() => socket.destroy());
    socket.write(text('OPTIONS', 'TCP', 5060));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^SIP\/2\.0 200 /);
  });

  test('0.0.0.0 stands for every IPv4 address, and leaves IPv6 ones as they are', async () => {
    const { endpoint } = await start({ addresses: ['127.0.0.1', '0.0.0.0', '::1'], tcpPort: null });
    expect(endpoint.listening.map(({ address }) => address)).toEqual(['0.0.0.0', '::1']);
  });
});

describe('the way to a URI', () => {
  const tls = { port: 0, options: makeCertificate('localhost', [], new Date()) };
  /** What a caller came on: nothing is ever sent. */
  const came = (transport: SipFlow['transport'], address = '127.0.0.1'): SipFlow => ({
    ...{ transport, reliable: transport !== 'UDP', send: () => undefined },
    local: { address: '127.0.0.1', port: 5060 },
    remote: { address, port: 40_000 },
  });
  /** `TCP 127.0.0.1:5070` */
  const shown = (flow: SipFlow | undefined): string =>
    flow === undefined ? 'none' : `${flow.transport} ${flow.remote.address}:${flow.remote.port}`;

  test.each([
    ['sip:a@127.0.0.2', 'UDP', 'UDP 127.0.0.2:5060'],
    ['sip:a@127.0.0.2:5070', 'UDP', 'UDP 127.0.0.2:5070'],
    ['sip:a@127.0.0.2;transport=tcp', 'UDP', 'TCP 127.0.0.2:5060'],
    ['sip:a@127.0.0.2', 'TCP', 'TCP 127.0.0.2:5060'],
    ['sip:a@127.0.0.2;transport=udp', 'TCP', 'UDP 127.0.0.2:5060'],
    ['sip:a@127.0.0.2', 'TLS', 'TLS 127.0.0.2:5061'],
    // RFC 3261 §26.2.2
    ['sips:a@127.0.0.2', 'UDP', 'TLS 127.0.0.2:5061'],
    ['sips:a@127.0.0.2;transport=tcp', 'TCP', 'TLS 127.0.0.2:5061'],
    ['sip:a@pc.example.com', 'UDP', 'none'],
    ['sip:a@127.0.0.2;transport=sctp', 'UDP', 'none'],
    ['sip:a@[::1];transport=tcp', 'UDP', 'none'],
    ['tel:1', 'UDP', 'none'],
  ] as const)('%s for whom came by %s: %s', async (uri, transport, way) => {
    const { endpoint } = await start({ tls });
    expect(shown(endpoint.flowTo(uri, came(transport)))).toBe(way);
  });

  test('sips: is none where TLS is not served', async () => {
    const { endpoint } = await start();
    expect(shown(endpoint.flowTo('sips:a@127.0.0.2', came('UDP')))).toBe('none');
  });

  test('of our own that is not served', async () => {
    const { endpoint } = await start();
    const options = { trust: { name: 'a', ca: undefined, verify: true }, lost: () => undefined };
    await expect(endpoint.reach('tls', { address: '127.0.0.1', port: 9 }, options)).rejects.toThrow('tls is not served for 127.0.0.1');
    await expect(endpoint.reach('udp', { address: '::1', port: 9 }, options)).rejects.toThrow('udp is not served for ::1');
    expect(await endpoint.reach('udp', { address: '127.0.0.1', port: 9 }, options)).toMatchObject({ transport: 'UDP' });
  });

  test('connects where it takes no connections', async () => {
    const server = await start();
    const client = await start({ udpPort: null, tcpPort: null, connects: ['tcp'] });
    expect(client.endpoint.listening).toEqual([]);
    const remote = { address: '127.0.0.1', port: server.port('TCP') };
    const flow = await client.endpoint.reach('tcp', remote, { trust: { name: '', ca: undefined, verify: false }, lost: () => undefined });
    // The far end may ask for us at the port that it sees.
    expect(flow.local.port).toBeGreaterThan(0);
    flow.send(new TextEncoder().encode(text('OPTIONS', 'TCP', flow.local.port)));
    while (client.endpoint.counts().received === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.endpoint.flowTo(`sip:127.0.0.1:${remote.port};transport=tcp`, flow)).toBe(flow);
    expect(client.endpoint.flowTo('sip:127.0.0.2:5060;transport=tcp', flow)).toBeUndefined();
  });
});

describe('BYE', () => {
  const tagOf = (answers: string): string => /^SIP\/2\.0 200 [\s\S]*?^To:[^\r]*;tag=(\w+)/m.exec(answers)?.[1] ?? '';

  /** A caller that has its 200 and has acknowledged it. */
  async function calls(bench: Bench, contact: string): Promise<Socket> {
    const socket = connect(bench.port('TCP'), '127.0.0.1');
    cleanup.push(() => socket.destroy());
    let got = '';
    socket.on('data', (chunk) => (got += chunk.toString('latin1')));
    socket.write(text('INVITE', 'TCP', 5060, [`Contact: ${contact}`]));
    while (tagOf(got) === '') await once(socket, 'data');
    socket.write(text('ACK', 'TCP', 5060, [], tagOf(got)));
    while (bench.calls[0]?.state !== 'confirmed') await new Promise((resolve) => setImmediate(resolve));
    return socket;
  }

  async function lose(bench: Bench, socket: Socket): Promise<void> {
    socket.destroy();
    while (bench.endpoint.counts().connections > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  test('goes by the connection of the call, whatever port the contact names', async () => {
    const bench = await start({}, false);
    const socket = await calls(bench, '<sip:alice@127.0.0.1:9;transport=tcp>');
    bench.calls[0]?.hangUp('enough', performance.now());
    const [bye] = (await once(socket, 'data')) as [Buffer];
    expect(bye.toString()).toMatch(/^BYE sip:alice@127\.0\.0\.1:9;transport=tcp /);
  });

  test('when that is lost, by a new one to the contact', async () => {
    const bench = await start({}, false);
    const listener = createServer().listen(0, '127.0.0.1');
    await once(listener, 'listening');
    cleanup.push(() => listener.close());
    const address = listener.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const socket = await calls(bench, `<sip:alice@127.0.0.1:${port};transport=tcp>`);
    await lose(bench, socket);
    expect(bench.calls[0]?.state).toBe('confirmed');
    bench.calls[0]?.hangUp('enough', performance.now());
    const [again] = (await once(listener, 'connection')) as [Socket];
    cleanup.push(() => again.destroy());
    const [bye] = (await once(again, 'data')) as [Buffer];
    expect(bye.toString()).toMatch(/^BYE /);
    expect(bye.toString()).toContain(`Via: SIP/2.0/TCP 127.0.0.1:${bench.port('TCP')};`);
  });

  test('when nobody takes that either, the call is over without it', async () => {
    const bench = await start({}, false);
    const socket = await calls(bench, '<sip:alice@127.0.0.1:9;transport=tcp>');
    await lose(bench, socket);
    bench.calls[0]?.hangUp('enough', performance.now());
    while (bench.agent.calls > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(bench.calls[0]?.state).toBe('ended');
  });

  test('goes to where the INVITE came from when there is NAT between', async () => {
    const bench = await start({}, false);
    const socket = createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    cleanup.push(() => socket.close());
    const invite = text('INVITE', 'UDP', 5060, ['Contact: <sip:alice@10.1.2.3:5060>']).replace('UDP 127.0.0.1:5060', 'UDP 10.1.2.3:5060');
    socket.send(invite, bench.port('UDP'), '127.0.0.1');
    let got = '';
    while (tagOf(got) === '') got = String(((await once(socket, 'message')) as [Buffer])[0]);
    socket.send(text('ACK', 'UDP', 5060, [], tagOf(got)), bench.port('UDP'), '127.0.0.1');
    while (bench.calls[0]?.state !== 'confirmed') await new Promise((resolve) => setImmediate(resolve));
    bench.calls[0]?.hangUp('enough', performance.now());
    while (!got.startsWith('BYE sip:alice@10.1.2.3:5060 ')) got = String(((await once(socket, 'message')) as [Buffer])[0]);
    expect(got).not.toContain('\r\nContact:');
  });
});
