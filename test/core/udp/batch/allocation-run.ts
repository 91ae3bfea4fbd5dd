/**
 * A process of its own that has datagrams go round between two sockets and tells, as JSON on standard output, how much memory each
 * took that a collector would have to give back. To be run with --expose-gc and a young generation so large that it is not collected.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';

export interface AllocationOrder {
  readonly ownThread: boolean;
  readonly departures: boolean;
  readonly trains: boolean;
  /** Datagrams under way at once: how many a turn of the loop handles at most. */
  readonly window: number;
}

export interface Allocation {
  /** Received and sent again, so far as they were looked at. */
  readonly packets: number;
  readonly bytesPerPacket: number;
  /** Collections meanwhile, which make the other number worthless. */
  readonly collections: number;
}

/** Rounds until everything is compiled as well as it will be, and rounds that are looked at. */
const WARM = 30_000;
const LOOKED_AT = 50_000;

const order = JSON.parse(process.argv[2] ?? '{}') as AllocationOrder;
const collect = globalThis.gc;
if (collect === undefined) throw new Error('needs --expose-gc');

const collections: { readonly startTime: number }[] = [];
let fromMs = 0;
let toMs = Number.POSITIVE_INFINITY;
let usedBefore = 0;
let usedAfter = 0;
let rounds = 0;

const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

const engine = createBatchEngine({ ownThread: order.ownThread });
const trains = order.trains;
const server = engine.bindNow({ address: '127.0.0.1', port: 0, trains });
const client = engine.bindNow({ address: '127.0.0.1', port: 0, trains, connect: server.local, departures: order.departures });
const done = Promise.withResolvers<void>();
let departed = 0;

function fail(code: string): void {
  throw new Error(code);
}

server.receive({
  packet: (buffer, offset, length, { from }) => server.send(buffer, offset, length, from),
  error: fail,
});
client.receive({
  packet: (buffer, offset, length) => {
    rounds += 1;
    if (rounds === WARM) {
      collect();
      fromMs = performance.now();
      usedBefore = process.memoryUsage().heapUsed;
    }
    if (rounds === WARM + LOOKED_AT) {
      usedAfter = process.memoryUsage().heapUsed;
      toMs = performance.now();
      void server.close();
      void client.close();
      done.resolve();
    } else client.send(buffer, offset, length);
  },
  departed: (_first, count) => {
    departed += count;
  },
  error: fail,
});

const payload = new Uint8Array(172);
for (let i = 0; i < order.window; i++) client.send(payload, 0, payload.length);
if (order.ownThread) engine.serve({ goOn: () => !client.closed });
await done.promise;
collect();
// When this collection is reported, those before it have been.
while (!collections.some(({ startTime }) => startTime > toMs)) await setImmediate();
observer.disconnect();
if (order.departures && departed < rounds) throw new Error(`${departed} departures of ${rounds}`);
const packets = 2 * LOOKED_AT;
const report: Allocation = {
  packets,
  bytesPerPacket: (usedAfter - usedBefore) / packets,
  collections: collections.filter(({ startTime }) => startTime > fromMs && startTime < toMs).length,
};
console.log(JSON.stringify(report));
