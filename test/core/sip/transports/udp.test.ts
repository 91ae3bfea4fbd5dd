import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { UdpTransport } from '../../../../src/core/sip/transports/udp.ts';
import type { UdpOptions } from '../../../../src/core/sip/transports/udp.ts';
import type { BindOptions } from '../../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../../src/core/udp/portable.ts';
import { Heard, message } from './heard.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

async function start(
  options: Partial<UdpOptions> = {},
): Promise<{ readonly transport: UdpTransport; readonly heard: Heard; readonly port: number }> {
  const heard = new Heard();
  const local = { address: '127.0.0.1', port: 0 };
  const transport = await UdpTransport.start({ engine: createPortableEngine(), local, ...options }, heard);
  cleanup.push(() => transport.stop());
  return { transport, heard, port: transport.local.port };
}

async function peer(address = '127.0.0.1'): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address);
  await once(socket, 'listening');
  cleanup.push(() => socket.close());
  return socket;
}

describe('UDP', () => {
  test('a datagram is a message, a short one is none, and the answer goes back', async () => {
    const { transport, heard, port } = await start();
    heard.answer = new TextEncoder().encode('answer');
    const socket = await peer();
    socket.send('\r\n\r\n', port, '127.0.0.1');
    socket.send('', port, '127.0.0.1');
    socket.send(message(1, 9), port, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    expect([answer.toString(), heard.messages.map(({ text }) => text)]).toEqual(['answer', [message(1, 9)]]);
    expect(transport.counts).toEqual({ received: 1, sent: 1, sendErrors: 0 });
    expect(heard.messages[0]?.flow).toMatchObject({
      ...{ transport: 'UDP', reliable: false },
      local: { address: '127.0.0.1', port },
      remote: { address: '127.0.0.1', port: socket.address().port },
    });
  });

  test('what is kept of a message is not what the engine writes into next', async () => {
    const { heard, port } = await start();
    const socket = await peer();
    for (let n = 0; n < 50; n++) socket.send(message(n, n), port, '127.0.0.1');
    expect(await heard.got(50)).toEqual(Array.from({ length: 50 }, (_, n) => message(n, n)));
  });

  test('IPv6, and an IPv4 peer of a socket on ::, each sees the address that faces it', async () => {
    const { heard, port } = await start({ local: { address: '::', port: 0 } });
    heard.answer = new TextEncoder().encode('answer');
    for (const address of ['127.0.0.1', '::1']) {
      const socket = await peer(address);
      socket.send(message(1), port, address);
      const [, from] = (await once(socket, 'message')) as [Buffer, { readonly address: string; readonly port: number }];
      expect(from).toMatchObject({ address, port });
      expect(heard.messages.at(-1)?.flow).toMatchObject({ local: { address, port }, remote: { address, port: socket.address().port } });
    }
  });

  test('the address to show stands in for that of the socket, and nobody asks the routing table', async () => {
    const asked: BindOptions[] = [];
    const real = createPortableEngine();
    const engine = { ...real, bind: (options: BindOptions) => (asked.push(options), real.bind(options)) };
    const { transport, heard, port } = await start({ engine, local: { address: '0.0.0.0', port: 0 }, advertise: '198.51.100.1' });
    const socket = await peer();
    socket.send(message(1), port, '127.0.0.1');
    await heard.got(1);
    const shown = { address: '198.51.100.1', port };
    expect([heard.messages[0]?.flow.local, asked.length]).toEqual([shown, 1]);
    expect(await transport.reach({ address: '127.0.0.1', port: 9 })).toMatchObject({ local: shown });
    expect(asked).toHaveLength(1);
  });

  test('whom we turn to first gets the address that faces it, too', async () => {
    const { transport, port } = await start({ local: { address: '0.0.0.0', port: 0 } });
    const flow = await transport.reach({ address: '127.0.0.9', port: 5060 });
    expect(flow.local).toEqual({ address: '127.0.0.1', port });
    expect(flow.to?.({ address: '127.0.0.9', port: 5070 })).toMatchObject({
      local: flow.local,
      remote: { address: '127.0.0.9', port: 5070 },
    });
  });

  test('a flood from new addresses is dropped and counted, and does not end anything', async () => {
    const real = createPortableEngine();
    const held: (() => void)[] = [];
    let asks = 0;
    const engine = {
      ...real,
      bind: async (options: BindOptions) => {
        if (options.connect !== undefined) {
          asks += 1;
          await new Promise<void>((resolve) => held.push(resolve));
        }
        return real.bind(options);
      },
    };
    const { transport, heard } = await start({ engine, local: { address: '0.0.0.0', port: 0 } });
    const bytes = new TextEncoder().encode(message(1));
    const arrive = (n: number): void =>
      transport.packet(bytes, 0, bytes.length, {
        from: { address: `127.1.${n >> 8}.${n & 255}`, port: 5060 },
        port: 5060,
        atNs: 0,
        readNs: 0,
      });
    for (let n = 0; n < 1500; n++) arrive(n);
    expect([transport.counts.received, transport.overflow, heard.messages.length]).toEqual([1500, 500, 0]);
    while (heard.messages.length < 1000) {
      for (const resolve of held.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(asks).toBe(1000);
    arrive(0);
    expect(heard.messages).toHaveLength(1001);
  });

  test('what the kernel does not take is counted', async () => {
    const { transport } = await start();
    transport.flowTo({ address: '255.255.255.255', port: 9 }).send(new Uint8Array(20));
    while (transport.counts.sendErrors === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(transport.counts).toEqual({ received: 0, sent: 1, sendErrors: 1 });
  });

  test('a port that is taken', async () => {
    const { port } = await start();
    const second = UdpTransport.start({ engine: createPortableEngine(), local: { address: '127.0.0.1', port } }, new Heard());
    await expect(second).rejects.toMatchObject({ code: 'bind' });
  });
});
