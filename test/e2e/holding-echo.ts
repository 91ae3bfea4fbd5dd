/**
 * A thread that echoes the datagrams of the first source at once and holds those of every other for a known time. It keeps
 * account of how long it really held each: from reading it to just before sending it back. The stamp is taken before the send
 * because the receiver may run before the send returns.
 */
import { createSocket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { Pacer } from '../../src/core/probe/pacer.ts';
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
const held: { message: Buffer; port: number; address: string; atNs: number }[] = [];
const holdsMs: number[] = [];
let promptPort = 0;
const socket = createSocket({ type: 'udp4', lookup: (address, _options, callback) => callback(null, address, 4) });

raisePriority(0);

function nowNs(): number {
  return performance.now() * NS_PER_MS;
}

function nextDue(): number | null {
  const first = held[0];
  return first === undefined ? null : first.atNs + holdMs * NS_PER_MS;
}

const pacer = new Pacer({
  nowNs,
  due: () => {
    const first = held.shift();
    if (first !== undefined) {
      holdsMs.push((nowNs() - first.atNs) / NS_PER_MS);
      socket.send(first.message, first.port, first.address);
    }
    return nextDue();
  },
});

socket.on('message', (message, from) => {
  if (promptPort === 0) promptPort = from.port;
  if (from.port === promptPort) {
    socket.send(message, from.port, from.address);
    return;
  }
  held.push({ message, port: from.port, address: from.address, atNs: nowNs() });
  const due = nextDue();
  if (held.length === 1 && due !== null) pacer.start(due);
});
socket.bind(0, '127.0.0.1', () => port.postMessage(socket.address().port, []));
port.once('message', () => {
  pacer.stop();
  socket.close();
  holdsMs.sort((a, b) => a - b);
  port.postMessage({ promptPort, medianHoldMs: holdsMs[Math.floor(holdsMs.length / 2)] ?? Number.NaN } satisfies HoldingReport, []);
});
