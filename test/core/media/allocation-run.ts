/**
 * A process of its own in which pairs of calls send each other tones through the batch engine, in a time that runs as fast as it can, and
 * that tells, as JSON on standard output, how much memory each packet and each call took. To be run with --expose-gc and a young
 * generation so large that it is not collected.
 */
import { PerformanceObserver, performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { codecOf } from '../../../src/core/audio/codec.ts';
import { renderLoop } from '../../../src/core/audio/tone.ts';
import { AT, MEDIA_TOTALS_BYTES, MediaMemoryPool, MediaTotals, numbersOf } from '../../../src/core/media/numbers.ts';
import type { PlaneSpec } from '../../../src/core/media/orders.ts';
import { MediaPlane } from '../../../src/core/media/plane.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';

export interface MediaAllocation {
  /** Sent, and received, so far as they were looked at. */
  readonly packets: number;
  readonly received: number;
  readonly bytesPerPacket: number;
  /** Heap and buffers of a call that is up. */
  readonly bytesPerCall: number;
  /** Collections while packets were looked at, which make that number worthless. */
  readonly collections: number;
}

const CALLS = 50;
/** Milliseconds of simulated time until everything is compiled as well as it will be, and that are looked at. */
const WARM_MS = 20_000;
const LOOKED_AT_MS = 40_000;

const collect = globalThis.gc;
if (collect === undefined) throw new Error('needs --expose-gc');

const collections: { readonly startTime: number }[] = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });

const engine = createBatchEngine({ ownThread: true });
let nowNs = 1e12;
const ports: (number | null)[] = [];
const plane = new MediaPlane({
  settings: { silenceNs: null, lateThresholdNs: 3e6 },
  totals: new MediaTotals(new SharedArrayBuffer(MEDIA_TOTALS_BYTES)),
  bind: (options) => engine.bindNow(options),
  nowNs: () => nowNs,
  unixNs: (at) => at + 1.7e18,
  random: () => 0.5,
  tell: (message) => {
    if (message.kind === 'done') ports.push(message.port);
    if (message.kind === 'failed') throw new Error(message.failure.message);
  },
});

const codec = codecOf('PCMU', 8000);
const tone = { parts: [{ frequenciesHz: [440], ms: Number.POSITIVE_INFINITY }], amplitude: 0.5, repeat: true };
const loop = codec === undefined ? undefined : renderLoop(tone, codec);
if (loop === undefined) throw new Error('no loop');

function specOf(id: number): PlaneSpec {
  return {
    port: 0,
    bindAddress: '127.0.0.1',
    rtcp: 'mux',
    remote: { address: '0.0.0.0', port: 0 },
    remoteRtcp: undefined,
    codec: { name: 'PCMU', payloadType: 0, clockRateHz: 8000 },
    dtmfPayloadType: 101,
    inBandDtmf: id % 4 === 0,
    ptimeMs: 20,
    direction: 'sendrecv',
    action: { kind: 'loop', loop: loop as NonNullable<typeof loop>, durationMs: 1e9 },
    symmetric: 'never',
    signallingAddress: '127.0.0.1',
    cname: 'a@b',
    ssrc: id,
    sequence: id,
    timestamp: id,
  };
}

function used(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const pool = new MediaMemoryPool();
const blocks = Array.from({ length: CALLS }, () => pool.take());
// What all calls share is there before the first of them is looked at.
engine.bindNow({ address: '127.0.0.1', port: 0 });
collect();
await setImmediate();
collect();
const beforeCalls = used();
for (const [id, block] of blocks.entries()) plane.take({ serial: 0, request: { kind: 'open', id, spec: specOf(id), block } });
for (let id = 0; id < CALLS; id++) {
  const remote = { address: '127.0.0.1', port: ports[id ^ 1] ?? 0 };
  plane.take({ serial: 0, request: { kind: 'update', id, change: { remote } } });
  plane.take({ serial: 0, request: { kind: 'start', id } });
}
const sum = (index: number): number => blocks.reduce((total, block) => total + (numbersOf(block)[index] as number), 0);

let ms = 0;
let untilMs = WARM_MS;
const goOn = (): boolean => {
  ms += 1;
  nowNs += 1e6;
  plane.tick();
  return ms < untilMs;
};
// Always due: the engine never sleeps.
const serving = { goOn, dueNs: () => 1 };
engine.run(serving);
collect();
const bytesPerCall = (used() - beforeCalls) / CALLS;
const [sentBefore, receivedBefore] = [sum(AT.sent), sum(AT.received)];
untilMs += LOOKED_AT_MS;
const fromMs = performance.now();
const heapBefore = process.memoryUsage().heapUsed;
engine.run(serving);
const heapAfter = process.memoryUsage().heapUsed;
const toMs = performance.now();
const packets = sum(AT.sent) - sentBefore;
engine.close();
collect();
// When this collection is reported, those before it have been.
while (!collections.some(({ startTime }) => startTime > toMs)) await setImmediate();
observer.disconnect();
const report: MediaAllocation = {
  packets,
  received: sum(AT.received) - receivedBefore,
  bytesPerPacket: (heapAfter - heapBefore) / packets,
  bytesPerCall,
  collections: collections.filter(({ startTime }) => startTime > fromMs && startTime < toMs).length,
};
console.log(JSON.stringify(report));
