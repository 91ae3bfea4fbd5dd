/** Which calls there are and were, their sums, and what RFC 6076 makes of them. Pure: time is an argument. */
import { CallMetrics } from '../sip/call-metrics.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { CallSummary, DigitWay } from './answering-call.ts';
import { endedDocument, liveDocument } from './call-documents.ts';
import type { LiveCall, SipCallDocument } from './call-documents.ts';
import { ACTIONS } from './config/calls.ts';
import type { ActionName } from './config/calls.ts';

/** Why an INVITE was refused before it was a call: a limit of all, the one of its source, that of calls which its source has
 * not confirmed, or the service stops. */
export const REFUSALS = ['limit', 'source', 'unconfirmed', 'stopping'] as const;
export type RefusalCause = (typeof REFUSALS)[number];

/**
 * `completed`: established, and ended · `cancelled`: the caller gave up before the answer · `rejected`: by its rule, for what it
 * offered, or because nobody answered · `failed`: no media, no ACK, an error of ours.
 */
export type CallOutcome = 'completed' | 'cancelled' | 'rejected' | 'failed';

/** Those that can be. */
const ENDS: readonly (readonly [CallOutcome, CallSummary['end']['by']])[] = [
  ['completed', 'caller'],
  ['completed', 'us'],
  ['completed', 'network'],
  ['cancelled', 'caller'],
  ['rejected', 'us'],
  ['failed', 'caller'],
  ['failed', 'us'],
  ['failed', 'network'],
];

const WAYS = ['rfc4733', 'info', 'in-band'] as const satisfies readonly DigitWay[];

/** `taken = active + completed + cancelled + rejected + failed` always. */
export interface BookTotals {
  readonly taken: number;
  readonly active: number;
  /** The most that were up at once. */
  readonly peak: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly rejected: number;
  readonly failed: number;
  /** Not taken. */
  readonly refused: number;
  readonly refused_by: Readonly<Record<RefusalCause, number>>;
  readonly digits: number;
  readonly digits_by: Readonly<Record<DigitWay, number>>;
  readonly actions: Readonly<Record<ActionName, { readonly taken: number; readonly active: number }>>;
  readonly ended: readonly { readonly outcome: CallOutcome; readonly by: CallSummary['end']['by']; readonly calls: number }[];
  /** Final answers to INVITEs, refusals among them, by their status. */
  readonly responses: Readonly<Record<string, number>>;
}

/** Ended calls that are still shown. */
const RECENT_CALLS = 200;
const NS_PER_MS = 1e6;

export class CallBook {
  /** RFC 6076. */
  readonly metrics: CallMetrics = new CallMetrics();
  /** From the INVITE to our 200. */
  readonly answerDelay: LatencyHistogram = new LatencyHistogram();
  /** From our 200 to its ACK: the way there and back, and the caller. */
  readonly ackDelay: LatencyHistogram = new LatencyHistogram();
  /** Of calls that are not relayed, as it was in the end: of what came, and of what we sent, by the peer's last report. */
  readonly jitter: LatencyHistogram = new LatencyHistogram();
  readonly remoteJitter: LatencyHistogram = new LatencyHistogram();
  readonly #live = new Map<string, LiveCall>();
  readonly #perSource = new Map<string, number>();
  readonly #confirmedOf = new Map<string, number>();
  #confirmed = 0;
  readonly #takenOf = new Map<string, number>();
  readonly #activeOf = new Map<string, number>();
  readonly #ends = new Map<string, number>();
  readonly #refusals = new Map<RefusalCause, number>();
  readonly #digits = new Map<DigitWay, number>();
  readonly #responses = new Map<number, number>();
  #recent: SipCallDocument[] = [];
  #taken = 0;
  #peak = 0;

  open(call: LiveCall): void {
    this.#live.set(call.id, call);
    add(this.#perSource, call.source, 1);
    add(this.#takenOf, call.action, 1);
    add(this.#activeOf, call.action, 1);
    this.#taken += 1;
    this.#peak = Math.max(this.#peak, this.#live.size);
  }

  /** @param hops Via fields of the INVITE. */
  refused(cause: RefusalCause, status: number, hops: number): void {
    add(this.#refusals, cause, 1);
    add(this.#responses, status, 1);
    // It was answered at once: how soon was not measured.
    this.metrics.invite(status, null, hops);
  }

  get active(): number {
    return this.#live.size;
  }

  get taken(): number {
    return this.#taken;
  }

  /** Calls of one address. */
  ofSource(address: string): number {
    return this.#perSource.get(address) ?? 0;
  }

  /** Those of them that it has confirmed by an ACK, which who forges an address cannot. */
  confirmedOf(address: string): number {
    return this.#confirmedOf.get(address) ?? 0;
  }

  /** Calls that nobody has confirmed yet. */
  get unconfirmed(): number {
    return this.#live.size - this.#confirmed;
  }

  /** The ACK of its 200 came, for the first time. */
  confirmed(id: string): void {
    const source = this.#live.get(id)?.source;
    if (source === undefined) return;
    add(this.#confirmedOf, source, 1);
    this.#confirmed += 1;
  }

  /** What a live call gets; undefined for any other. */
  actionOf(id: string): string | undefined {
    return this.#live.get(id)?.action;
  }

  digit(id: string, digit: string, how: DigitWay): void {
    add(this.#digits, how, 1);
    const call = this.#live.get(id);
    if (call !== undefined) call.digits += digit;
  }

  /** @param hops Via fields of the INVITE. @param endedAt wall clock, ISO 8601. @returns its record. */
  close(summary: CallSummary, hops: number, endedAt: string): SipCallDocument {
    const { id, source, plan, end, ringingMs, answeredMs, establishedMs, endedMs } = summary;
    const call = this.#live.get(id);
    this.#live.delete(id);
    add(this.#perSource, source, -1);
    if (this.ofSource(source) === 0) this.#perSource.delete(source);
    if (establishedMs !== null) {
      add(this.#confirmedOf, source, -1);
      this.#confirmed -= 1;
    }
    if (this.confirmedOf(source) === 0) this.#confirmedOf.delete(source);
    add(this.#activeOf, plan.action.kind, -1);
    add(this.#ends, `${outcomeOf(summary)} ${end.by}`, 1);
    if (end.status !== 0) add(this.#responses, end.status, 1);
    this.metrics.invite(end.status === 0 ? 'timeout' : end.status, ringingMs ?? answeredMs ?? endedMs, hops);
    if (answeredMs !== null) {
      this.answerDelay.record(answeredMs * NS_PER_MS);
      if (establishedMs === null) this.metrics.sessionFailed(endedMs - answeredMs);
      else {
        this.ackDelay.record((establishedMs - answeredMs) * NS_PER_MS);
        this.metrics.sessionCompleted(endedMs - answeredMs, null);
      }
    }
    recordMs(this.jitter, summary.media?.['jitter_ms']);
    recordMs(this.remoteJitter, summary.media?.['remote_jitter_ms']);
    const document = endedDocument(summary, call?.startedAt ?? endedAt, endedAt);
    this.#recent.push(document);
    if (this.#recent.length > 2 * RECENT_CALLS) this.#recent = this.#recent.slice(-RECENT_CALLS);
    return document;
  }

  totals(): BookTotals {
    const ended = ENDS.map(([outcome, by]) => ({ outcome, by, calls: this.#ends.get(`${outcome} ${by}`) ?? 0 }));
    const sumOf = (wanted: CallOutcome): number => ended.reduce((sum, { outcome, calls }) => (outcome === wanted ? sum + calls : sum), 0);
    const actions = ACTIONS.map((name) => [name, { taken: this.#takenOf.get(name) ?? 0, active: this.#activeOf.get(name) ?? 0 }]);
    const responses = [...this.#responses].toSorted(([a], [b]) => a - b).map(([status, count]) => [String(status), count]);
    return {
      taken: this.#taken,
      active: this.active,
      peak: this.#peak,
      completed: sumOf('completed'),
      cancelled: sumOf('cancelled'),
      rejected: sumOf('rejected'),
      failed: sumOf('failed'),
      refused: total(this.#refusals),
      refused_by: Object.fromEntries(REFUSALS.map((cause) => [cause, this.#refusals.get(cause) ?? 0])) as BookTotals['refused_by'],
      digits: total(this.#digits),
      digits_by: Object.fromEntries(WAYS.map((way) => [way, this.#digits.get(way) ?? 0])) as BookTotals['digits_by'],
      actions: Object.fromEntries(actions) as BookTotals['actions'],
      ended,
      responses: Object.fromEntries(responses) as BookTotals['responses'],
    };
  }

  /** Live calls first, then the ended ones, newest first. @param most so many at most. */
  documents(nowMs: number, most: number = Number.POSITIVE_INFINITY): readonly SipCallDocument[] {
    const live = [...this.#live.values()].slice(0, most).map((call) => liveDocument(call, nowMs));
    return [...live, ...this.#recent.slice(-RECENT_CALLS).toReversed()].slice(0, most);
  }

  document(id: string, nowMs: number): SipCallDocument | undefined {
    const call = this.#live.get(id);
    return call === undefined ? this.#recent.findLast((ended) => ended.id === id) : liveDocument(call, nowMs);
  }
}

function outcomeOf({ end, answeredMs, establishedMs }: CallSummary): CallOutcome {
  if (establishedMs !== null) return 'completed';
  if (answeredMs !== null) return 'failed';
  if (end.by === 'caller') return 'cancelled';
  // 5xx are failures of ours; all else that we answer was meant so.
  const meant = end.by === 'us' && end.status >= 300 && end.status !== 408 && (end.status < 500 || end.status >= 600);
  return meant ? 'rejected' : 'failed';
}

function recordMs(histogram: LatencyHistogram, ms: number | string | null | undefined): void {
  if (typeof ms === 'number') histogram.record(ms * NS_PER_MS);
}

function add<K>(counts: Map<K, number>, name: K, amount: number): void {
  counts.set(name, (counts.get(name) ?? 0) + amount);
}

function total<K>(counts: ReadonlyMap<K, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
