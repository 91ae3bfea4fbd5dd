/** A thread that echoes on a batch engine of its own until it is told to stop, and then ends by itself. */
import { parentPort, workerData } from 'node:worker_threads';
import { createBatchEngine } from '../../../../src/core/udp/batch/engine.ts';
import { loadLibc } from '../../../../src/core/udp/batch/libc.ts';
import type { Libc } from '../../../../src/core/udp/batch/libc.ts';

export interface ServeOrder {
  readonly sockets: number;
  readonly busyPoll: boolean;
  /** Nothing but a datagram or the doorbell ends its sleeps, not their own time-out. */
  readonly endless: boolean;
  readonly trains: boolean;
  /** One Int32: 0 to go on, 1 to stop. */
  readonly stop: SharedArrayBuffer;
}

export interface Serving {
  readonly ports: readonly number[];
  readonly doorbell: number;
}

/** For ever as a test sees it; a thread cannot be ended from outside while it sleeps. */
const FOREVER_MS = 20_000;

const { sockets, busyPoll, endless, trains, stop } = workerData as ServeOrder;
const flag = new Int32Array(stop);
const real = loadLibc();
const libc: Libc = endless
  ? { ...real, epoll_wait: (epoll, events, count, timeoutMs) => real.epoll_wait(epoll, events, count, timeoutMs === 0 ? 0 : FOREVER_MS) }
  : real;

const engine = createBatchEngine({ libc, ownThread: true, busyPoll });
const ports = Array.from({ length: sockets }, () => {
  const socket = engine.bindNow({ address: '127.0.0.1', port: 0, trains });
  socket.receive({
    packet: (buffer, offset, length, { from }) => socket.send(buffer, offset, length, from),
    ...(trains && {
      train: (buffer, offset, length, segment, { from }) => socket.send(buffer, offset, length, from, segment),
    }),
    error: (code) => {
      throw new Error(code);
    },
  });
  return socket.local.port;
});
parentPort?.postMessage({ ports, doorbell: engine.doorbell } satisfies Serving, []);
engine.serve({ goOn: () => Atomics.load(flag, 0) === 0 });
