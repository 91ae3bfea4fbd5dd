/**
 * The library in a page: an echo, a port of a range as a bound socket, RTP sent at its deadlines, each echo matched with its
 * packet, and the numbers. Run it after a build: node examples/measure.ts
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPortableEngine,
  createRtpPacket,
  EchoService,
  LatencyHistogram,
  LatencyTracker,
  parseRtp,
  PortAllocator,
  RTP_HEADER_BYTES,
  RtplatError,
  writeRtpHeader,
} from 'rtplat';

const PACKETS = 100;
const PTIME_NS = 10e6;
const SSRC = 0x0a0b0c0d;

const engine = createPortableEngine();
const echo = new EchoService({ engine, addresses: ['127.0.0.1'], port: 0, bufferBytes: 1 << 20 });
const { local: far } = await echo.start();

// A port is a bound socket from the moment it is handed out; one that another process has is passed over.
const ports = new PortAllocator({
  range: { first: 10_000, last: 10_100 },
  bind: async (port) => {
    try {
      return await engine.bind({ address: '127.0.0.1', port });
    } catch (error) {
      if (error instanceof RtplatError && error.code === 'bind') return 'in-use';
      throw error;
    }
  },
});
const lease = await ports.allocate(engine.nowNs());
if (lease === 'exhausted' || lease === 'stopped') throw new Error(`no port: ${lease}`);

const tracker = new LatencyTracker({ timeoutNs: 1e9 });
const latency = new LatencyHistogram();
const received = createRtpPacket();
lease.socket.receive({
  packet: (buffer, offset, length, { atNs }) => {
    if (parseRtp(buffer, offset, length, received) !== undefined) return;
    const latencyNs = tracker.returned(received.ssrc, received.sequence, atNs);
    if (latencyNs >= 0) latency.record(latencyNs);
  },
  error: (code, message) => console.error(code, message),
});

const packet = new Uint8Array(RTP_HEADER_BYTES + 80).fill(0xff);
const startNs = engine.nowNs();
for (let n = 0; n < PACKETS; n++) {
  // Deadlines, not intervals: the n-th packet is due at start + n × ptime, and its latency counts from there.
  const dueNs = startNs + n * PTIME_NS;
  await sleep(Math.max(0, (dueNs - engine.nowNs()) / 1e6));
  writeRtpHeader(packet, 0, { marker: n === 0, payloadType: 0, sequence: n, timestamp: n * 80, ssrc: SSRC });
  tracker.sent(SSRC, n, dueNs);
  lease.socket.send(packet, 0, packet.length, far);
}
while (tracker.inFlight > 0) {
  await sleep(10);
  tracker.expire(engine.nowNs());
}

const { sent, returned, lost } = tracker.counters();
const ms = (ns: number | null): string => (ns === null ? '–' : (ns / 1e6).toFixed(3));
console.log(`port ${lease.port}: ${sent} sent, ${returned} returned, ${lost} lost`);
console.log(`latency p50 ${ms(latency.quantileNs(0.5))} ms, p99 ${ms(latency.quantileNs(0.99))} ms, max ${ms(latency.maxNs)} ms`);

ports.drain(lease);
await ports.release(lease);
await echo.stop();
