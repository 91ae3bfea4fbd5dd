/** A metrics document and a call of a service for the tests. */
import { summarize } from '../../../src/core/report/latency-summary.ts';
import type { CallDocument, MetricsDocument, RelayCounters } from '../../../src/core/report/metrics.ts';
import type { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const NO_PACKETS: RelayCounters = {
  from_peer: 0,
  bytes_from_peer: 0,
  from_echo: 0,
  to_peer: 0,
  sent: 0,
  returned: 0,
  lost: 0,
  in_flight: 0,
  late: 0,
  late_from_peer: 0,
  late_after_loss: 0,
  duplicates: 0,
  duplicates_sent: 0,
  reordered: 0,
  unmatched: 0,
  untracked: 0,
  malformed: 0,
  rejected_source: 0,
  send_errors: 0,
};

export function makeCounters(counters: Partial<RelayCounters> = {}): RelayCounters {
  return { ...NO_PACKETS, ...counters };
}

/** Every sample of the histogram returned, `lost` beside them. */
export function makeMetrics(latency: LatencyHistogram, lost: number): MetricsDocument {
  const returned = latency.count;
  return {
    ...summarize(latency, { lateCount: 0, returned, lost }),
    total_channels: 3,
    active_channels: 1,
    peak_channels: 2,
    counters: makeCounters({ from_peer: returned + lost, sent: returned + lost, returned, lost }),
    calls_refused: 0,
    calls_failed: 0,
    ports: { total: 101, free: 100, bound: 1, draining: 0, foreign: 0 },
    socket_drops: null,
    uptime_seconds: 12.5,
    clock: 'user',
    engine: 'batch',
    engine_reason: 'asked for',
    host_delay_ms: { p50: 0.031, p99: 0.249, max: 1.874 },
    unstamped: 2,
    stray_echoes: 0,
  };
}

export function makeCall(latency: LatencyHistogram, call: Partial<CallDocument> = {}): CallDocument {
  return {
    ...summarize(latency, { lateCount: 0, returned: latency.count, lost: 0 }),
    id: '1756544841.212',
    name: 'PJSIP/alice-00000001',
    sip_call_id: null,
    inside_ms: { out: 0.08, back: 0.04 },
    state: 'up',
    port: 10_000,
    peer: '127.0.0.1:12000',
    started_at: '2026-11-21T10:00:00.000Z',
    ended_at: null,
    duration_seconds: 3,
    setup_ms: 12.5,
    first_packet_ms: 30,
    jitter_ms: 0.25,
    counters: makeCounters({ sent: latency.count, returned: latency.count }),
    end_reason: null,
    ...call,
  };
}
