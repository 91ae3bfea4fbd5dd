/** All calls of a run together: what was measured as one result, and the set-up by RFC 6076. Pure. */
import type { ProbeOptions, ProbeResult } from '../probe/result.ts';
import type { SeriesRow } from '../report/run.ts';
import { CallMetrics } from '../sip/call-metrics.ts';
import type { CallMetricsSummary, RequestOutcome } from '../sip/call-metrics.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { ClockName, EngineName } from '../udp/engine.ts';
import type { CallOutcome, MediaFacts, SettledCall } from './outcome.ts';

export interface CallerResult {
  readonly calls: readonly SettledCall[];
  readonly setUp: CallMetricsSummary;
  /** The most calls that were up at once. */
  readonly peak: number;
  /** Of the calls whose packets were matched: those whose packets came back as others are not in it. */
  readonly media: ProbeResult;
}

export interface TotalsParts {
  readonly options: ProbeOptions;
  readonly engine: EngineName;
  readonly clock: ClockName;
}

/** Counts of a result that are sums. */
const SUMS = [
  ...(['sent', 'received', 'lost', 'inFlight', 'late', 'lateAfterLoss', 'duplicates'] as const),
  ...(['reordered', 'unmatched', 'otherSsrc', 'malformed', 'sendErrors', 'refusals'] as const),
] as const;

export class CallerTotals {
  readonly #parts: TotalsParts;
  readonly #metrics = new CallMetrics();
  readonly #latency = new LatencyHistogram();
  readonly #sendError = new LatencyHistogram();
  readonly #hostDelay = new LatencyHistogram();
  readonly #calls: SettledCall[] = [];
  #peak = 0;
  /** Whether a call had media that could not be matched: a second of the run then has packets that nothing is known of. */
  #unmatchedCall = false;

  constructor(parts: TotalsParts) {
    this.#parts = parts;
  }

  /** So many calls are up. */
  up(count: number): void {
    this.#peak = Math.max(this.#peak, count);
  }

  add(call: CallOutcome): void {
    const { media } = call;
    this.#calls.push({ ...call, media: media === null ? null : factsOf(media) });
    this.#setUp(call);
    if (media === null) return;
    if (!isMatched(media)) {
      this.#unmatchedCall = true;
      return;
    }
    this.#latency.merge(media.latency);
    this.#sendError.merge(media.sendError);
    if (media.hostDelay !== null) this.#hostDelay.merge(media.hostDelay);
  }

  /** @param series rows of the run. */
  result(durationNs: number, stopped: boolean, series: (lost: number) => readonly SeriesRow[]): CallerResult {
    const calls = this.#calls.toSorted((a, b) => a.number - b.number);
    const measured = calls.flatMap(({ media }) => (media !== null && isMatched(media) ? [media] : []));
    const { options, engine, clock } = this.#parts;
    const sum = (of: (media: MediaFacts) => number): number => measured.reduce((total, media) => total + of(media), 0);
    const sums = Object.fromEntries(SUMS.map((name) => [name, sum((media) => media[name])])) as Record<(typeof SUMS)[number], number>;
    const jitters = measured.flatMap(({ jitterMs }) => jitterMs ?? []);
    const drops = measured.map(({ socketDrops }) => socketDrops);
    const least = (of: (media: MediaFacts) => number): number =>
      measured.reduce((most, media) => Math.min(most, of(media)), options.bufferBytes);
    const [first, ...others] = measured.flatMap(({ targets }) => targets);
    const media: ProbeResult = {
      ...sums,
      targets: [first ?? NOWHERE, ...others],
      options: { ...options, audio: measured[0]?.options.audio },
      engine,
      clock,
      durationNs,
      aborted: stopped,
      latency: this.#latency,
      sendError: this.#sendError,
      hostDelay: clock === 'kernel' ? this.#hostDelay : null,
      unstamped: clock === 'kernel' ? sum(({ unstamped }) => unstamped ?? 0) : null,
      jitterMs: jitters.length === 0 ? null : jitters.reduce((a, b) => a + b, 0) / jitters.length,
      socketDrops: drops.length === 0 || drops.includes(null) ? null : drops.reduce<number>((total, one) => total + (one ?? 0), 0),
      receiveBufferBytes: least(({ receiveBufferBytes }) => receiveBufferBytes),
      sendBufferBytes: least(({ sendBufferBytes }) => sendBufferBytes),
      lastError: measured.findLast(({ lastError }) => lastError !== null)?.lastError ?? null,
      series: this.#unmatchedCall || measured.length === 0 ? [] : series(sums.lost),
      streams: [],
    };
    return { calls, setUp: this.#metrics.summary(), peak: this.#peak, media };
  }

  #setUp(call: CallOutcome): void {
    const outcome = requestOutcome(call);
    // What the user stopped, or was never sent, is decided by nobody.
    if (outcome === undefined) return;
    this.#metrics.invite(outcome, call.requestDelayMs, 1);
    if (call.answeredMs === null) return;
    const durationMs = (call.endingMs ?? call.endedMs) - call.answeredMs;
    if (call.end === 'hung-up' && call.disconnectMs === null) this.#metrics.sessionFailed(durationMs);
    else this.#metrics.sessionCompleted(durationMs, call.disconnectMs);
  }
}

function factsOf({
  latency,
  sendError: _sendError,
  hostDelay: _hostDelay,
  series: _series,
  oneWay: _oneWay,
  ...facts
}: ProbeResult): MediaFacts {
  return { ...facts, meanLatencyNs: latency.meanNs };
}

/** Nobody was asked. */
const NOWHERE = { address: '', port: 0 };

/** Whether what came back were packets that were sent: or nothing did, which is loss. */
export function isMatched({
  received,
  unmatched,
  malformed,
  srtp,
}: Pick<ProbeResult, 'received' | 'unmatched' | 'malformed' | 'srtp'>): boolean {
  return received > 0 || unmatched + malformed + (srtp?.unauthenticated ?? 0) === 0;
}

/** How the packets of a call were matched; null where they were not. */
export function matchOf({ received, streams }: Pick<ProbeResult, 'received' | 'streams'>): string | null {
  return received === 0 ? null : (streams[0]?.match ?? 'header');
}

function requestOutcome({ status, end, stopped, ari }: CallOutcome): RequestOutcome | undefined {
  // RFC 6076 is about SIP.
  if (ari !== undefined) return undefined;
  if (status !== null) return status;
  if (stopped || end === 'not placed') return undefined;
  if (end === 'timeout') return 'timeout';
  // RFC 3261 §8.1.3.1: a transport that failed is as good as a 503.
  return end === 'unreachable' ? 503 : 487;
}
