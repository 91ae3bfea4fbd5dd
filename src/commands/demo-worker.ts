/** A thread of the demo: the echo, or the relay with its calls. Each has an event loop of its own, as the two programs would have. */
import { parentPort, workerData } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { EchoService } from '../core/echo/echo.ts';
import { messageOf, RtplatError } from '../core/errors.ts';
import { RelayFleet } from '../core/relay/fleet.ts';
import type { RelayCall } from '../core/relay/fleet.ts';
import { DEFAULT_LOSS_TIMEOUT_NS } from '../core/relay/tracker.ts';
import { createLogger } from '../core/service/log.ts';
import { DEFAULT_LATE_THRESHOLD_NS } from '../core/stats/late.ts';
import type { Endpoint } from '../core/udp/engine.ts';
import { DEFAULT_BUFFER_BYTES } from '../core/udp/defaults.ts';
import { createPortableEngine } from '../core/udp/portable.ts';
import type { DemoAnswer, DemoRequest, DemoRole } from './demo-protocol.ts';

const LOOPBACK = '127.0.0.1';
/** The default range of `ari-serve`. */
const RANGE = { first: 10_000, last: 10_100 };

type Handler = (request: DemoRequest) => Promise<DemoAnswer>;

async function startEcho(): Promise<{ readonly endpoints: readonly Endpoint[]; readonly handle: Handler }> {
  const echo = new EchoService({ engine: createPortableEngine(), addresses: [LOOPBACK], port: 0, bufferBytes: DEFAULT_BUFFER_BYTES });
  const { local } = await echo.start();
  return {
    endpoints: [local],
    handle: async () => {
      await echo.stop();
      return { kind: 'finished', relay: null };
    },
  };
}

async function startRelay(echo: Endpoint, count: number): Promise<{ readonly endpoints: readonly Endpoint[]; readonly handle: Handler }> {
  const engine = createPortableEngine();
  const fleet = new RelayFleet({
    engine,
    range: RANGE,
    bindAddress: LOOPBACK,
    echo: () => echo,
    bufferBytes: DEFAULT_BUFFER_BYTES,
    lossTimeoutNs: DEFAULT_LOSS_TIMEOUT_NS,
    lateThresholdNs: DEFAULT_LATE_THRESHOLD_NS,
    // What goes wrong reaches the main thread as a failure; the rest is not what the demo is about.
    log: createLogger({ format: 'text', level: 'error', write: () => undefined }),
  });
  const calls: RelayCall[] = [];
  const endpoints: Endpoint[] = [];
  for (let n = 1; n <= count; n++) {
    const call = fleet.open(`call-${n}`, `demo/caller-${n}`);
    calls.push(call);
    endpoints.push({ address: LOOPBACK, port: await call.bind() });
  }
  return {
    endpoints,
    handle: async (request) => {
      if (request.kind === 'pin') {
        for (const [i, peer] of request.peers.entries()) calls[i]?.pin(peer);
        return { kind: 'pinned' };
      }
      const relay = { metrics: fleet.metrics(), calls: fleet.register.documents(engine.nowNs()) };
      await Promise.all(calls.map((call) => call.release()));
      for (const call of calls) call.close('completed', 'the demo ended');
      fleet.stop();
      return { kind: 'finished', relay };
    },
  };
}

function failure(error: unknown): DemoAnswer {
  if (error instanceof RtplatError) return { kind: 'failed', code: error.code, message: error.message, hint: error.hint };
  return { kind: 'failed', code: null, message: messageOf(error), hint: '' };
}

/** Answers until it is told to finish. */
async function serve(port: MessagePort, role: DemoRole): Promise<void> {
  const { endpoints, handle } = await (role.kind === 'echo' ? startEcho() : startRelay(role.echo, role.calls));
  port.on('message', (request: DemoRequest) => {
    void answer(port, handle, request);
  });
  tell(port, { kind: 'ready', endpoints });
}

async function answer(port: MessagePort, handle: Handler, request: DemoRequest): Promise<void> {
  try {
    const answered = await handle(request);
    tell(port, answered);
    if (answered.kind === 'finished') port.close();
  } catch (error) {
    tell(port, failure(error));
  }
}

function tell(port: MessagePort, message: DemoAnswer): void {
  port.postMessage(message, []);
}

if (parentPort !== null) {
  const port = parentPort;
  try {
    await serve(port, workerData as DemoRole);
  } catch (error) {
    tell(port, failure(error));
  }
}
