/**
 * The metrics of RFC 6076, "Basic Telephony SIP End-to-End Performance Metrics", as an accumulator that is told how each
 * registration, INVITE and session ended.
 *
 * The RFC measures at the end that sends the request. A server that answers by itself sees only its own part of a delay: told of the
 * time from a request that arrived to its answer that left, it gives the metric without the network.
 *
 * Ratios are 0 … 1 (the RFC multiplies by 100), over what has been decided: a call that still rings, or still lasts, is in no
 * denominator yet. Everything is null while there is nothing to take it from.
 */
import { LatencyHistogram } from '../stats/histogram.ts';

/** A final status code, or no answer in time (timer B, timer F; RFC 3261 §17.1). */
export type RequestOutcome = number | 'timeout';

export interface DelaySummary {
  readonly count: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface CallMetricsSummary {
  /** Registrations that ended, well or not. */
  readonly registrations: number;
  /** Sessions asked for, of which the INVITE has ended. */
  readonly sessionRequests: number;
  /** RRD, §4.1: from the REGISTER to the 200, challenges in between included. */
  readonly registrationRequestDelay: DelaySummary | null;
  /** IRA, §4.2: failed registrations / all registrations. */
  readonly ineffectiveRegistrationRatio: number | null;
  /** SRD, §4.3.1: from the INVITE to the first sign of progress (a provisional response other than 100, else the 200), of those with 2xx. */
  readonly successfulSessionRequestDelay: DelaySummary | null;
  /** SRD, §4.3.2: likewise, or to the failure, of those with 4xx, 5xx and 6xx. */
  readonly failedSessionRequestDelay: DelaySummary | null;
  /** SDD, §4.4: from the BYE to its 2xx. */
  readonly sessionDisconnectDelay: DelaySummary | null;
  /** SDT, §4.5.1: from the 200 of the INVITE to the BYE. */
  readonly sessionDuration: DelaySummary | null;
  /** SDT, §4.5.2: from the 200 of the INVITE to the end of the time in which the BYE had to be answered. */
  readonly failedSessionDuration: DelaySummary | null;
  /** HpR: mean number of hops that an INVITE took. In draft-ietf-pmol-sip-perf-metrics-03 §4.6, no longer in the RFC. */
  readonly hopsPerRequest: number | null;
  /** SER, §4.6: INVITEs with 200 / (INVITEs − INVITEs with 3xx). */
  readonly sessionEstablishmentRatio: number | null;
  /** SEER, §4.7: INVITEs with 200, 480, 486, 600 or 603 / (INVITEs − INVITEs with 3xx). */
  readonly sessionEstablishmentEffectivenessRatio: number | null;
  /** ISA, §4.8: INVITEs with 408, 500, 503 or 504, or without an answer / INVITEs. */
  readonly ineffectiveSessionAttemptRatio: number | null;
  /** SCR, §4.9: sessions with 200 and an answered BYE / sessions asked for, but for those that last. */
  readonly sessionCompletionRatio: number | null;
}

const NS_PER_MS = 1_000_000;
/**
 * Histograms end at 60 s, and calls last longer. Of a duration a histogram is told a thousandth, so that it ends at 16 hours, with
 * steps of 1 ms.
 */
export const DURATION_SCALE = 1_000;

/** What the summary's delays are taken from, for who counts in buckets; durations are by {@link DURATION_SCALE} too short. */
export interface CallMetricsHistograms {
  readonly registrationDelay: LatencyHistogram;
  readonly successfulRequestDelay: LatencyHistogram;
  readonly failedRequestDelay: LatencyHistogram;
  readonly disconnectDelay: LatencyHistogram;
  readonly duration: LatencyHistogram;
  readonly failedDuration: LatencyHistogram;
}

export class CallMetrics {
  readonly #registrationDelay = new LatencyHistogram();
  readonly #successfulRequestDelay = new LatencyHistogram();
  readonly #failedRequestDelay = new LatencyHistogram();
  readonly #disconnectDelay = new LatencyHistogram();
  readonly #duration = new LatencyHistogram();
  readonly #failedDuration = new LatencyHistogram();
  #registrations = 0;
  #ineffectiveRegistrations = 0;
  #requests = 0;
  #hops = 0;
  #established = 0;
  #effective = 0;
  #redirected = 0;
  #ineffective = 0;
  #completed = 0;
  #ended = 0;

  /**
   * A registration ended `delayMs` after its first REGISTER. A challenge that was answered is no end (§4.2); 401 and 407 are told when
   * the credentials were refused.
   */
  registration(outcome: RequestOutcome, delayMs: number): void {
    this.#registrations += 1;
    if (isSuccess(outcome)) this.#registrationDelay.record(delayMs * NS_PER_MS);
    else if (!isRedirection(outcome)) this.#ineffectiveRegistrations += 1;
  }

  /**
   * An INVITE outside of a dialog ended. A challenge that was answered is no end (§4.3.2): it is not told.
   *
   * @param requestDelayMs from the INVITE to the first response other than 100, or to the end of waiting; null when that was not measured.
   * @param hops how many elements passed it on or made it: its Via fields.
   */
  invite(outcome: RequestOutcome, requestDelayMs: number | null, hops: number): void {
    this.#requests += 1;
    this.#hops += hops;
    if (isRedirection(outcome)) {
      this.#redirected += 1;
      return;
    }
    if (isSuccess(outcome)) {
      this.#established += 1;
      if (requestDelayMs !== null) this.#successfulRequestDelay.record(requestDelayMs * NS_PER_MS);
    } else {
      if (requestDelayMs !== null) this.#failedRequestDelay.record(requestDelayMs * NS_PER_MS);
      if (outcome === 480 || outcome === 486 || outcome === 600 || outcome === 603) this.#effective += 1;
      if (outcome === 'timeout' || outcome === 408 || outcome === 500 || outcome === 503 || outcome === 504) this.#ineffective += 1;
    }
  }

  /**
   * A session that was established ended with a BYE that was answered, sent or received.
   *
   * @param durationMs from the 2xx of the INVITE to the BYE.
   * @param disconnectDelayMs from the BYE to its 2xx; null when that was not measured.
   */
  sessionCompleted(durationMs: number, disconnectDelayMs: number | null): void {
    this.#ended += 1;
    this.#completed += 1;
    this.#duration.record((durationMs * NS_PER_MS) / DURATION_SCALE);
    if (disconnectDelayMs !== null) this.#disconnectDelay.record(disconnectDelayMs * NS_PER_MS);
  }

  /** A BYE got its 2xx so long after, of a session whose end was told without that ({@link sessionCompleted}). */
  disconnected(delayMs: number): void {
    this.#disconnectDelay.record(delayMs * NS_PER_MS);
  }

  /** A session that was established ended without an answer from the peer: to the BYE, or to the 2xx, whose ACK never came. */
  sessionFailed(durationMs: number): void {
    this.#ended += 1;
    this.#failedDuration.record((durationMs * NS_PER_MS) / DURATION_SCALE);
  }

  /** They go on counting. */
  histograms(): CallMetricsHistograms {
    return {
      registrationDelay: this.#registrationDelay,
      successfulRequestDelay: this.#successfulRequestDelay,
      failedRequestDelay: this.#failedRequestDelay,
      disconnectDelay: this.#disconnectDelay,
      duration: this.#duration,
      failedDuration: this.#failedDuration,
    };
  }

  summary(): CallMetricsSummary {
    const attempts = this.#requests - this.#redirected;
    const decided = this.#requests - (this.#established - this.#ended);
    return {
      registrations: this.#registrations,
      sessionRequests: this.#requests,
      registrationRequestDelay: delaySummary(this.#registrationDelay),
      ineffectiveRegistrationRatio: quotient(this.#ineffectiveRegistrations, this.#registrations),
      successfulSessionRequestDelay: delaySummary(this.#successfulRequestDelay),
      failedSessionRequestDelay: delaySummary(this.#failedRequestDelay),
      sessionDisconnectDelay: delaySummary(this.#disconnectDelay),
      sessionDuration: delaySummary(this.#duration, DURATION_SCALE),
      failedSessionDuration: delaySummary(this.#failedDuration, DURATION_SCALE),
      hopsPerRequest: quotient(this.#hops, this.#requests),
      sessionEstablishmentRatio: quotient(this.#established, attempts),
      sessionEstablishmentEffectivenessRatio: quotient(this.#established + this.#effective, attempts),
      ineffectiveSessionAttemptRatio: quotient(this.#ineffective, this.#requests),
      sessionCompletionRatio: quotient(this.#completed, decided),
    };
  }
}

function isSuccess(outcome: RequestOutcome): boolean {
  return outcome !== 'timeout' && outcome >= 200 && outcome < 300;
}

function isRedirection(outcome: RequestOutcome): boolean {
  return outcome !== 'timeout' && outcome >= 300 && outcome < 400;
}

function delaySummary(histogram: LatencyHistogram, scale = 1): DelaySummary | null {
  if (histogram.count === 0) return null;
  const ms = (valueNs: number | null): number => Math.round((valueNs ?? 0) * scale) / NS_PER_MS;
  return {
    count: histogram.count,
    meanMs: ms(histogram.meanNs),
    p50Ms: ms(histogram.quantileNs(0.5)),
    p95Ms: ms(histogram.quantileNs(0.95)),
    p99Ms: ms(histogram.quantileNs(0.99)),
    maxMs: ms(histogram.maxNs),
  };
}

function quotient(part: number, whole: number): number | null {
  return whole === 0 ? null : part / whole;
}
