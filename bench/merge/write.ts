/** Run files as `rtplat probe` writes them: 20 streams for 100 seconds, 100,000 round trips each, no two files alike. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { probeRun } from '../../src/core/probe/document.ts';
import { SeededRandom } from '../../src/core/probe/random.ts';
import type { ProbeResult } from '../../src/core/probe/result.ts';
import { summarize } from '../../src/core/report/latency-summary.ts';
import { renderJson } from '../../src/core/report/render/json.ts';
import type { CallRow, RunHost } from '../../src/core/report/run.ts';
import { SecondSeries } from '../../src/core/report/series.ts';
import { LatencyHistogram } from '../../src/core/stats/histogram.ts';

const STREAMS = 20;
const SECONDS = 100;
const INTERVAL_NS = 20_000_000;
const PACKETS_PER_STREAM = (SECONDS * 1e9) / INTERVAL_NS;
export const SAMPLES: number = STREAMS * PACKETS_PER_STREAM;
const LATE_NS = 3_000_000;
const TIMEOUT_NS = 2e9;
const HOST: RunHost = { hostname: 'lab', os: 'linux', kernel: '6.1.0', arch: 'x64', cpus: 2, cpu_model: 'a processor', node: '24.0.0' };
const TARGET = { address: '192.0.2.1', port: 4000 };

/** Quantiles of a distribution, to draw from. */
const TABLE_BITS = 16;

/**
 * Writes `run-0000.json` and so on.
 *
 * @param distinct how many of them differ; the others repeat them.
 * @returns the histogram of each, base64.
 */
export function writeRuns(folder: string, count: number, distinct: number): readonly string[] {
  mkdirSync(folder, { recursive: true });
  const latencies = logNormal(180_000, 0.5);
  const errors = logNormal(15_000, 0.8);
  const made: { readonly text: string; readonly histogram: string }[] = [];
  return Array.from({ length: count }, (_, i) => {
    if (i < distinct) {
      const run = probeRun(resultOf(i + 1, latencies, errors), {
        version: '0.1.0',
        host: HOST,
        startedAt: '2026-11-21T10:00:00.000Z',
        endedAt: '2026-11-21T10:01:42.000Z',
        target: 'udp://192.0.2.1:4000',
        engineReason: 'recvmmsg and sendmmsg',
      });
      made.push({ text: renderJson(run), histogram: run.histogram.data });
    }
    const { text, histogram } = made[i % distinct] ?? { text: '', histogram: '' };
    writeFileSync(path.join(folder, `run-${String(i).padStart(4, '0')}.json`), text);
    return histogram;
  });
}

/** The histograms as a log that HdrHistogram reads, one an interval. */
export function histogramLog(histograms: readonly string[]): string {
  const head = ['#[Histogram log format version 1.3]', '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"'];
  return `${[...head, ...histograms.map((data, i) => `${i * SECONDS}.000,${SECONDS}.000,1.000,${data}`)].join('\n')}\n`;
}

function resultOf(seed: number, latencies: Float64Array, errors: Float64Array): ProbeResult {
  const random = new SeededRandom(seed);
  const factor = 0.8 + (random.uint32() / 2 ** 32) * 0.4;
  const latency = new LatencyHistogram();
  const sendError = new LatencyHistogram();
  const ofStream = Array.from({ length: STREAMS }, () => ({ latency: new LatencyHistogram(), late: 0 }));
  const series = new SecondSeries(TIMEOUT_NS);
  for (let n = 0; n < PACKETS_PER_STREAM; n++) {
    for (let i = 0; i < STREAMS; i++) {
      const drawn = random.uint32();
      const valueNs = Math.round((latencies[drawn >>> (32 - TABLE_BITS)] ?? 0) * factor) + (drawn & 0x1ff);
      const dueNs = n * INTERVAL_NS + (i * INTERVAL_NS) / STREAMS;
      const stream = ofStream[i];
      latency.record(valueNs);
      sendError.record(errors[random.uint32() >>> (32 - TABLE_BITS)] ?? 0);
      stream?.latency.record(valueNs);
      if (stream !== undefined && valueNs > LATE_NS) stream.late += 1;
      series.sent(dueNs);
      series.received(dueNs, valueNs, valueNs > LATE_NS);
    }
    series.settle(n * INTERVAL_NS);
  }
  const late = ofStream.reduce((sum, stream) => sum + stream.late, 0);
  return {
    ...NOTHING_AMISS,
    sent: SAMPLES,
    received: SAMPLES,
    late,
    targets: [TARGET],
    options: {
      streams: STREAMS,
      intervalNs: INTERVAL_NS,
      ptimeNs: INTERVAL_NS,
      durationNs: SECONDS * 1e9,
      timeoutNs: TIMEOUT_NS,
      lateThresholdNs: LATE_NS,
      seed,
      bufferBytes: 2 ** 21,
    },
    latency,
    sendError,
    series: series.finish(SECONDS * 1e9 + TIMEOUT_NS, 0),
    streams: ofStream.map((stream, i) => callRow(stream.latency, stream.late, random.uint32(), 40_000 + i)),
  };
}

const NOTHING_AMISS = {
  lost: 0,
  inFlight: 0,
  lateAfterLoss: 0,
  duplicates: 0,
  reordered: 0,
  unmatched: 0,
  otherSsrc: 0,
  malformed: 0,
  sendErrors: 0,
  engine: 'batch',
  clock: 'kernel',
  durationNs: SECONDS * 1e9,
  aborted: false,
  hostDelay: null,
  unstamped: 0,
  jitterMs: 0.071_234,
  socketDrops: 0,
  receiveBufferBytes: 2 ** 21,
  sendBufferBytes: 2 ** 21,
  refusals: 0,
  lastError: null,
} as const;

function callRow(latency: LatencyHistogram, late: number, ssrc: number, port: number): CallRow {
  const { count } = latency;
  return {
    id: ssrc.toString(16).padStart(8, '0'),
    port,
    jitter_ms: 0.071_234,
    ...summarize(latency, { lateCount: late, returned: count, lost: 0 }),
    counters: {
      sent: count,
      returned: count,
      lost: 0,
      in_flight: 0,
      late,
      late_after_loss: 0,
      duplicates: 0,
      reordered: 0,
      unmatched: 0,
      malformed: 0,
      send_errors: 0,
    },
  };
}

/** Drawn and sorted: a value for each of the 65,536 quantiles. */
function logNormal(medianNs: number, sigma: number): Float64Array {
  const random = new SeededRandom(medianNs);
  const uniform = (): number => (random.uint32() + 0.5) / 2 ** 32;
  const normal = (): number => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  return Float64Array.from({ length: 2 ** TABLE_BITS }, () => medianNs * Math.exp(sigma * normal())).toSorted();
}
