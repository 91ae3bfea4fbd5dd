/** What a service told of one second: its events `metrics`, `health` and `calls` (docs/http.md), put together. */
import * as v from 'valibot';
import type { PortCounts } from '../report/metrics.ts';
import { parseCalls, parseHealth, parseMetrics } from '../report/read-metrics.ts';
import type { ServiceCall, ServiceHealth, ServiceMetrics } from '../report/read-metrics.ts';
import { checkService } from '../report/verdict.ts';
import type { ReportVerdict } from '../report/verdict.ts';
import type { StreamEvent } from './event-stream.ts';

export interface Snapshot {
  readonly metrics: ServiceMetrics;
  readonly health: ServiceHealth;
  /** Live ones first, those that ended behind them; the first 100. */
  readonly calls: readonly ServiceCall[];
  /** null where nothing is relayed, and so nothing measured. */
  readonly sla: ReportVerdict | null;
  /** Of calls that are not relayed; null where all are. */
  readonly mediaPorts: PortCounts | null;
}

/** The most calls that a service lists in an event. */
export const MOST_LISTED_CALLS = 100;

type Parts = { -readonly [Part in 'metrics' | 'health' | 'calls']?: Snapshot[Part] };

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const SipMembers = v.object({
  relays: v.optional(v.boolean()),
  media: v.optional(v.object({ ports: v.object({ total: count, free: count, bound: count, draining: count, foreign: count }) })),
});

/** Puts the events of one second together. A slow reader misses some: then nothing is made of that second. */
export class SnapshotCollector {
  readonly #url: string;
  #parts: Parts = {};

  /** @param url of the stream, for messages. */
  constructor(url: string) {
    this.#url = url;
  }

  /** @returns the snapshot that `event` completes. @throws RtplatError `format` for data that no service of ours sends. */
  add({ name, data }: StreamEvent): Snapshot | undefined {
    if (name !== 'metrics' && name !== 'health' && name !== 'calls') return undefined;
    // The same once more: another second has begun, and the rest of the one before will not come.
    if (this.#parts[name] !== undefined) this.#parts = {};
    const where = `the event "${name}" of ${this.#url}`;
    if (name === 'metrics') this.#parts.metrics = parseMetrics(data, where);
    else if (name === 'health') this.#parts.health = parseHealth(data, where);
    else this.#parts.calls = parseCalls(data, where);
    const { metrics, health, calls } = this.#parts;
    if (metrics === undefined || health === undefined || calls === undefined) return undefined;
    this.#parts = {};
    return snapshotOf(metrics, health, calls);
  }
}

export function snapshotOf(metrics: ServiceMetrics, health: ServiceHealth, calls: readonly ServiceCall[]): Snapshot {
  const own = v.safeParse(SipMembers, metrics);
  const { relays = true, media } = own.success ? own.output : {};
  return { metrics, health, calls, sla: relays ? checkService(metrics) : null, mediaPorts: media?.ports ?? null };
}
