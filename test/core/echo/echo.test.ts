import { afterEach, describe, expect, it } from 'vitest';
import { EchoService } from '../../../src/core/echo/echo.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import type { BindOptions, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { collect, sendText, textOf } from '../udp/collector.ts';

const engine = createPortableEngine();
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function startEcho(address = '127.0.0.1'): Promise<{ echo: EchoService; at: Endpoint }> {
  const echo = new EchoService({ engine, addresses: [address], port: 0, bufferBytes: 1 << 20 });
  closing.push(() => echo.stop());
  const socket = await echo.start();
  return { echo, at: socket.local };
}

async function client(): Promise<UdpSocket> {
  const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
  closing.push(() => socket.close());
  return socket;
}

describe('EchoService on loopback', () => {
  it('returns each datagram to its source, unchanged and from the port it was sent to', async () => {
    const { echo, at } = await startEcho();
    const [one, two] = [await client(), await client()];
    const [atOne, atTwo] = [collect(one), collect(two)];
    sendText(one, 'of one', at);
    sendText(two, 'of two', at);
    two.send(new Uint8Array(0), 0, 0, at);
    await Promise.all([atOne.received(1), atTwo.received(2)]);
    expect(atOne.packets.map(textOf)).toEqual(['of one']);
    expect(atTwo.packets.map(textOf)).toEqual(['of two', '']);
    expect(atOne.packets[0]?.from).toEqual(at);
    expect(echo.counters()).toEqual({
      packets: 3,
      bytes: 12,
      sent: 3,
      sendErrors: 0,
      refused: 0,
      socketDrops: echo.counters().socketDrops,
      unstamped: 0,
    });
  });

  it('returns bytes that are no RTP, of any value', async () => {
    const { at } = await startEcho();
    const socket = await client();
    const atSocket = collect(socket);
    const bytes = Uint8Array.from({ length: 1400 }, (_, i) => 255 - (i % 256));
    socket.send(bytes, 0, bytes.length, at);
    await atSocket.received(1);
    expect(atSocket.packets[0]?.bytes).toEqual(bytes);
  });

  it('keeps its counters after it was stopped, and may be stopped twice', async () => {
    const { echo, at } = await startEcho();
    const socket = await client();
    const atSocket = collect(socket);
    sendText(socket, 'last words', at);
    await atSocket.received(1);
    const counters = await echo.stop();
    expect(counters).toMatchObject({ packets: 1, bytes: 10, sent: 1 });
    expect(await echo.stop()).toEqual(counters);
    expect(echo.counters()).toEqual(counters);
    const again = await engine.bind(at);
    closing.push(() => again.close());
    expect(again.local).toEqual(at);
  });

  it('fails with the bind error when its port is taken', async () => {
    const { at } = await startEcho();
    const second = new EchoService({ engine, addresses: [at.address], port: at.port, bufferBytes: 65_536 });
    await expect(second.start()).rejects.toThrow('EADDRINUSE');
    await second.stop();
  });
});

/** An engine whose sockets record what is sent, and whose addresses can be missing. */
class ScriptedEngine implements UdpEngine {
  readonly name = 'portable';
  readonly clock = 'user';
  readonly bound: string[] = [];
  readonly sent: Endpoint[] = [];
  readonly #refusals: Readonly<Record<string, string>>;
  receiver: PacketReceiver | undefined;
  now = 0;
  #from: Endpoint = { address: '', port: 0 };

  constructor(refusals: Readonly<Record<string, string>> = {}) {
    this.#refusals = refusals;
  }

  nowNs(): number {
    return this.now;
  }

  async bind({ address, port }: BindOptions): Promise<UdpSocket> {
    this.bound.push(address);
    const refusal = this.#refusals[address];
    if (refusal !== undefined) throw new RtplatError('bind', `cannot bind ${address}:${port}: ${refusal}`);
    return {
      local: { address, port },
      family: address.includes(':') ? 'IPv6' : 'IPv4',
      receiveBufferBytes: 1,
      sendBufferBytes: 1,
      sendErrors: 0,
      receive: (receiver) => {
        this.receiver = receiver;
      },
      send: () => expect.unreachable('an echo only replies'),
      reply: () => this.sent.push(this.#from) - 1,
      named: (endpoint) => endpoint,
      prefer: () => undefined,
      takeIn: () => undefined,
      unstamped: 0,
      socketDrops: () => null,
      close: async () => undefined,
    };
  }

  arrive(from: Endpoint): void {
    this.#from = from;
    this.receiver?.packet(new Uint8Array(10), 0, 10, { from, port: from.port, atNs: this.now, readNs: this.now });
  }
}

describe('EchoService', () => {
  it('never answers port 0', async () => {
    const scripted = new ScriptedEngine();
    const echo = new EchoService({ engine: scripted, addresses: ['127.0.0.1'], port: 4000, bufferBytes: 1 });
    await echo.start();
    scripted.arrive({ address: '127.0.0.1', port: 0 });
    expect(scripted.sent).toEqual([]);
    expect(echo.counters()).toMatchObject({ packets: 1, sent: 0, refused: 1, socketDrops: null });
  });

  it('never answers itself, which a forged source would have it do for ever', async () => {
    const scripted = new ScriptedEngine();
    const echo = new EchoService({ engine: scripted, addresses: ['::'], port: 4000, bufferBytes: 1 });
    await echo.start();
    scripted.arrive({ address: '::ffff:127.0.0.1', port: 4000 });
    scripted.arrive({ address: '127.0.0.1', port: 4000 });
    // The same port of another host is a caller like any other.
    scripted.arrive({ address: '192.0.2.1', port: 4000 });
    scripted.arrive({ address: '127.0.0.1', port: 4001 });
    expect(scripted.sent).toEqual([
      { address: '192.0.2.1', port: 4000 },
      { address: '127.0.0.1', port: 4001 },
    ]);
    expect(echo.counters().refused).toBe(2);
  });

  it('falls back to the next address where the first family is missing', async () => {
    const scripted = new ScriptedEngine({ '::': 'EAFNOSUPPORT (…)' });
    const echo = new EchoService({ engine: scripted, addresses: ['::', '0.0.0.0'], port: 4000, bufferBytes: 1 });
    const socket = await echo.start();
    expect(socket.local.address).toBe('0.0.0.0');
    expect(scripted.bound).toEqual(['::', '0.0.0.0']);
  });

  it('does not fall back when the port is taken', async () => {
    const scripted = new ScriptedEngine({ '::': 'EADDRINUSE (…)' });
    const echo = new EchoService({ engine: scripted, addresses: ['::', '0.0.0.0'], port: 4000, bufferBytes: 1 });
    await expect(echo.start()).rejects.toThrow('EADDRINUSE');
    expect(scripted.bound).toEqual(['::']);
  });

  it('remembers the last complaint of the kernel', async () => {
    const scripted = new ScriptedEngine();
    const echo = new EchoService({ engine: scripted, addresses: ['127.0.0.1'], port: 4000, bufferBytes: 1 });
    await echo.start();
    expect(echo.lastError).toBeNull();
    scripted.receiver?.error('ENOBUFS', 'send ENOBUFS');
    expect(echo.lastError).toBe('ENOBUFS: send ENOBUFS');
  });
});
