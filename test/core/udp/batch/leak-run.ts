/**
 * A process of its own that uses the batch engine in every way and then compares its open descriptors with those before. What it
 * finds goes to standard output as JSON. It must end by itself.
 */
import { once } from 'node:events';
import { closeSync, readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import type { BindOptions, UdpEngine, UdpSocket } from '../../../../src/core/udp/engine.ts';
import type { ServeOrder, Serving } from './serve-thread.ts';

const LOOPBACK: BindOptions = { address: '127.0.0.1', port: 0 };
const ROUNDS = 3;

/** What is open, without the numbers: these depend on which thread came first. */
function open(): string[] {
  const targets = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      // The descriptor of the listing itself.
      return [];
    }
  });
  return targets.toSorted();
}

async function echoed(engine: UdpEngine, to: UdpSocket['local'], options: Partial<BindOptions> = {}): Promise<void> {
  const client = await engine.bind({ ...LOOPBACK, ...options });
  await new Promise<void>((resolve) => {
    client.receive({ packet: () => resolve(), error: () => resolve() });
    client.send(new Uint8Array(10), 0, 10, to);
  });
  await client.close();
}

async function onEventLoop(): Promise<void> {
  const engine = createBatchEngine();
  const server = await engine.bind({ ...LOOPBACK, trains: true });
  server.receive({ packet: (buffer, offset, length, { from }) => server.send(buffer, offset, length, from), error: () => undefined });
  await Promise.all([echoed(engine, server.local), echoed(engine, server.local, { departures: true, trains: true })]);
  const refusals = [
    { ...LOOPBACK, port: server.local.port },
    { address: '192.0.2.1', port: 0 },
    { ...LOOPBACK, connect: { address: '::1', port: 9 } },
  ];
  const results = await Promise.allSettled(refusals.map((options) => engine.bind(options)));
  if (results.some(({ status }) => status === 'fulfilled')) throw new Error('a bind was to fail');
  await server.close();
  // And with nothing bound, nothing received, nothing sent.
  await createBatchEngine()
    .bind(LOOPBACK)
    .then((socket) => socket.close());
  await createBatchEngine()
    .bind({ address: '192.0.2.1', port: 0 })
    .catch(() => undefined);
}

async function inThread(order: Partial<ServeOrder>): Promise<void> {
  const stop = new SharedArrayBuffer(4);
  const workerData: ServeOrder = { sockets: 1, busyPoll: false, endless: false, trains: false, ...order, stop };
  const worker = new Worker(new URL('serve-thread.ts', import.meta.url), { workerData });
  const exited = once(worker, 'exit');
  const [{ ports, doorbell }] = (await once(worker, 'message')) as [Serving];
  const engine = createBatchEngine();
  for (const port of ports) await echoed(engine, { address: '127.0.0.1', port });
  Atomics.store(new Int32Array(stop), 0, 1);
  await exited;
  closeSync(doorbell);
}

async function everything(): Promise<void> {
  await onEventLoop();
  await inThread({});
  await inThread({ sockets: 5, trains: true });
  await inThread({ busyPoll: true });
}

// What node opens once for itself is opened now.
await everything();
const before = open();
for (let round = 0; round < ROUNDS; round++) await everything();
console.log(JSON.stringify({ before, after: open() }));
