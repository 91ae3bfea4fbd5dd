/** One-way delays as members of a run document. Milliseconds. */
import { spread, toMs } from '../report/latency-summary.ts';
import type { OneWayDelay, OneWayMembers } from '../report/run.ts';
import type { OneWayResult } from './delays.ts';
import type { SignedHistogram } from './signed-histogram.ts';

export function oneWayMembers(result: OneWayResult): OneWayMembers {
  return {
    packets: result.packets,
    there_ms: delayOf(result.there),
    back_ms: delayOf(result.back),
    error_ms: toMs(result.errorNs),
    turnaround_ms: spread(result.turnaround),
    same_clock: result.sameClock,
    received_by: result.receivedBy,
    reason: result.reason,
  };
}

function delayOf(histogram: SignedHistogram | null): OneWayDelay | null {
  if (histogram === null) return null;
  const [min, p50, p99, max] = [histogram.minNs, histogram.quantileNs(0.5), histogram.quantileNs(0.99), histogram.maxNs];
  if (min === null || p50 === null || p99 === null || max === null) return null;
  return { min: toMs(min), p50: toMs(p50), p99: toMs(p99), max: toMs(max) };
}
