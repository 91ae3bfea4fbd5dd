/**
 * A thread that echoes the datagrams of the first source at once and holds those of every other, for no less than the time it is
 * told. It keeps account of how long it really held each: from reading it to just before sending it back. The stamp is taken
 * before the send because the receiver may run before the send returns.
 */
import { createSocket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { raisePriority } from './priority.ts';

/** What it answers when it is told to stop. */
export interface HoldingReport {
  /** Source port of the stream that was not held. */
  readonly promptPort: number;
  readonly medianHoldMs: number;
}

const NS_PER_MS = 1e6;

const { holdMs } = workerData as { holdMs: number };
const port = parentPort!;
const holdsMs: number[] = [];
let promptPort = 0;
const socket = createSocket({ type: 'udp4', lookup: (address, _options, callback) => callback(null, address, 4) });

raisePriority(0);

function nowNs(): number {
  return performance.now() * NS_PER_MS;
}

socket.on('message', (message, from) => {
  if (promptPort === 0) promptPort = from.port;
  if (from.port === promptPort) {
    socket.send(message, from.port, from.address);
    return;
  }
  const atNs = nowNs();
  // A timer counts from when its turn of the event loop began, and may so end up to a millisecond early.
  setTimeout(() => {
    holdsMs.push((nowNs() - atNs) / NS_PER_MS);
    socket.send(message, from.port, from.address);
  }, holdMs + 1);
});
socket.bind(0, '127.0.0.1', () => port.postMessage(socket.address().port, []));
port.once('message', () => {
  socket.close();
  holdsMs.sort((a, b) => a - b);
  port.postMessage({ promptPort, medianHoldMs: holdsMs[Math.floor(holdsMs.length / 2)] ?? Number.NaN } satisfies HoldingReport, []);
});
