import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { EchoService } from '../../../src/core/echo/echo.ts';
import { NONE_REFUSED } from '../../../src/core/echo/memory.ts';
import { RtplatError } from '../../../src/core/errors.ts';
import { DEFAULT_RULES } from '../../../src/core/guard/rules.ts';
import type { GuardRules } from '../../../src/core/guard/rules.ts';
import type { BindOptions, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { writeRtpHeader } from '../../../src/core/rtp/packet.ts';
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
      refusals: NONE_REFUSED,
      lastOverRate: null,
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
  readonly replies: { readonly bytes: readonly number[]; readonly segment: number }[] = [];
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
      reply: (buffer, offset, length, segment = length) => {
        this.replies.push({ bytes: [...buffer.subarray(offset, offset + length)], segment });
        return this.sent.push(this.#from) - 1;
      },
      named: (endpoint) => endpoint,
      prefer: () => undefined,
      takeIn: () => undefined,
      unstamped: 0,
      socketDrops: () => null,
      close: async () => undefined,
    };
  }

  arrive(from: Endpoint, bytes: Uint8Array = new Uint8Array(10)): void {
    this.#from = from;
    this.receiver?.packet(bytes, 0, bytes.length, { from, port: from.port, atNs: this.now, readNs: this.now });
  }

  arriveTogether(from: Endpoint, bytes: Uint8Array, segment: number): void {
    this.#from = from;
    this.receiver?.train?.(bytes, 0, bytes.length, segment, { from, port: from.port, atNs: this.now, readNs: this.now });
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
    // Who has the same port elsewhere may be another echo.
    scripted.arrive({ address: '192.0.2.1', port: 4000 });
    scripted.arrive({ address: '127.0.0.1', port: 4001 });
    expect(scripted.sent).toEqual([{ address: '127.0.0.1', port: 4001 }]);
    expect(echo.counters()).toMatchObject({ refused: 3, refusals: { ...NONE_REFUSED, port: 3 } });
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

const STRANGER: Endpoint = { address: '203.0.113.5', port: 30_000 };

function rtp(sequence: number, bytes = 172): Uint8Array {
  const packet = new Uint8Array(bytes).fill(0xff);
  writeRtpHeader(packet, 0, { marker: false, payloadType: 0, sequence, timestamp: sequence * 160, ssrc: 7 });
  return packet;
}

async function guarded(rules: Partial<GuardRules> = {}): Promise<{ scripted: ScriptedEngine; echo: EchoService }> {
  const scripted = new ScriptedEngine();
  const all = { ...DEFAULT_RULES, ...rules };
  const echo = new EchoService({ engine: scripted, addresses: ['0.0.0.0'], port: 4000, bufferBytes: 1, rules: all });
  await echo.start();
  return { scripted, echo };
}

describe('EchoService, to strangers', () => {
  it('sends back at most what came: the same bytes, once, whatever they are', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 });
    const sent = fc.array(
      fc.oneof(
        bytes,
        fc.nat(0xffff).map((sequence) => rtp(sequence)),
      ),
      { maxLength: 30 },
    );
    const properties = fc.asyncProperty(sent, fc.boolean(), async (datagrams, any) => {
      const { scripted, echo } = await guarded({ any });
      for (const datagram of datagrams) {
        const before = scripted.replies.length;
        scripted.arrive(STRANGER, datagram);
        expect(scripted.replies.slice(before).map((reply) => reply.bytes)).toEqual(
          scripted.replies.length === before ? [] : [[...datagram]],
        );
      }
      const counters = echo.counters();
      expect(counters.sent + counters.refused).toBe(datagrams.length);
      expect(counters.sent).toBe(scripted.replies.length);
      expect(Object.values(counters.refusals).reduce((a, b) => a + b)).toBe(counters.refused);
    });
    await fc.assert(properties, { numRuns: 50 });
  });

  it('judges the packets of a train one by one, and those of somebody allowed together', async () => {
    const allowed = [{ words: Int32Array.of(0, 0, 0xffff, 0x0a00_0000), masks: Int32Array.of(-1, -1, -1, -1 << 24) }];
    const { scripted, echo } = await guarded({ allowed });
    const train = new Uint8Array([...rtp(1), ...new Uint8Array(172), ...rtp(2, 100)]);
    scripted.arriveTogether(STRANGER, train, 172);
    expect(scripted.replies.map(({ bytes }) => bytes)).toEqual([[...rtp(1)], [...rtp(2, 100)]]);
    scripted.arriveTogether({ address: '10.0.0.9', port: 30_000 }, train, 172);
    expect(scripted.replies.at(-1)).toEqual({ bytes: [...train], segment: 172 });
    expect(echo.counters()).toMatchObject({ packets: 6, sent: 5, refused: 1, refusals: { not_rtp: 1 } });
  });

  it('says who was last over a rate', async () => {
    const { scripted, echo } = await guarded({ caps: { perSource: 10, total: 0 } });
    for (let i = 0; i < 17; i++) scripted.arrive({ address: '2001:db8::7', port: 30_000 }, rtp(i));
    expect(echo.counters()).toMatchObject({ sent: 16, refusals: { source_rate: 1 }, lastOverRate: '2001:db8::7' });
  });
});
