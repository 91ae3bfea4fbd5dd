/** Which calls there are and were, their sums, and what RFC 6076 makes of them. Pure: time is an argument. */
import { CallMetrics } from '../sip/call-metrics.ts';
import type { CallMetricsSummary } from '../sip/call-metrics.ts';
import type { CallSummary } from './answering-call.ts';

/** A call that is up or being set up. */
export interface LiveCall {
  readonly id: string;
  readonly from: string;
  readonly user: string;
  readonly source: string;
  readonly action: string;
  readonly startedAt: string;
  readonly startedMs: number;
  /** Digits so far. */
  digits: string;
  readonly state: () => string;
}

/** One row of `GET /channels`, and one line of the call records. Times in ms from the INVITE; null for what has not happened. */
export interface SipCallDocument {
  readonly id: string;
  readonly sip_call_id: string | null;
  readonly from: string;
  readonly user: string;
  readonly source: string;
  readonly transport: string | null;
  readonly action: string;
  /** The pattern of the rule that decided; null when none did. */
  readonly route: string | null;
  readonly state: string;
  readonly started_at: string;
  readonly ringing_ms: number | null;
  readonly answered_ms: number | null;
  readonly established_ms: number | null;
  /** From the INVITE to the end, or until now. */
  readonly duration_ms: number;
  readonly codec: string | null;
  readonly digits: string;
  readonly status: number | null;
  readonly ended_by: string | null;
  readonly end_reason: string | null;
  readonly media: Readonly<Record<string, number | string | null>> | null;
}

export interface BookTotals {
  readonly taken: number;
  readonly active: number;
  readonly peak: number;
  /** Refused with 486 or 503 because of a limit. */
  readonly refused: number;
  /** Established, and ended. */
  readonly completed: number;
  readonly digits: number;
}

/** Ended calls that are still shown. */
const RECENT_CALLS = 200;

export class CallBook {
  readonly #live = new Map<string, LiveCall>();
  readonly #perSource = new Map<string, number>();
  readonly #metrics = new CallMetrics();
  #recent: SipCallDocument[] = [];
  #taken = 0;
  #peak = 0;
  #refused = 0;
  #completed = 0;
  #digits = 0;

  open(call: LiveCall): void {
    this.#live.set(call.id, call);
    this.#perSource.set(call.source, this.ofSource(call.source) + 1);
    this.#taken += 1;
    this.#peak = Math.max(this.#peak, this.#live.size);
  }

  refused(): void {
    this.#refused += 1;
  }

  get active(): number {
    return this.#live.size;
  }

  /** Calls of one address. */
  ofSource(address: string): number {
    return this.#perSource.get(address) ?? 0;
  }

  digit(id: string, digit: string): void {
    this.#digits += 1;
    const call = this.#live.get(id);
    if (call !== undefined) call.digits += digit;
  }

  /** @param hops Via fields of the INVITE. @returns its record. */
  close(summary: CallSummary, hops: number): SipCallDocument {
    const { id, end, ringingMs, answeredMs, establishedMs, endedMs } = summary;
    const call = this.#live.get(id);
    this.#live.delete(id);
    const left = this.ofSource(summary.source) - 1;
    if (left > 0) this.#perSource.set(summary.source, left);
    else this.#perSource.delete(summary.source);
    this.#metrics.invite(end.status === 0 ? 'timeout' : end.status, ringingMs ?? answeredMs ?? endedMs, hops);
    if (answeredMs !== null) {
      if (establishedMs === null) this.#metrics.sessionFailed(endedMs - answeredMs);
      else {
        this.#completed += 1;
        this.#metrics.sessionCompleted(endedMs - answeredMs, null);
      }
    }
    const document = documentOf(summary, call?.startedAt ?? '');
    this.#recent.push(document);
    if (this.#recent.length > 2 * RECENT_CALLS) this.#recent = this.#recent.slice(-RECENT_CALLS);
    return document;
  }

  registration(outcome: number | 'timeout', delayMs: number): void {
    this.#metrics.registration(outcome, delayMs);
  }

  totals(): BookTotals {
    return {
      taken: this.#taken,
      active: this.active,
      peak: this.#peak,
      refused: this.#refused,
      completed: this.#completed,
      digits: this.#digits,
    };
  }

  metrics(): CallMetricsSummary {
    return this.#metrics.summary();
  }

  /** Live calls first, then the ended ones, newest first. */
  documents(nowMs: number): readonly SipCallDocument[] {
    return [...[...this.#live.values()].map((call) => liveDocument(call, nowMs)), ...this.#recent.slice(-RECENT_CALLS).toReversed()];
  }

  document(id: string, nowMs: number): SipCallDocument | undefined {
    const call = this.#live.get(id);
    return call === undefined ? this.#recent.findLast((ended) => ended.id === id) : liveDocument(call, nowMs);
  }
}

function liveDocument(call: LiveCall, nowMs: number): SipCallDocument {
  const { id, from, user, source, action, startedAt, digits } = call;
  return {
    ...{ id, sip_call_id: null, from, user, source, transport: null, action, route: null },
    ...{ state: call.state(), started_at: startedAt, ringing_ms: null, answered_ms: null, established_ms: null },
    ...{ duration_ms: nowMs - call.startedMs, codec: null, digits },
    ...{ status: null, ended_by: null, end_reason: null, media: null },
  };
}

function documentOf(summary: CallSummary, startedAt: string): SipCallDocument {
  const { id, sipCallId, from, user, source, transport, plan, codec, digits, end, media } = summary;
  return {
    ...{ id, sip_call_id: sipCallId, from, user, source, transport },
    ...{ action: plan.action.kind, route: plan.match ?? null, state: 'ended', started_at: startedAt },
    ringing_ms: summary.ringingMs,
    answered_ms: summary.answeredMs,
    established_ms: summary.establishedMs,
    duration_ms: summary.endedMs,
    ...{ codec, digits, status: end.status === 0 ? null : end.status, ended_by: end.by, end_reason: end.reason, media },
  };
}
