/**
 * `GET /metrics` of `sip-serve`: the metrics document of `ari-serve`, which is about the relayed calls, and beside it all calls, their
 * signalling and their media. Pure. What every number means: docs/measurement.md.
 */
import { spread } from '../report/latency-summary.ts';
import type { MetricsDocument, PortCounts, Spread } from '../report/metrics.ts';
import type { CallMetricsSummary, DelaySummary } from '../sip/call-metrics.ts';
import type { StrangerCounts } from '../sip/stranger-guard.ts';
import type { TransactionCounts } from '../sip/transactions.ts';
import type { MediaSums } from '../media/numbers.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { BookTotals } from './call-book.ts';
import { mediaSumsDocument } from './media-document.ts';
import type { MediaSumsDocument } from './media-document.ts';

/** Messages and sockets of the signalling. */
export interface SignallingCounts {
  readonly received: number;
  readonly sent: number;
  readonly sendErrors: number;
  readonly malformed: number;
  readonly drops: number | null;
  readonly overflow: number;
  readonly connections: number;
  readonly connectionsRefused: number;
  readonly strangers: StrangerCounts;
}

export interface RegistrationRow {
  /** `sip:600@pbx.example.org` */
  readonly account: string;
  readonly state: string;
  readonly problem: string | null;
}

export interface SipMetricsParts {
  /** Of the relayed calls; zeros and null where nothing is relayed. */
  readonly relay: MetricsDocument;
  readonly relays: boolean;
  readonly calls: BookTotals;
  readonly rfc6076: CallMetricsSummary;
  readonly answerDelay: LatencyHistogram;
  readonly ackDelay: LatencyHistogram;
  readonly signalling: SignallingCounts;
  readonly transactions: TransactionCounts;
  readonly registrations: readonly RegistrationRow[];
  readonly media: MediaSums;
  readonly jitter: LatencyHistogram;
  readonly remoteJitter: LatencyHistogram;
  readonly pacing: LatencyHistogram;
  readonly roundTrip: LatencyHistogram;
  /** Pairs of RTP and RTCP ports, of the calls that are not relayed. */
  readonly ports: PortCounts;
  /** How often a part has been started again, by its name. */
  readonly restarts: Readonly<Record<string, number>>;
}

/** Percentiles of a delay, ms. */
export interface DelayDocument {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** RFC 6076, as far as the end that answers can tell. */
export interface Rfc6076Document {
  readonly registrations: number;
  readonly session_requests: number;
  readonly registration_request_delay_ms: DelayDocument | null;
  readonly ineffective_registration_ratio: number | null;
  readonly successful_session_request_delay_ms: DelayDocument | null;
  readonly failed_session_request_delay_ms: DelayDocument | null;
  readonly session_disconnect_delay_ms: DelayDocument | null;
  readonly session_duration_ms: DelayDocument | null;
  readonly failed_session_duration_ms: DelayDocument | null;
  readonly hops_per_request: number | null;
  readonly session_establishment_ratio: number | null;
  readonly session_establishment_effectiveness_ratio: number | null;
  readonly ineffective_session_attempt_ratio: number | null;
  readonly session_completion_ratio: number | null;
}

export interface SignallingDocument {
  readonly received: number;
  readonly sent: number;
  readonly send_errors: number;
  readonly malformed: number;
  readonly socket_drops: number | null;
  /** Datagrams that were received and not looked at, in a flood from new addresses. */
  readonly overflow: number;
  readonly connections: number;
  readonly connections_refused: number;
  /** Messages that were not looked at: their source, or all, sent more than the rate. */
  readonly over_source_rate: number;
  readonly over_total_rate: number;
  /** Requests without an answer. */
  readonly scanners_ignored: number;
  readonly retransmissions_received: number;
  readonly retransmissions_sent: number;
  readonly timeouts: number;
  readonly unacknowledged: number;
  readonly unanswered: number;
  readonly withheld: number;
  readonly transport_failures: number;
  readonly refused: number;
  readonly ignored: number;
  readonly transactions: {
    readonly invite_servers: number;
    readonly other_servers: number;
    readonly invite_clients: number;
    readonly other_clients: number;
  };
}

export interface SipMetricsDocument extends MetricsDocument {
  /** Whether any rule relays: without one the members of the relay are 0 and null. */
  readonly relays: boolean;
  readonly calls: BookTotals;
  readonly answer_delay_ms: Spread | null;
  readonly ack_delay_ms: Spread | null;
  readonly rfc6076: Rfc6076Document;
  readonly signalling: SignallingDocument;
  readonly registrations: readonly RegistrationRow[];
  readonly media: MediaSumsDocument & {
    /** Of calls that have ended. */
    readonly jitter_ms: Spread | null;
    readonly remote_jitter_ms: Spread | null;
    readonly pacing_error_ms: Spread | null;
    readonly round_trip_ms: Spread | null;
    readonly ports: PortCounts;
  };
  readonly restarts: Readonly<Record<string, number>>;
}

export function sipMetricsDocument(parts: SipMetricsParts): SipMetricsDocument {
  return {
    ...parts.relay,
    relays: parts.relays,
    calls: parts.calls,
    answer_delay_ms: spread(parts.answerDelay),
    ack_delay_ms: spread(parts.ackDelay),
    rfc6076: rfc6076(parts.rfc6076),
    signalling: signalling(parts.signalling, parts.transactions),
    registrations: parts.registrations,
    media: {
      ...mediaSumsDocument(parts.media),
      jitter_ms: spread(parts.jitter),
      remote_jitter_ms: spread(parts.remoteJitter),
      pacing_error_ms: spread(parts.pacing),
      round_trip_ms: spread(parts.roundTrip),
      ports: parts.ports,
    },
    restarts: parts.restarts,
  };
}

function rfc6076(summary: CallMetricsSummary): Rfc6076Document {
  return {
    registrations: summary.registrations,
    session_requests: summary.sessionRequests,
    registration_request_delay_ms: delay(summary.registrationRequestDelay),
    ineffective_registration_ratio: summary.ineffectiveRegistrationRatio,
    successful_session_request_delay_ms: delay(summary.successfulSessionRequestDelay),
    failed_session_request_delay_ms: delay(summary.failedSessionRequestDelay),
    session_disconnect_delay_ms: delay(summary.sessionDisconnectDelay),
    session_duration_ms: delay(summary.sessionDuration),
    failed_session_duration_ms: delay(summary.failedSessionDuration),
    hops_per_request: summary.hopsPerRequest,
    session_establishment_ratio: summary.sessionEstablishmentRatio,
    session_establishment_effectiveness_ratio: summary.sessionEstablishmentEffectivenessRatio,
    ineffective_session_attempt_ratio: summary.ineffectiveSessionAttemptRatio,
    session_completion_ratio: summary.sessionCompletionRatio,
  };
}

function delay(summary: DelaySummary | null): DelayDocument | null {
  if (summary === null) return null;
  const { count, meanMs, p50Ms, p95Ms, p99Ms, maxMs } = summary;
  return { count, mean: meanMs, p50: p50Ms, p95: p95Ms, p99: p99Ms, max: maxMs };
}

function signalling(counts: SignallingCounts, layer: TransactionCounts): SignallingDocument {
  return {
    received: counts.received,
    sent: counts.sent,
    send_errors: counts.sendErrors,
    malformed: counts.malformed,
    socket_drops: counts.drops,
    overflow: counts.overflow,
    connections: counts.connections,
    connections_refused: counts.connectionsRefused,
    over_source_rate: counts.strangers.sourceRate,
    over_total_rate: counts.strangers.totalRate,
    scanners_ignored: counts.strangers.scanners,
    retransmissions_received: layer.retransmissionsIn,
    retransmissions_sent: layer.retransmissionsOut,
    timeouts: layer.timeouts,
    unacknowledged: layer.unacknowledged,
    unanswered: layer.unanswered,
    withheld: layer.withheld,
    transport_failures: layer.failures,
    refused: layer.refused,
    ignored: layer.ignored,
    transactions: {
      invite_servers: layer.inviteServers,
      other_servers: layer.otherServers,
      invite_clients: layer.inviteClients,
      other_clients: layer.otherClients,
    },
  };
}
