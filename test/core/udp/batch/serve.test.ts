/** The batch engine in a thread of its own, which blocks in the kernel. */
import { once } from 'node:events';
import { closeSync, readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import { collect, sendText, textOf } from '../collector.ts';
import { LOOPBACK, worldOf } from '../world.ts';
import type { ServeOrder, Serving } from './serve-thread.ts';

/** Ten times the longest sleep: what a busy machine makes of it. */
const STOPPED_WITHIN_MS = 1000;
/** Datagrams that are under way at once under load. */
const WINDOW = 64;

const world = worldOf(createBatchEngine());
const started: Worker[] = [];

afterEach(async () => {
  await Promise.all(started.splice(0).map((worker) => worker.terminate()));
});

interface Thread extends Serving {
  /** @returns how long it took to end, ms. */
  readonly stop: () => Promise<number>;
}

async function thread(order: Partial<ServeOrder>): Promise<Thread> {
  const stop = new SharedArrayBuffer(4);
  const flag = new Int32Array(stop);
  const workerData: ServeOrder = { sockets: 1, busyPoll: false, endless: false, trains: false, ...order, stop };
  const worker = new Worker(new URL('serve-thread.ts', import.meta.url), { workerData });
  started.push(worker);
  const exited = once(worker, 'exit');
  const [serving] = (await once(worker, 'message')) as [Serving];
  return {
    ...serving,
    stop: async () => {
      const before = performance.now();
      Atomics.store(flag, 0, 1);
      expect(await exited).toEqual([0]);
      closeSync(serving.doorbell);
      return performance.now() - before;
    },
  };
}

/** Every socket of the thread sends back what it gets. */
async function expectEcho({ ports }: Serving): Promise<void> {
  const client = await world.bound(LOOPBACK);
  const atClient = collect(client);
  for (const port of ports) sendText(client, `to ${port}`, { address: '127.0.0.1', port });
  await atClient.received(ports.length);
  expect(atClient.packets.map((arrival) => `${arrival.from.port} ${textOf(arrival)}`).toSorted()).toEqual(
    ports.map((port) => `${port} to ${port}`).toSorted(),
  );
}

/** Keeps the sockets of a thread busy until this process ends or closes its socket. @returns how to wait for n echoes. */
async function load({ ports }: Serving): Promise<(count: number) => Promise<void>> {
  const client = await world.bound({ ...LOOPBACK, trains: true });
  let echoes = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let reached = (): void => undefined;
  client.receive({
    packet: (buffer, offset, length, { from }) => {
      echoes += 1;
      client.send(buffer, offset, length, from);
      if (echoes === wanted) reached();
    },
    error: (code) => expect.fail(code),
  });
  const payload = new Uint8Array(172);
  for (let i = 0; i < WINDOW; i++) client.send(payload, 0, payload.length, { address: '127.0.0.1', port: ports[i % ports.length]! });
  return async (count) => {
    await new Promise<void>((resolve) => {
      wanted = count;
      reached = resolve;
    });
  };
}

describe('a thread that serves', () => {
  it.each([
    { what: 'one socket', sockets: 1, busyPoll: false },
    { what: 'many sockets', sockets: 50, busyPoll: false },
    { what: 'one socket without ever sleeping', sockets: 1, busyPoll: true },
    { what: 'many sockets without ever sleeping', sockets: 50, busyPoll: true },
    { what: 'no socket yet', sockets: 0, busyPoll: false },
  ])('$what echoes and stops when it is told to, idle', async ({ sockets, busyPoll }) => {
    const serving = await thread({ sockets, busyPoll });
    await expectEcho(serving);
    expect(await serving.stop()).toBeLessThan(STOPPED_WITHIN_MS);
  });

  it.each([
    { what: 'one socket', sockets: 1, busyPoll: false, trains: false },
    { what: 'one socket with trains', sockets: 1, busyPoll: false, trains: true },
    { what: 'many sockets', sockets: 50, busyPoll: false, trains: false },
    { what: 'one socket without ever sleeping', sockets: 1, busyPoll: true, trains: false },
  ])('$what stops when it is told to, in the middle of load', async ({ sockets, busyPoll, trains }) => {
    const serving = await thread({ sockets, busyPoll, trains });
    const echoes = await load(serving);
    await echoes(5000);
    expect(await serving.stop()).toBeLessThan(STOPPED_WITHIN_MS);
  });

  it.each([1, 50])('stops when rung for, however deep it sleeps (%i sockets)', async (sockets) => {
    const serving = await thread({ sockets, endless: sockets > 1 });
    await expectEcho(serving);
    const ended = serving.stop();
    const libc = loadLibc();
    const one = new BigUint64Array([1n]);
    expect(libc.write(serving.doorbell, libc.addressOf(new Uint8Array(one.buffer)), 8)).toBe(8);
    expect(await ended).toBeLessThan(STOPPED_WITHIN_MS);
  });

  it('gives the ports back when it has ended', async () => {
    const serving = await thread({ sockets: 3 });
    await serving.stop();
    for (const port of serving.ports) {
      const again = await world.bound({ address: '127.0.0.1', port });
      expect(again.local.port).toBe(port);
    }
  });
});

/** The same calls on the thread of the test: nothing else runs meanwhile. */
describe('serving', () => {
  /** So many sleeps without a datagram are a test that has failed. */
  const MOST_TURNS = 50;

  it('takes up sockets that are bound, and lets go of those that are closed, between two turns', () => {
    const engine = createBatchEngine({ ownThread: true });
    const came: string[] = [];
    const bind = (name: string): ReturnType<typeof engine.bindNow> => {
      const socket = engine.bindNow(LOOPBACK);
      socket.receive({
        packet: (buffer, offset, length) => came.push(`${name}: ${new TextDecoder().decode(buffer.subarray(offset, offset + length))}`),
        error: (code) => came.push(`${name}: ${code}`),
      });
      return socket;
    };
    const first = bind('first');
    let second: ReturnType<typeof bind> | undefined;
    const steps = [
      () => sendText(first, 'alone', first.local),
      () => {
        second = bind('second');
        sendText(first, 'welcome', second.local);
      },
      () => {
        void first.close();
        sendText(second!, 'alone again', second!.local);
      },
      () => {
        void second!.close();
        const third = bind('third');
        sendText(third, 'after all others', third.local);
      },
    ];
    let turns = 0;
    let taken = 0;
    engine.serve({
      goOn: () => {
        if (came.length === steps.length) return false;
        // Each step follows upon what came of the one before.
        if (came.length === taken) steps[taken++]!();
        turns += 1;
        return turns < MOST_TURNS;
      },
    });
    expect(came).toEqual(['first: alone', 'second: welcome', 'second: alone again', 'third: after all others']);
  });

  it('closes everything when a receiver throws, and throws that', () => {
    const open = (): string[] => readdirSync('/proc/self/fd');
    const before = open().length;
    for (const sockets of [1, 3]) {
      const engine = createBatchEngine({ ownThread: true });
      const all = Array.from({ length: sockets }, () => engine.bindNow({ ...LOOPBACK, departures: true }));
      for (const socket of all) {
        socket.receive({
          packet: () => {
            throw new Error('a receiver’s own');
          },
          error: (code) => expect.fail(code),
        });
      }
      sendText(all[0]!, 'boo', all[0]!.local);
      let turns = 0;
      expect(() => engine.serve({ goOn: () => turns++ < MOST_TURNS })).toThrow('a receiver’s own');
      expect(all.every(({ closed }) => closed)).toBe(true);
    }
    expect(open().length).toBe(before);
  });

  it('leaves nothing open when it never came to that', () => {
    const before = readdirSync('/proc/self/fd').length;
    const engine = createBatchEngine({ ownThread: true });
    const { port } = engine.bindNow(LOOPBACK).local;
    expect(() => engine.bindNow({ address: '127.0.0.1', port })).toThrow('EADDRINUSE');
    engine.close();
    engine.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  it('works for longer than one turn with more to read than one turn takes', () => {
    const engine = createBatchEngine({ ownThread: true });
    const [server, client, idle] = [engine.bindNow(LOOPBACK), engine.bindNow(LOOPBACK), engine.bindNow(LOOPBACK)];
    const numbers: number[] = [];
    server.receive({
      packet: (buffer, offset) => numbers.push(buffer[offset]! + 256 * buffer[offset + 1]!),
      error: (code) => expect.fail(code),
    });
    idle.receive({ packet: () => expect.fail('nobody sent'), error: (code) => expect.fail(code) });
    const count = 1000;
    for (let i = 0; i < count; i++) client.send(Uint8Array.of(i & 255, i >>> 8), 0, 2, server.local);
    let turns = 0;
    engine.serve({ goOn: () => numbers.length < count && turns++ < count });
    expect(numbers).toEqual(Array.from({ length: count }, (_, i) => i));
  });
});
