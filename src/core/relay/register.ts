/**
 * Which calls there are and were, and their sums. Pure: time is an argument, and what a call's relay has counted comes
 * through a small interface.
 */
import { NO_LATENCY, summarize } from '../report/latency-summary.ts';
import type { CallDocument, InsideMembers, RelayCounters } from '../report/metrics.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { addCounters, zeroCounters } from './counters.ts';
import type { MutableRelayCounters } from './counters.ts';

/** What a call's relay can tell. */
export interface CallMedia {
  readonly histogram: LatencyHistogram;
  readonly jitterMs: number | null;
  readonly insideMs: InsideMembers | null;
  readonly socketDrops: number | null;
  /** Datagrams received or sent without the kernel's stamp. */
  readonly unstamped: number;
  counters(): RelayCounters;
}

/** A call that is up or being set up; whoever runs the call writes into it. */
export interface CallRecord {
  readonly id: string;
  readonly name: string;
  readonly startedNs: number;
  readonly startedAt: string;
  sipCallId: string | null;
  state: string;
  port: number | null;
  peer: string | null;
  setupNs: number | null;
  firstPacketNs: number | null;
  media: CallMedia | null;
}

/** Ended calls that are still shown. */
const RECENT_CALLS = 200;

/** How a call ended, for the totals: a refused call got no port, a failed one got one but was never answered. */
export type CallOutcome = 'completed' | 'refused' | 'failed';

export class CallRegister {
  readonly #live = new Map<string, CallRecord>();
  #recent: CallDocument[] = [];
  readonly #endedCounters: MutableRelayCounters = zeroCounters();
  #endedDrops: number | null = null;
  #endedUnstamped = 0;
  #active = 0;
  #peak = 0;
  #taken = 0;
  #refused = 0;
  #failed = 0;

  /** @param startedAt wall clock, ISO 8601: a label. */
  open(id: string, name: string, nowNs: number, startedAt: string): CallRecord {
    const record: CallRecord = {
      id,
      name,
      startedNs: nowNs,
      startedAt,
      sipCallId: null,
      state: 'allocating',
      port: null,
      peer: null,
      setupNs: null,
      firstPacketNs: null,
      media: null,
    };
    this.#live.set(id, record);
    return record;
  }

  /** A port was found for the call: from here on it counts as a channel. */
  taken(record: CallRecord, port: number, media: CallMedia): void {
    record.port = port;
    record.media = media;
    this.#taken += 1;
    this.#active += 1;
    this.#peak = Math.max(this.#peak, this.#active);
  }

  close(record: CallRecord, outcome: CallOutcome, reason: string, nowNs: number, endedAt: string): CallDocument {
    if (this.#live.get(record.id) === record) this.#live.delete(record.id);
    if (outcome === 'refused') this.#refused += 1;
    if (outcome === 'failed') this.#failed += 1;
    if (record.media !== null) {
      this.#active -= 1;
      addCounters(this.#endedCounters, record.media.counters());
      this.#endedUnstamped += record.media.unstamped;
      this.#endedDrops = addKnown(this.#endedDrops, record.media.socketDrops);
    }
    record.state = 'ended';
    const document = callDocument(record, nowNs, { at: endedAt, reason });
    this.#recent.push(document);
    if (this.#recent.length > RECENT_CALLS) this.#recent = this.#recent.slice(-RECENT_CALLS);
    return document;
  }

  /** Calls that have a port: one that is refused never was up. */
  get active(): number {
    return this.#active;
  }

  /** The most of them that there were at once. */
  get peak(): number {
    return this.#peak;
  }

  totals(): { readonly taken: number; readonly refused: number; readonly failed: number } {
    return { taken: this.#taken, refused: this.#refused, failed: this.#failed };
  }

  /** Of all calls so far, ended and live. */
  counters(): RelayCounters {
    const sum = { ...this.#endedCounters };
    for (const { media } of this.#live.values()) if (media !== null) addCounters(sum, media.counters());
    return sum;
  }

  /** Datagrams the kernel dropped at the calls' sockets; null when no socket could tell. */
  socketDrops(): number | null {
    let sum = this.#endedDrops;
    for (const { media } of this.#live.values()) if (media !== null) sum = addKnown(sum, media.socketDrops);
    return sum;
  }

  /** Datagrams received or sent without the kernel's stamp. */
  unstamped(): number {
    let sum = this.#endedUnstamped;
    for (const { media } of this.#live.values()) sum += media?.unstamped ?? 0;
    return sum;
  }

  /** Mean over the live calls that have one, ms; null when none has. */
  jitterMs(): number | null {
    const known = [...this.#live.values()].flatMap(({ media }) => (media?.jitterMs == null ? [] : [media.jitterMs]));
    return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
  }

  /** Live calls first, then the ended ones, newest first. */
  documents(nowNs: number): CallDocument[] {
    return [...[...this.#live.values()].map((record) => callDocument(record, nowNs)), ...this.#recent.toReversed()];
  }

  document(id: string, nowNs: number): CallDocument | undefined {
    const record = this.#live.get(id);
    return record === undefined ? this.#recent.findLast((call) => call.id === id) : callDocument(record, nowNs);
  }
}

function addKnown(sum: number | null, value: number | null): number | null {
  return value === null ? sum : (sum ?? 0) + value;
}

function callDocument(record: CallRecord, nowNs: number, ended?: { readonly at: string; readonly reason: string }): CallDocument {
  const counters = record.media?.counters() ?? zeroCounters();
  const latency =
    record.media === null
      ? NO_LATENCY
      : summarize(record.media.histogram, { lateCount: counters.late, returned: counters.returned, lost: counters.lost });
  return {
    id: record.id,
    name: record.name,
    sip_call_id: record.sipCallId,
    state: record.state,
    port: record.port,
    peer: record.peer,
    started_at: record.startedAt,
    ended_at: ended?.at ?? null,
    duration_seconds: (nowNs - record.startedNs) / 1e9,
    setup_ms: record.setupNs === null ? null : record.setupNs / 1e6,
    first_packet_ms: record.firstPacketNs === null ? null : (record.firstPacketNs - record.startedNs) / 1e6,
    jitter_ms: record.media?.jitterMs ?? null,
    ...latency,
    inside_ms: record.media?.insideMs ?? null,
    counters,
    end_reason: ended?.reason ?? null,
  };
}
