/** From histograms and counts to the latency members of a document: nanoseconds to milliseconds, and what is null when. */
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { LatencySummary, Spread } from './metrics.ts';

/** What became of the packets whose latencies a histogram holds. */
export interface PacketFates {
  /** Returned packets that were late; null when lateness was not measured. */
  readonly lateCount: number | null;
  /** Packets that came back within the loss time-out. */
  readonly returned: number;
  /** Packets that did not. Those still in flight are in neither. */
  readonly lost: number;
}

/** Nanoseconds to milliseconds, to the nanosecond; null stays null. */
export function toMs(valueNs: number): number;
export function toMs(valueNs: number | null): number | null;
export function toMs(valueNs: number | null): number | null {
  return valueNs === null ? null : Math.round(valueNs) / 1e6;
}

/** `part / whole`, null when there is no whole to be part of. */
export function ratio(part: number | null, whole: number): number | null {
  return part === null || whole === 0 ? null : part / whole;
}

/** Of a call that never had a port: nothing was measured, and nothing counts as 0. */
export const NO_LATENCY: LatencySummary = {
  total_latencies: 0,
  p50_latency: null,
  p95_latency: null,
  p99_latency: null,
  max_latency: null,
  avg_latency: null,
  late_ratio: null,
  packet_loss_ratio: null,
};

/** The latency members of the metrics document, of a call and of a run. */
export function summarize(histogram: LatencyHistogram, fates: PacketFates): LatencySummary {
  const [p50 = null, p95 = null, p99 = null] = histogram.quantilesNs([0.5, 0.95, 0.99]);
  return {
    total_latencies: histogram.count,
    p50_latency: toMs(p50),
    p95_latency: toMs(p95),
    p99_latency: toMs(p99),
    max_latency: toMs(histogram.maxNs),
    avg_latency: toMs(histogram.meanNs),
    late_ratio: ratio(fates.lateCount, fates.returned),
    packet_loss_ratio: ratio(fates.lost, fates.returned + fates.lost),
  };
}

/** p50, p99 and maximum of a histogram, ms; null when it is missing or empty. */
export function spread(histogram: LatencyHistogram | null): Spread | null {
  if (histogram === null) return null;
  const p50 = histogram.quantileNs(0.5);
  const p99 = histogram.quantileNs(0.99);
  const max = histogram.maxNs;
  return p50 === null || p99 === null || max === null ? null : { p50: toMs(p50), p99: toMs(p99), max: toMs(max) };
}
