/** Calls that have ended, and what they measured, with changes. */
import type { CallOutcome } from '../../../src/core/caller/outcome.ts';
import type { ProbeResult } from '../../../src/core/probe/result.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const MS = 1e6;

export function histogramOf(count: number, valueNs: number): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let i = 0; i < count; i++) histogram.record(valueNs);
  return histogram;
}

/** 500 packets, all of which came back after 5 ms. */
export function mediaWith(changes: Partial<ProbeResult> = {}): ProbeResult {
  return {
    ...{ sent: 500, received: 500, lost: 0, inFlight: 0, late: 0, lateAfterLoss: 0, duplicates: 0, reordered: 0 },
    ...{ unmatched: 0, otherSsrc: 0, malformed: 0, sendErrors: 0 },
    targets: [{ address: '192.0.2.10', port: 30_000 }],
    options: {
      ...{ streams: 1, intervalNs: 20 * MS, ptimeNs: 20 * MS, durationNs: 10e9, timeoutNs: 2e9 },
      ...{ lateThresholdNs: 3 * MS, seed: 1, bufferBytes: 65_536 },
    },
    engine: 'portable',
    clock: 'user',
    durationNs: 10e9,
    aborted: false,
    latency: histogramOf(500, 5 * MS),
    sendError: histogramOf(500, 0.1 * MS),
    hostDelay: null,
    unstamped: null,
    jitterMs: 0.5,
    socketDrops: 0,
    ...{ receiveBufferBytes: 65_536, sendBufferBytes: 65_536, refusals: 0, lastError: null },
    series: [],
    streams: [{ id: '0000abcd', port: 20_000, counters: { sent: 500, returned: 500, lost: 0 }, packet_loss_ratio: 0, p50_latency: 5 }],
    ...changes,
  };
}

/** A call that went as it should. */
export function callWith(changes: Partial<CallOutcome> = {}): CallOutcome {
  return {
    number: 1,
    callId: 'abc@192.0.2.1',
    startedAt: '2026-11-21T10:00:00.000Z',
    endedAt: '2026-11-21T10:00:10.000Z',
    ...{ port: 20_000, peer: '192.0.2.10:30000', codec: 'PCMU', ptimeMs: 20 },
    ...{ requestDelayMs: 20, earlyMediaMs: null, answeredMs: 100, endingMs: 10_100, disconnectMs: 5, endedMs: 10_105 },
    ...{ status: 200, cause: null, end: 'hung-up', problem: null, stopped: false },
    media: mediaWith(),
    rtcp: null,
    ...changes,
  };
}

/** A call that was never answered. */
export function refusedWith(changes: Partial<CallOutcome> = {}): CallOutcome {
  return callWith({
    ...{ peer: null, codec: null, ptimeMs: null, answeredMs: null, endingMs: null, disconnectMs: null, endedMs: 30 },
    ...{ status: 486, cause: '486 Busy Here', end: 'refused', problem: 'busy (486 Busy Here)', media: null },
    ...changes,
  });
}
