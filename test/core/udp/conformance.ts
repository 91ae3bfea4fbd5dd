/** What every UDP engine has to do, whatever it is made of: `engine.ts` as tests. */
import { execFile } from 'node:child_process';
import { platform } from 'node:os';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { UdpEngine } from '../../../src/core/udp/engine.ts';
import { collect, sendText, textOf } from './collector.ts';
import { departures } from './conformance/departures.ts';
import { names } from './conformance/names.ts';
import { preferred } from './conformance/preferred.ts';
import { refusals } from './conformance/refusals.ts';
import { replies } from './conformance/replies.ts';
import { sharedPorts } from './conformance/shared-ports.ts';
import { trains } from './conformance/trains.ts';
import { ipv6, loopbacks, LOOPBACK, worldOf } from './world.ts';

/** 65535 − 8 bytes of UDP header − 20 of IPv4 header. */
const LONGEST_IPV4 = 65_507;

export interface EngineUnderTest {
  readonly create: () => UdpEngine;
  /** Where a process of its own finds it. */
  readonly module: URL;
  readonly exported: string;
}

export function conformance(subject: EngineUnderTest): void {
  const world = worldOf(subject.create());
  const { engine, bound } = world;

  names(world);
  replies(world);
  sharedPorts(world);
  refusals(world);
  preferred(world);
  departures(world);
  trains(world);

  describe.each(loopbacks)('between sockets on %s', (address) => {
    it('delivers a datagram with its source, and the answer to that source', async () => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0 });
      const atServer = collect(server);
      const atClient = collect(client);
      sendText(client, 'question', server.local);
      await atServer.received(1);
      expect(textOf(atServer.packets[0])).toBe('question');
      expect(atServer.packets[0]?.from).toEqual(client.local);
      sendText(server, 'answer', atServer.packets[0]?.from);
      await atClient.received(1);
      expect(textOf(atClient.packets[0])).toBe('answer');
      expect(atClient.packets[0]?.from).toEqual(server.local);
    });

    it('chooses a port when asked for port 0', async () => {
      const one = await bound({ address, port: 0 });
      const two = await bound({ address, port: 0 });
      expect(one.local.address).toBe(address);
      expect(one.local.port).toBeGreaterThan(0);
      expect(two.local.port).not.toBe(one.local.port);
      expect(one.family).toBe(address.includes(':') ? 'IPv6' : 'IPv4');
    });

    it('carries datagrams of 0 bytes and of the largest size', async () => {
      const server = await bound({ address, port: 0 });
      const client = await bound({ address, port: 0 });
      const atServer = collect(server);
      const large = Uint8Array.from({ length: LONGEST_IPV4 }, (_, i) => i * 7);
      client.send(large, 0, 0, server.local);
      client.send(large, 0, large.length, server.local);
      await atServer.received(2);
      expect(atServer.packets.map(({ bytes }) => bytes.length)).toEqual([0, LONGEST_IPV4]);
      expect(atServer.packets[1]?.bytes).toEqual(large);
    });

    it('talks to its peer alone when connected', async () => {
      const peer = await bound({ address, port: 0 });
      const stranger = await bound({ address, port: 0 });
      const socket = await bound({ address, port: 0, connect: peer.local });
      const atPeer = collect(peer);
      const atSocket = collect(socket);
      sendText(socket, 'to my peer');
      await atPeer.received(1);
      expect(atPeer.packets[0]?.from).toEqual(socket.local);
      sendText(stranger, 'let me in', socket.local);
      sendText(peer, 'back', socket.local);
      await atSocket.received(1);
      expect(atSocket.packets.map(textOf)).toEqual(['back']);
    });
  });

  it.runIf(ipv6)('serves IPv4 and IPv6 from one socket on ::', async () => {
    const server = await bound({ address: '::', port: 0 });
    const atServer = collect(server);
    for (const address of loopbacks) {
      const client = await bound({ address, port: 0 });
      const atClient = collect(client);
      sendText(client, address, { address, port: server.local.port });
      await atServer.received(1);
      const [arrival] = atServer.packets.splice(0);
      expect(arrival?.from.port).toBe(client.local.port);
      sendText(server, `hello ${address}`, arrival?.from);
      await atClient.received(1);
      expect(textOf(atClient.packets[0])).toBe(`hello ${address}`);
    }
  });

  it('refuses a port that is taken, and says how to find its holder', async () => {
    const holder = await bound(LOOPBACK);
    const { port } = holder.local;
    await expect(engine.bind({ address: '127.0.0.1', port })).rejects.toMatchObject({
      code: 'bind',
      message: `cannot bind 127.0.0.1:${port}: EADDRINUSE (address already in use)`,
      hint: `see who holds it: ss -lunp 'sport = :${port}'`,
    });
  });

  it('refuses an address that is not on this host, and one that is not numeric', async () => {
    // 192.0.2.0/24 is TEST-NET-1 (RFC 5737): on no host.
    await expect(engine.bind({ address: '192.0.2.1', port: 0 })).rejects.toThrow('cannot bind 192.0.2.1:0: EADDRNOTAVAIL');
    await expect(engine.bind({ address: 'localhost', port: 0 })).rejects.toMatchObject({
      code: 'bind',
      message: 'cannot bind localhost:0: EINVAL (not a numeric address)',
    });
  });

  it('gives the port back when closed, and may be closed twice', async () => {
    const socket = await bound(LOOPBACK);
    const { port } = socket.local;
    await Promise.all([socket.close(), socket.close()]);
    await socket.close();
    const again = await bound({ address: '127.0.0.1', port });
    expect(again.local.port).toBe(port);
  });

  it('reports a refused datagram on a connected socket, and goes on working', async () => {
    const gone = await bound(LOOPBACK);
    const peer = gone.local;
    await gone.close();
    const socket = await bound({ ...LOOPBACK, connect: peer });
    const atSocket = collect(socket);
    sendText(socket, 'is anybody there');
    await atSocket.failed(1);
    expect(atSocket.errors).toEqual(['ECONNREFUSED']);
    const returned = await bound(peer);
    const atPeer = collect(returned);
    sendText(socket, 'again');
    await atPeer.received(1);
    expect(textOf(atPeer.packets[0])).toBe('again');
  });

  it('lets the memory be reused as soon as send returns', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const memory = new Uint8Array(1000);
    const count = 300;
    for (let i = 0; i < count; i++) {
      memory.fill(i & 0xff);
      client.send(memory, 0, memory.length, server.local);
    }
    memory.fill(0xee);
    await atServer.received(count);
    for (const [i, { bytes }] of atServer.packets.entries()) {
      expect(bytes.every((byte) => byte === (i & 0xff))).toBe(true);
    }
  });

  it('sends exactly the window it was given', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const memory = new TextEncoder().encode('before|window|after');
    client.send(memory, 7, 6, server.local);
    // A view into a larger buffer: its own offset counts too.
    client.send(memory.subarray(7), 0, 6, server.local);
    await atServer.received(2);
    expect(atServer.packets.map(textOf)).toEqual(['window', 'window']);
  });

  it('returns a datagram from inside its delivery', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atClient = collect(client);
    server.receive({
      packet: (buffer, offset, length, { from }) => server.send(buffer, offset, length, from),
      error: (code) => expect.fail(code),
    });
    for (let i = 0; i < 50; i++) sendText(client, `packet ${i}`, server.local);
    await atClient.received(50);
    expect(atClient.packets.map(textOf)).toEqual(Array.from({ length: 50 }, (_, i) => `packet ${i}`));
  });

  it('counts and reports a datagram that the kernel does not take', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const atClient = collect(client);
    client.send(new Uint8Array(LONGEST_IPV4 + 1), 0, LONGEST_IPV4 + 1, server.local);
    await atClient.failed(1);
    expect(atClient.errors).toEqual(['EMSGSIZE']);
    expect(client.sendErrors).toBe(1);
    sendText(client, 'short', server.local);
    await atServer.received(1);
    expect(textOf(atServer.packets[0])).toBe('short');
    expect(client.sendErrors).toBe(1);
  });

  it('counts a send that has no destination, or an impossible one', async () => {
    const socket = await bound(LOOPBACK);
    const atSocket = collect(socket);
    sendText(socket, 'where to');
    sendText(socket, 'port 0', { address: '127.0.0.1', port: 0 });
    sendText(socket, 'not an address', { address: 'example.invalid', port: 9 });
    await atSocket.failed(3);
    expect(socket.sendErrors).toBe(3);
  });

  it('keeps what arrives before anybody reads, with the order', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const other = await bound(LOOPBACK);
    const atOther = collect(other);
    for (let i = 0; i < 20; i++) sendText(client, `early ${i}`, server.local);
    // Something that has to go through the event loop, so that the early ones have had their chance to get lost.
    sendText(client, 'fence', other.local);
    await atOther.received(1);
    const atServer = collect(server);
    sendText(client, 'early 20', server.local);
    await atServer.received(21);
    expect(atServer.packets.map(textOf)).toEqual(Array.from({ length: 21 }, (_, i) => `early ${i}`));
  });

  it('hands over to another receiver', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const first = collect(server);
    sendText(client, 'one', server.local);
    await first.received(1);
    const second = collect(server);
    sendText(client, 'two', server.local);
    await second.received(1);
    expect([first.packets.map(textOf), second.packets.map(textOf)]).toEqual([['one'], ['two']]);
  });

  it('closes in the middle of traffic: nothing is delivered after it, and a late send is only counted', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    let deliveries = 0;
    let afterClose = 0;
    let closed = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    server.receive({
      packet: (buffer, offset, length, { from }) => {
        deliveries += 1;
        if (closed) afterClose += 1;
        if (deliveries === 10) {
          closed = true;
          void server.close().then(resolve);
          server.send(buffer, offset, length, from);
        }
      },
      error: (code) => expect.fail(code),
    });
    for (let i = 0; i < 100; i++) sendText(client, `packet ${i}`, server.local);
    await promise;
    expect({ deliveries, afterClose, refused: server.sendErrors }).toEqual({ deliveries: 10, afterClose: 0, refused: 1 });
  });

  it('tells what the kernel granted for its buffers', async () => {
    const small = await bound({ ...LOOPBACK, bufferBytes: 16 * 1024 });
    expect(small.receiveBufferBytes).toBe(16 * 1024);
    expect(small.sendBufferBytes).toBe(16 * 1024);
  });

  it.runIf(platform() === 'linux')('counts what the kernel dropped because nobody read in time', async () => {
    const server = await bound({ ...LOOPBACK, bufferBytes: 8 * 1024 });
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    expect(server.socketDrops()).toBe(0);
    const count = 2000;
    const payload = new Uint8Array(500);
    // Without a turn of the event loop in between, so that nothing is read.
    for (let i = 0; i < count; i++) client.send(payload, 0, payload.length, server.local);
    const drops = server.socketDrops() ?? 0;
    expect(drops).toBeGreaterThan(0);
    await atServer.received(count - drops);
    expect(server.socketDrops()).toBe(drops);
  });

  it('has a clock that never goes back and stamps what arrives', async () => {
    const server = await bound(LOOPBACK);
    const client = await bound(LOOPBACK);
    const atServer = collect(server);
    const before = engine.nowNs();
    sendText(client, 'when', server.local);
    await atServer.received(1);
    const after = engine.nowNs();
    expect(atServer.packets[0]?.atNs).toBeGreaterThan(before);
    expect(atServer.packets[0]?.atNs).toBeLessThanOrEqual(after);
  });

  it('leaves nothing behind that keeps a process alive', async () => {
    const script = `
      import { ${subject.exported} as create } from ${JSON.stringify(subject.module.href)};
      const engine = create();
      const server = await engine.bind({ address: '127.0.0.1', port: 0 });
      const client = await engine.bind({ address: '127.0.0.1', port: 0, connect: server.local });
      await new Promise((resolve) => {
        server.receive({ packet: resolve, error: resolve });
        client.send(new Uint8Array(100), 0, 100);
      });
      await Promise.all([server.close(), client.close()]);
      console.log('closed');`;
    // A handle left over keeps the child from ending, and the test from passing.
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '--eval', script]);
    expect(stdout).toBe('closed\n');
  });
}
