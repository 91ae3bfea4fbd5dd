/** What becomes of a batch when the kernel refuses some of it. The library is faulty, the sockets are real. */
import { describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import {
  EAGAIN,
  ECONNREFUSED,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOBUFS,
  MMSGHDR_BYTES,
  MSG_CONTROLLEN,
} from '../../../../src/core/udp/batch/layout.ts';
import type { UdpSocket } from '../../../../src/core/udp/engine.ts';
import { collect, sendText, textOf } from '../collector.ts';
import type { Collector } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';
import { FaultyLibc } from './faulty-libc.ts';

type SendmmsgFault = (call: { readonly fd: number; readonly messages: number; readonly count: number }) => number | 'as usual';

/** What happens to the calls of sendmmsg, in order; when they are used up, or for another socket, all is as usual. */
let faults: SendmmsgFault[] = [];
let faultyFd = -1;
let waits = 0;
let calls = 0;

const faulty = new FaultyLibc(({ real }) => ({
  sendmmsg: (fd, messages, count, flags) => {
    if (fd === faultyFd) {
      calls += 1;
      const result = faults.shift()?.({ fd, messages, count }) ?? 'as usual';
      if (result !== 'as usual') return result < 0 ? result : real.sendmmsg(fd, messages, result, flags);
    }
    return real.sendmmsg(fd, messages, count, flags);
  },
  poll: (fds, count, timeoutMs) => {
    waits += 1;
    return real.poll(fds, count, timeoutMs);
  },
}));

const fails =
  (errno: number): SendmmsgFault =>
  () =>
    faulty.fail(errno);
const takes =
  (most: number): SendmmsgFault =>
  ({ count }) =>
    Math.min(most, count);

const isTrain = (header: number): boolean => faulty.word(header + MSG_CONTROLLEN) > 0;

/** A kernel that cuts no trains on this path: it takes what comes before the first one, and refuses that. */
const cutsNone =
  (errno: number): SendmmsgFault =>
  ({ messages, count }) => {
    for (let i = 0; i < count; i++) {
      if (isTrain(messages + i * MMSGHDR_BYTES)) return i > 0 ? i : faulty.fail(errno);
    }
    return 'as usual';
  };

const always = (fault: SendmmsgFault): SendmmsgFault[] => Array.from({ length: 1000 }, () => fault);

describe.each(['kernel', 'user'] as const)('a batch that is refused in part (%s clock)', (clock) => {
  const { bound, inDelivery } = worldOf(createBatchEngine({ libc: faulty.libc, clock }));

  interface Pair {
    readonly server: UdpSocket;
    readonly client: UdpSocket;
    readonly atServer: Collector;
    readonly atClient: Collector;
  }

  async function pair(meets: SendmmsgFault[], trains = false): Promise<Pair> {
    const server = await bound({ ...LOOPBACK, trains });
    const client = await bound({ ...LOOPBACK, trains, departures: true });
    faultyFd = (client as unknown as { readonly fd: number }).fd;
    faults = meets;
    waits = 0;
    calls = 0;
    return { server, client, atServer: collect(server), atClient: collect(client) };
  }

  const texts = (count: number): string[] => Array.from({ length: count }, (_, i) => `packet ${i}`);

  /** Sends so many datagrams as one batch. */
  async function burst({ client, server }: Pair, count: number): Promise<void> {
    await inDelivery(() => {
      for (const text of texts(count)) sendText(client, text, server.local);
    });
  }

  /** Every datagram was told of once, in order, with stamps of that order. A refused one has none. */
  function expectAllTold({ atClient }: Pair, count: number): void {
    expect(atClient.departures.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, i) => i));
    const stamps = atClient.departures.filter(({ atNs, handedNs }) => atNs !== handedNs).map(({ atNs }) => atNs);
    expect(stamps.toSorted((a, b) => a - b)).toEqual(stamps);
  }

  it('waits once for a full buffer, and then sends all of it', async () => {
    const between = await pair([takes(3), fails(EAGAIN)]);
    await burst(between, 10);
    await between.atServer.received(10);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(10));
    expect({ waits, errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({ waits: 1, errors: [], refused: 0 });
    expectAllTold(between, 10);
    expect(between.client.unstamped).toBe(0);
  });

  it('refuses and counts what a buffer does not take that stays full, without waiting for each', async () => {
    const between = await pair([takes(3), fails(EAGAIN), fails(EAGAIN), takes(1), fails(EAGAIN)]);
    await burst(between, 10);
    await between.atServer.received(8);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(10).toSpliced(3, 1).toSpliced(4, 1));
    expect({ waits, errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({
      waits: 1,
      errors: ['EAGAIN', 'EAGAIN'],
      refused: 2,
    });
    expectAllTold(between, 10);
    expect(between.client.unstamped).toBe(0);
  });

  it('counts a datagram that the device had no room for, and sends the rest', async () => {
    const between = await pair([takes(4), fails(ENOBUFS)]);
    await burst(between, 10);
    await between.atServer.received(9);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(10).toSpliced(4, 1));
    expect({ errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({ errors: ['ENOBUFS'], refused: 1 });
    expectAllTold(between, 10);
    expect(between.client.unstamped).toBe(0);
  });

  it('tries again when interrupted', async () => {
    const between = await pair([fails(EINTR), takes(2), fails(EINTR), fails(EINTR)]);
    await burst(between, 5);
    await between.atServer.received(5);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(5));
    expect({ errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({ errors: [], refused: 0 });
    expectAllTold(between, 5);
  });

  it('goes on where the kernel left off when it takes fewer than asked', async () => {
    const between = await pair(always(takes(3)));
    await burst(between, 200);
    await between.atServer.received(200);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(200));
    expect(calls).toBe(Math.ceil(200 / 3));
    expectAllTold(between, 200);
    expect(between.client.unstamped).toBe(0);
  });

  it('sends a datagram again that met the error of an earlier one, and says so', async () => {
    const between = await pair([takes(2), fails(ECONNREFUSED), fails(ECONNREFUSED)]);
    await burst(between, 4);
    await between.atServer.received(4);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(4));
    expect({ errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({
      errors: ['ECONNREFUSED', 'ECONNREFUSED'],
      refused: 0,
    });
    expectAllTold(between, 4);
    expect(between.client.unstamped).toBe(0);
  });

  it('gives a datagram up that is refused for ever', async () => {
    const between = await pair(always(fails(ECONNREFUSED)));
    sendText(between.client, 'never', between.server.local);
    await between.atClient.left(1);
    expect(between.client.sendErrors).toBe(1);
    expect(calls).toBeLessThan(20);
  });

  it.each([
    ['EIO', EIO],
    ['EINVAL', EINVAL],
    ['EMSGSIZE', EMSGSIZE],
  ])('sends the datagrams of all its trains one by one when the path cuts none (%s)', async (_, errno) => {
    const between = await pair(always(cutsNone(errno)), true);
    const { client, server, atServer, atClient } = between;
    const other = await bound(LOOPBACK);
    const atOther = collect(other);
    const train = new TextEncoder().encode('onetwotri4');
    await inDelivery(() => {
      sendText(client, 'a', server.local);
      for (const text of texts(10)) sendText(client, text, server.local);
      // Pieces from several places, to another peer, as another train of the same batch.
      for (const text of texts(10)) sendText(client, text, other.local);
      client.send(train, 0, train.length, server.local, 3);
    });
    const all = ['a', ...texts(10), 'one', 'two', 'tri', '4'];
    await atServer.received(all.length);
    await atOther.received(10);
    expect(atServer.packets.map(textOf)).toEqual(all);
    expect(atOther.packets.map(textOf)).toEqual(texts(10));
    expect({ errors: atClient.errors, refused: client.sendErrors }).toEqual({ errors: [], refused: 0 });
    expectAllTold(between, all.length + 10);
    expect(client.unstamped).toBe(0);

    calls = 0;
    faults = always(({ messages, count }) => {
      for (let i = 0; i < count; i++) expect(isTrain(messages + i * MMSGHDR_BYTES)).toBe(false);
      return 'as usual';
    });
    client.send(train, 0, train.length, server.local, 3);
    await atServer.received(all.length + 4);
    expect(atServer.packets.slice(-4).map(textOf)).toEqual(['one', 'two', 'tri', '4']);
    // No train was tried again.
    expect(calls).toBe(1);
  });

  it('loses nothing while it takes a train apart and meets interruptions, errors of earlier ones and a full buffer', async () => {
    const between = await pair(
      [cutsNone(EIO), fails(EINTR), takes(1), fails(ECONNREFUSED), takes(1), fails(EAGAIN), takes(1), fails(ENOBUFS)],
      true,
    );
    await burst(between, 10);
    await between.atServer.received(9);
    expect(between.atServer.packets.map(textOf)).toEqual(texts(10).toSpliced(3, 1));
    expect({ waits, errors: between.atClient.errors, refused: between.client.sendErrors }).toEqual({
      waits: 1,
      errors: ['ECONNREFUSED', 'ENOBUFS'],
      refused: 1,
    });
    expectAllTold(between, 10);
    expect(between.client.unstamped).toBe(0);
  });

  it.each([
    ['EAGAIN', EAGAIN],
    ['ENOBUFS', ENOBUFS],
  ])('goes on making trains after one that there was no room for (%s)', async (code, errno) => {
    const between = await pair([fails(errno), fails(errno)], true);
    await burst(between, 10);
    const { client, server, atServer, atClient } = between;
    await atClient.failed(1);
    expect(new Set(atClient.errors)).toEqual(new Set([code]));
    expect(client.sendErrors % 10).toBe(0);
    const tries: boolean[] = [];
    faults = always(({ messages }) => {
      tries.push(isTrain(messages));
      return 'as usual';
    });
    await inDelivery(() => {
      for (const text of texts(10)) sendText(client, text, server.local);
    });
    await atServer.received(10);
    expect(tries).toEqual([true]);
  });
});
