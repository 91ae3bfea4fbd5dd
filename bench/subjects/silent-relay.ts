/**
 * Our relay without its recording, for what recording costs. As `relay.ts`:
 *
 *     node silent-relay.ts --calls N --range A-B --echo 127.0.0.1:4000 --peer-port PORT
 *
 * At SIGTERM it prints the part of a metrics document that tells it measured nothing.
 */
import { CallMemoryPool, TOTALS_BYTES } from '../../src/core/relay/numbers.ts';
import type { PlaneMessage, PlaneOrder, PlaneRequest } from '../../src/core/relay/plane-protocol.ts';
import type { PlaneThreadData } from '../../src/core/relay/plane-thread.ts';
import { PacketThread } from '../../src/core/udp/packet-thread.ts';
import { callerOf, relayArguments } from './relay-arguments.ts';

const { calls, range, echo, peerPort, engine } = relayArguments();
const data: PlaneThreadData = {
  settings: { bindAddress: '127.0.0.1', bufferBytes: null, echoSocket: 'shared', lossTimeoutNs: 2e9, lateThresholdNs: 3e6 },
  totals: new SharedArrayBuffer(TOTALS_BYTES),
};
const waiting: (() => void)[] = [];
const thread = new PacketThread<PlaneOrder, PlaneMessage>({
  module: 'silent-plane',
  base: import.meta.url,
  engine,
  data,
  answer: (message) => {
    if (message.kind !== 'answer') return;
    if (!message.answer.ok) throw new Error(message.answer.failure.message);
    waiting.shift()?.();
  },
});
await thread.up;

async function ask(request: PlaneRequest): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.push(resolve);
  thread.tell({ serial: 0, request });
  await promise;
}

const pool = new CallMemoryPool();
const ports = Array.from({ length: calls }, (_, i) => range.first + i);
for (const [id, port] of ports.entries()) {
  await ask({ kind: 'open', id, port, echo: { address: echo.host, port: echo.port }, block: pool.take().block });
  await ask({ kind: 'pin', id, peer: { address: callerOf(id), port: peerPort } });
}
process.stdout.write(`${JSON.stringify({ ready: true, ports })}\n`);
process.once('SIGTERM', () => void end());

async function end(): Promise<void> {
  await thread.stop();
  process.stdout.write(`${JSON.stringify({ total_latencies: 0, counters: { late_after_loss: 0 } })}\n`);
}
