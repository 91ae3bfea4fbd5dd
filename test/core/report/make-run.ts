/** Run documents for the tests, made the way the commands make them. */
import { buildRun } from '../../../src/core/report/run.ts';
import type { RunDocument, RunParts } from '../../../src/core/report/run.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

export function histogramOf(valuesNs: Iterable<number>): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (const value of valuesNs) histogram.record(value);
  return histogram;
}

/** 1000 packets of 10 µs, 20 µs … 10 ms, and one lost, unless `parts` says otherwise. */
export function makeRun(parts: Partial<RunParts> = {}): RunDocument {
  const latency = parts.latency ?? histogramOf(Array.from({ length: 1000 }, (_, i) => (i + 1) * 10_000));
  return buildRun({
    command: 'probe',
    version: '0.1.0',
    host: { hostname: 'lab', os: 'linux', kernel: '6.1.0', arch: 'x64', cpus: 2, cpu_model: 'a processor', node: '24.0.0' },
    startedAt: '2026-11-21T10:00:00.000Z',
    endedAt: '2026-11-21T10:00:10.000Z',
    durationSeconds: 10,
    options: { target: 'udp://127.0.0.1:4000', streams: 1 },
    latency,
    sendError: histogramOf([1_000, 2_000, 3_000]),
    hostDelay: null,
    counts: {
      totalChannels: 1,
      activeChannels: 0,
      sent: latency.count + 1,
      received: latency.count,
      lost: 1,
      late: 0,
      duplicates: 0,
      reordered: 0,
      inFlight: 0,
      socketDrops: null,
    },
    jitterMs: 0.5,
    rFactor: null,
    mos: null,
    quality: null,
    clock: 'user',
    engine: 'portable',
    match: 'header',
    verdict: 'pass',
    verdictReasons: [],
    series: [{ t: 0, sent: 100, received: 99, lost: 1, late: 0, p50: 1, p95: 2, p99: 3, max: 4 }],
    calls: [{ id: '1', jitter_ms: null, p50_latency: 1.5, counters: { sent: 1001, returned: 1000, lost: 1 } }],
    ...parts,
  });
}
