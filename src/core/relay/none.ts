/** The numbers of a service that relays no call: counts are 0, and what would have been measured is null. Pure. */
import { NO_LATENCY } from '../report/latency-summary.ts';
import type { MetricsDocument, PortCounts } from '../report/metrics.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { EngineSelection } from '../udp/select.ts';
import { zeroCounters } from './counters.ts';
import type { RelayFleet } from './fleet.ts';
import { CallRegister } from './register.ts';

/** What is read of a {@link RelayFleet}. */
export type RelayNumbers = Pick<
  RelayFleet,
  'call' | 'calls' | 'histogram' | 'hostDelay' | 'interruptions' | 'metrics' | 'recent' | 'register' | 'series'
>;

const NO_PORTS: PortCounts = { total: 0, free: 0, bound: 0, draining: 0, foreign: 0 };

/** @param uptimeSeconds since the service started. */
export function noRelay(selection: EngineSelection, uptimeSeconds: () => number): RelayNumbers {
  return {
    register: new CallRegister(),
    histogram: new LatencyHistogram(),
    hostDelay: null,
    interruptions: 0,
    call: () => undefined,
    calls: () => [],
    recent: () => [],
    series: () => Promise.resolve([]),
    metrics: (): MetricsDocument => ({
      total_channels: 0,
      active_channels: 0,
      peak_channels: 0,
      ...NO_LATENCY,
      counters: zeroCounters(),
      calls_refused: 0,
      calls_failed: 0,
      ports: NO_PORTS,
      socket_drops: null,
      uptime_seconds: uptimeSeconds(),
      clock: selection.clock,
      engine: selection.name,
      engine_reason: selection.reason,
      host_delay_ms: null,
      unstamped: null,
      stray_echoes: 0,
    }),
  };
}
