/** What was, second by second, for as long as the widest terminal shows it. */
import type { Snapshot } from './snapshot.ts';

export interface Sample {
  /** Percentiles since the start of the service, as of that second, ms. */
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Of the packets whose fate became known since the sample before; null when there were none, or no sample before. */
  readonly loss: number | null;
  /** Of the packets that returned since the sample before; null likewise. */
  readonly late: number | null;
}

/** null: a second of which nothing is known. */
export type History = readonly (Sample | null)[];

const MOST_SAMPLES = 600;

/** @param elapsedMs since `before`, by our clock. */
export function extend(history: History, before: Snapshot | null, now: Snapshot, elapsedMs: number): History {
  const missed = before === null ? 0 : Math.max(0, secondsBetween(before, now, elapsedMs) - 1);
  const gap = Array.from({ length: Math.min(missed, MOST_SAMPLES) }, () => null);
  return [...history, ...gap, sampleOf(before, now)].slice(-MOST_SAMPLES);
}

/** By the service's clock, which knows better than ours when it looked; by ours when it was started anew in between. */
function secondsBetween(before: Snapshot, now: Snapshot, elapsedMs: number): number {
  if (isRestarted(before, now)) return Math.round(elapsedMs / 1000);
  return Math.round(now.metrics.uptime_seconds - before.metrics.uptime_seconds);
}

function isRestarted(before: Snapshot, now: Snapshot): boolean {
  const [was, is] = [before.metrics.counters, now.metrics.counters];
  return (
    now.metrics.uptime_seconds < before.metrics.uptime_seconds || is.returned < was.returned || is.lost < was.lost || is.late < was.late
  );
}

function sampleOf(before: Snapshot | null, now: Snapshot): Sample {
  const { p50_latency: p50, p95_latency: p95, p99_latency: p99, counters } = now.metrics;
  if (before === null || isRestarted(before, now)) return { p50, p95, p99, loss: null, late: null };
  const was = before.metrics.counters;
  const returned = counters.returned - was.returned;
  const lost = counters.lost - was.lost;
  return { p50, p95, p99, loss: ratio(lost, returned + lost), late: ratio(counters.late - was.late, returned) };
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
