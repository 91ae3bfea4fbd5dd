/** Kernels and sandboxes that lack what the batch engine makes use of: it does without. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import {
  EINVAL,
  MMSGHDR_BYTES,
  MSG_CONTROLLEN,
  MSG_ERRQUEUE,
  SO_TIMESTAMPING,
  SO_TIMESTAMPNS,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from '../../../../src/core/udp/batch/layout.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';
import { FaultyLibc } from './faulty-libc.ts';

/** As in errno(3). */
const EMFILE = 24;
const ENOSPC = 28;
const EADDRNOTAVAIL = 99;

/** A library whose kernel does not know a socket option. */
function without(level: number, name: number): Libc {
  return new FaultyLibc((faulty) => ({
    setsockopt: (fd, at, option, value, length) =>
      at === level && option === name ? faulty.fail(EINVAL) : faulty.real.setsockopt(fd, at, option, value, length),
  })).libc;
}

/** A library whose kernel takes the options and then says nothing beside the datagrams of a queue. */
function silent(queue: 'data' | 'errors'): Libc {
  return new FaultyLibc((faulty) => ({
    recvmmsg: (fd, messages, most, flags, timeout) => {
      const count = faulty.real.recvmmsg(fd, messages, most, flags, timeout);
      if (((flags & MSG_ERRQUEUE) !== 0) !== (queue === 'errors')) return count;
      for (let i = 0; i < count; i++) faulty.setWord(messages + i * MMSGHDR_BYTES + MSG_CONTROLLEN, 0);
      return count;
    },
  })).libc;
}

describe.each([
  { lack: 'receive timestamps', libc: without(SOL_SOCKET, SO_TIMESTAMPNS) },
  { lack: 'transmit timestamps', libc: without(SOL_SOCKET, SO_TIMESTAMPING) },
  { lack: 'receive timestamps, though it claims to have them', libc: silent('data') },
  { lack: 'transmit timestamps, though it claims to have them', libc: silent('errors') },
])('a kernel without $lack', ({ libc }) => {
  const engine = createBatchEngine({ libc });
  const { bound } = worldOf(engine);

  it('leaves the engine with the clock of user space, and everything is told', async () => {
    expect(engine.clock).toBe('user');
    const server = await bound(LOOPBACK);
    const client = await bound({ ...LOOPBACK, departures: true });
    const atServer = collect(server);
    const atClient = collect(client);
    const beforeNs = engine.nowNs();
    for (let i = 0; i < 10; i++) sendText(client, `packet ${i}`, server.local);
    await atServer.received(10);
    expect(atClient.departures.map(({ number }) => number)).toEqual(Array.from({ length: 10 }, (_, i) => i));
    for (const { atNs, handedNs } of atClient.departures) {
      expect(atNs).toBe(handedNs);
      expect(atNs).toBeGreaterThan(beforeNs);
    }
    for (const { atNs, readNs } of atServer.packets) expect(atNs).toBe(readNs);
    expect([server.unstamped, client.unstamped]).toEqual([0, 0]);
  });
});

describe('stamps that fail to come on one socket', () => {
  it.each([
    { what: 'of arrivals', libc: silent('data'), unstamped: { server: 5, client: 0 } },
    { what: 'of departures', libc: silent('errors'), unstamped: { server: 0, client: 5 } },
  ])('$what are made by our own clock, and counted', async ({ libc, unstamped }) => {
    const engine = createBatchEngine({ libc, clock: 'kernel' });
    const server = await engine.bind(LOOPBACK);
    const client = await engine.bind({ ...LOOPBACK, departures: true });
    const atServer = collect(server);
    const atClient = collect(client);
    for (let i = 0; i < 5; i++) sendText(client, `packet ${i}`, server.local);
    await atServer.received(5);
    expect(atClient.departures.every(({ atNs }) => Number.isFinite(atNs))).toBe(true);
    expect(atServer.packets.every(({ atNs }) => Number.isFinite(atNs))).toBe(true);
    expect({ server: server.unstamped, client: client.unstamped }).toEqual(unstamped);
    await Promise.all([server.close(), client.close()]);
  });

  it('still tells departures where only the one socket is refused them', async () => {
    const engine = createBatchEngine({ libc: without(SOL_SOCKET, SO_TIMESTAMPING), clock: 'kernel' });
    const server = await engine.bind(LOOPBACK);
    const client = await engine.bind({ ...LOOPBACK, departures: true });
    const atClient = collect(client);
    sendText(client, 'told', server.local);
    await atClient.left(1);
    expect(atClient.departures[0]?.atNs).toBe(atClient.departures[0]?.handedNs);
    await Promise.all([server.close(), client.close()]);
  });
});

describe('a kernel without UDP_GRO', () => {
  const { bound, inDelivery } = worldOf(createBatchEngine({ libc: without(SOL_UDP, UDP_GRO) }));

  it('sends and receives the datagrams of trains one by one', async () => {
    const server = await bound({ ...LOOPBACK, trains: true });
    const client = await bound({ ...LOOPBACK, trains: true });
    const atServer = collect(server);
    const bytes = new TextEncoder().encode('onetwotri4');
    client.send(bytes, 0, bytes.length, server.local, 3);
    await inDelivery(() => {
      for (let i = 0; i < 5; i++) sendText(client, `packet ${i}`, server.local);
    });
    await atServer.received(9);
    expect(atServer.packets.map(textOf)).toEqual(['one', 'two', 'tri', '4', ...Array.from({ length: 5 }, (_, i) => `packet ${i}`)]);
  });
});

describe('a host that has run out of something', () => {
  it.each(['socket', 'epoll_create1'] as const)('is told of by bind when %s() fails, and nothing stays open', async (call) => {
    let broken = true;
    const real: (...args: number[]) => number = loadLibc()[call];
    const { libc } = new FaultyLibc((faulty) => ({
      [call]: (...args: number[]) => (broken ? faulty.fail(EMFILE) : real(...args)),
    }));
    const engine = createBatchEngine({ libc, clock: 'user' });
    const before = readdirSync('/proc/self/fd').length;
    await expect(engine.bind(LOOPBACK)).rejects.toMatchObject({
      name: 'RtplatError',
      code: 'bind',
      message: expect.stringContaining('EMFILE'),
    });
    expect(readdirSync('/proc/self/fd').length).toBe(before);
    broken = false;
    const socket = await engine.bind(LOOPBACK);
    expect(socket.local.port).toBeGreaterThan(0);
    await socket.close();
  });

  it('leaves nothing open where the trial of the clock cannot be made', () => {
    const { libc } = new FaultyLibc((faulty) => ({ bind: () => faulty.fail(EADDRNOTAVAIL) }));
    const before = readdirSync('/proc/self/fd').length;
    expect(createBatchEngine({ libc }).clock).toBe('kernel');
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('reports a socket that cannot be waited for', async () => {
    const { libc } = new FaultyLibc((faulty) => ({ epoll_ctl: () => faulty.fail(ENOSPC) }));
    const engine = createBatchEngine({ libc, clock: 'user' });
    const socket = await engine.bind(LOOPBACK);
    const atSocket = collect(socket);
    expect(atSocket.errors).toEqual(['ENOSPC']);
    await socket.close();
  });
});
