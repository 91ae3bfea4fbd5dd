/** Seconds of a service for the tests. */
import type { CallDocument, RelayCounters } from '../../../src/core/report/metrics.ts';
import type { ServiceCall, ServiceHealth, ServiceMetrics } from '../../../src/core/report/read-metrics.ts';
import { snapshotOf } from '../../../src/core/watch/snapshot.ts';
import type { Snapshot } from '../../../src/core/watch/snapshot.ts';
import { makeCall, makeMetrics } from '../report/make-metrics.ts';
import { histogramOf } from '../report/make-run.ts';

export const HEALTHY: ServiceHealth = { status: 'healthy', reason: null, checks: [{ name: 'ari', ok: true, reason: null }] };

/** 20,000 samples of 1 to 4 ms. */
export const LATENCY = histogramOf(Array.from({ length: 20_000 }, (_, i) => 1e6 + (i % 3_000) * 1e3));

export interface SnapshotParts {
  readonly metrics?: Partial<ServiceMetrics> & Readonly<Record<string, unknown>>;
  readonly counters?: Partial<RelayCounters>;
  readonly health?: ServiceHealth;
  readonly calls?: readonly ServiceCall[];
}

export function makeSnapshot({ metrics = {}, counters, health = HEALTHY, calls = [] }: SnapshotParts = {}): Snapshot {
  const base = makeMetrics(LATENCY, 0);
  return snapshotOf({ ...base, ...metrics, counters: { ...base.counters, ...counters } }, health, calls);
}

/** A call by its number, the higher the worse. */
export function callNumber(i: number, parts: Partial<CallDocument> = {}): ServiceCall {
  return makeCall(LATENCY, {
    id: `1756544841.${i}`,
    name: `PJSIP/alice-${String(i).padStart(8, '0')}`,
    started_at: `2026-11-21T10:00:${String(i % 60).padStart(2, '0')}.000Z`,
    p99_latency: i,
    ...parts,
  });
}
