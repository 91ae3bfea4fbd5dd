/** The numbers of `sip-serve` for Prometheus: the families of `ari-serve` where calls are relayed, and `rtplat_sip_…`. Pure. */
import type { PortCounts } from '../report/metrics.ts';
import { FamilyList } from '../report/render/families.ts';
import type { MetricFamily, Sample } from '../report/render/families.ts';
import { healthFamilies, instrumentFamilies, relayFamilies } from '../report/render/prometheus.ts';
import type { HealthVerdict } from '../report/render/prometheus.ts';
import { DURATION_SCALE } from '../sip/call-metrics.ts';
import type { CallMetricsHistograms } from '../sip/call-metrics.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { SipMetricsDocument } from './metrics.ts';

export interface SipFamiliesParts {
  readonly document: SipMetricsDocument;
  /** Of the relayed calls. */
  readonly latency: LatencyHistogram;
  readonly rfc6076: CallMetricsHistograms;
  readonly answerDelay: LatencyHistogram;
  readonly ackDelay: LatencyHistogram;
  readonly jitter: LatencyHistogram;
  readonly remoteJitter: LatencyHistogram;
  readonly pacing: LatencyHistogram;
  readonly roundTrip: LatencyHistogram;
  readonly health: HealthVerdict;
}

/** Upper bounds of buckets, ns. */
const DELAY_BOUNDS_NS = inNs([0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 32_000]);
const ROUND_TRIP_BOUNDS_NS = inNs([0.25, 0.5, 1, 2, 5, 10, 20, 30, 50, 75, 100, 150, 200, 300, 400, 500, 1_000, 2_000, 5_000]);
const PACING_BOUNDS_NS = inNs([0.05, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200]);
const DURATION_BOUNDS_NS = inNs([1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200, 14_400].map((seconds) => seconds * 1_000));

function inNs(ms: readonly number[]): readonly number[] {
  return ms.map((bound) => bound * 1e6);
}

export function sipFamilies(parts: SipFamiliesParts): readonly MetricFamily[] {
  const families = new FamilyList();
  const { document } = parts;
  instrumentFamilies(families, document);
  healthFamilies(families, parts.health);
  callFamilies(families, parts);
  ratioFamilies(families, document);
  signallingFamilies(families, parts);
  mediaFamilies(families, parts);
  if (document.relays) relayFamilies(families, document, parts.latency);
  return families.list();
}

function callFamilies(families: FamilyList, { document, rfc6076, answerDelay, ackDelay }: SipFamiliesParts): void {
  const { calls } = document;
  const actions = Object.entries(calls.actions);
  const by = (counts: Readonly<Record<string, number>>, label: string): readonly Sample[] =>
    Object.entries(counts).map(([name, count]) => [count, { [label]: name }]);
  families.counter(
    'sip_calls',
    'Calls taken, by what they got.',
    actions.map(([action, { taken }]) => [taken, { action }]),
  );
  families.gauge(
    'sip_active_calls',
    'Calls that are up or being set up, by what they get.',
    actions.map(([action, { active }]) => [active, { action }]),
  );
  families.gauge('sip_peak_calls', 'The most calls at once since the start.', calls.peak);
  families.counter(
    'sip_calls_refused',
    'INVITEs refused before they were a call, by the limit that they met.',
    by(calls.refused_by, 'cause'),
  );
  families.counter(
    'sip_calls_ended',
    'Calls that have ended, by what became of them and by who ended them.',
    calls.ended.map(({ outcome, by: ender, calls: count }) => [count, { outcome, by: ender }]),
  );
  families.counter(
    'sip_invite_responses',
    'Final answers to INVITEs, of calls that have ended or were refused.',
    by(calls.responses, 'code'),
  );
  families.counter('sip_digits', 'DTMF digits heard, by the way they came.', by(calls.digits_by, 'way'));
  families.histogram(
    'sip_request_delay_seconds',
    'From reading an INVITE to its first answer other than 100 (SRD of RFC 6076, our part of it).',
    {
      parts: [
        [rfc6076.successfulRequestDelay, { outcome: 'answered' }],
        [rfc6076.failedRequestDelay, { outcome: 'failed' }],
      ],
      boundsNs: DELAY_BOUNDS_NS,
    },
  );
  families.histogram('sip_answer_delay_seconds', 'From an INVITE to its 200, the delay that was configured included.', {
    parts: [[answerDelay]],
    boundsNs: DELAY_BOUNDS_NS,
  });
  families.histogram('sip_ack_delay_seconds', 'From the 200 of an INVITE to its ACK.', { parts: [[ackDelay]], boundsNs: DELAY_BOUNDS_NS });
  families.histogram('sip_disconnect_delay_seconds', 'From a BYE of ours to its answer (SDD of RFC 6076).', {
    parts: [[rfc6076.disconnectDelay]],
    boundsNs: DELAY_BOUNDS_NS,
  });
  families.histogram('sip_session_duration_seconds', 'From the 200 of an INVITE to the end of the call (SDT of RFC 6076).', {
    parts: [
      [rfc6076.duration, { outcome: 'completed' }],
      [rfc6076.failedDuration, { outcome: 'failed' }],
    ],
    boundsNs: DURATION_BOUNDS_NS,
    scale: DURATION_SCALE,
  });
}

function ratioFamilies(families: FamilyList, { rfc6076 }: SipMetricsDocument): void {
  families.gauge('sip_session_establishment_ratio', 'INVITEs answered 200 of all (SER of RFC 6076).', rfc6076.session_establishment_ratio);
  families.gauge(
    'sip_session_establishment_effectiveness_ratio',
    'INVITEs answered 200, 480, 486, 600 or 603 of all (SEER of RFC 6076).',
    rfc6076.session_establishment_effectiveness_ratio,
  );
  families.gauge(
    'sip_ineffective_session_attempt_ratio',
    'INVITEs answered 408, 500, 503 or 504, or not at all, of all (ISA of RFC 6076).',
    rfc6076.ineffective_session_attempt_ratio,
  );
  families.gauge(
    'sip_session_completion_ratio',
    'Calls with 200 and a BYE of all that have ended (SCR of RFC 6076).',
    rfc6076.session_completion_ratio,
  );
}

function signallingFamilies(families: FamilyList, { document, rfc6076 }: SipFamiliesParts): void {
  const { signalling, registrations, restarts } = document;
  const { transactions } = signalling;
  families.counter(
    'sip_restarts',
    'How often a part of the service was started again.',
    Object.entries(restarts).map(([part, count]) => [count, { part }]),
  );
  families.counter('sip_messages_received', 'SIP messages received.', signalling.received);
  families.counter('sip_messages_sent', 'SIP messages sent.', signalling.sent);
  families.counter('sip_send_errors', 'SIP messages that were not sent.', signalling.send_errors);
  families.counter('sip_malformed_messages', 'Messages that could not be read.', signalling.malformed);
  families.counter(
    'sip_socket_drops',
    'Datagrams that the kernel dropped because a buffer of the signalling was full.',
    signalling.socket_drops,
  );
  families.counter('sip_overflow_datagrams', 'Datagrams that were not looked at, in a flood from new addresses.', signalling.overflow);
  families.gauge('sip_connections', 'Connections of TCP and TLS that are open.', signalling.connections);
  families.counter('sip_connections_refused', 'Connections closed because there were too many.', signalling.connections_refused);
  families.counter('sip_messages_over_rate', 'Messages that were not looked at, above the rate of their source or of all.', [
    [signalling.over_source_rate, { rate: 'source' }],
    [signalling.over_total_rate, { rate: 'total' }],
  ]);
  families.counter('sip_scanner_requests', 'Requests of tools that look for SIP servers, not answered.', signalling.scanners_ignored);
  families.gauge('sip_transactions', 'Transactions alive.', [
    [transactions.invite_servers, { kind: 'invite_server' }],
    [transactions.other_servers, { kind: 'other_server' }],
    [transactions.invite_clients, { kind: 'invite_client' }],
    [transactions.other_clients, { kind: 'other_client' }],
  ]);
  families.counter('sip_retransmissions_received', 'Requests and final answers that came again.', signalling.retransmissions_received);
  families.counter('sip_retransmissions_sent', 'Requests and answers that were sent again.', signalling.retransmissions_sent);
  families.counter('sip_request_timeouts', 'Requests of ours without a final answer.', signalling.timeouts);
  families.counter('sip_unacknowledged_refusals', 'Refusals of ours without an ACK.', signalling.unacknowledged);
  families.counter('sip_unanswered_requests', 'Requests of peers that were not answered in time.', signalling.unanswered);
  families.counter(
    'sip_withheld_responses',
    'Answers that were not sent: too late, or none that the request may get.',
    signalling.withheld,
  );
  families.counter('sip_transport_failures', 'Transactions whose transport failed.', signalling.transport_failures);
  families.counter('sip_requests_refused', 'Requests answered 503 because of too many transactions.', signalling.refused);
  families.counter('sip_ignored_messages', 'Messages that belonged to nothing.', signalling.ignored);
  families.gauge(
    'sip_registered',
    'Whether the account is registered.',
    registrations.map(({ account, state }) => [Number(isRegistered(state)), { account }]),
  );
  if (registrations.length === 0) return;
  families.histogram('sip_registration_delay_seconds', 'From a REGISTER to its 200, a challenge in between included (RRD of RFC 6076).', {
    parts: [[rfc6076.registrationDelay]],
    boundsNs: DELAY_BOUNDS_NS,
  });
  families.gauge(
    'sip_ineffective_registration_ratio',
    'Registrations that failed of all (IRA of RFC 6076).',
    document.rfc6076.ineffective_registration_ratio,
  );
}

/** While an account is refreshed its registration holds. */
export function isRegistered(state: string): boolean {
  return state === 'registered' || state === 'refreshing';
}

function mediaFamilies(families: FamilyList, { document, jitter, remoteJitter, pacing, roundTrip }: SipFamiliesParts): void {
  const { media } = document;
  families.gauge('sip_ports', 'Pairs of RTP and RTCP ports, of the calls that are not relayed, by state.', byState(media.ports));
  families.counter(
    'sip_rtp_packets_sent',
    'RTP packets sent, in calls that are not relayed, as in all families of sip_rtp and sip_rtcp.',
    media.sent,
  );
  families.counter('sip_rtp_payload_sent_bytes', 'Bytes of the payload of RTP packets sent.', media.sent_bytes);
  families.counter('sip_rtp_packets_received', 'RTP packets received.', media.received);
  families.counter('sip_rtp_payload_received_bytes', 'Bytes of the payload of RTP packets received.', media.received_bytes);
  // Falls when a late packet comes after all: no counter.
  families.gauge('sip_rtp_lost_packets', 'RTP packets that did not come, by the sequence numbers of what came.', media.lost);
  families.gauge(
    'sip_rtp_remote_lost_packets',
    'RTP packets of ours that did not arrive, by the last RTCP reports of the peers.',
    media.remote_lost,
  );
  families.counter('sip_rtp_duplicate_packets', 'RTP packets that came again.', media.duplicates);
  families.counter('sip_rtp_reordered_packets', 'RTP packets that came after a later one.', media.reordered);
  families.counter('sip_rtp_late_packets', 'RTP packets that came late for their timestamp.', media.late);
  families.counter('sip_rtp_rejected_source_packets', 'Datagrams from somebody else than the caller.', media.rejected_source);
  families.counter('sip_rtp_malformed_packets', 'Datagrams that are not RTP.', media.malformed);
  families.counter('sip_rtp_other_payload_packets', 'RTP packets of a payload type that was not agreed on.', media.other_payload);
  families.counter('sip_rtp_send_errors', 'Datagrams that the kernel refused to send.', media.send_errors);
  families.counter('sip_rtp_skipped_packets', 'RTP packets that were not sent because their time was long over.', media.skipped);
  families.counter('sip_rtp_socket_drops', 'Datagrams that the kernel dropped because a buffer of the media was full.', media.socket_drops);
  families.counter('sip_rtcp_packets_sent', 'RTCP packets sent.', media.rtcp_sent);
  families.counter('sip_rtcp_packets_received', 'RTCP packets received.', media.rtcp_received);
  families.counter('sip_rtcp_malformed_packets', 'RTCP packets that could not be read.', media.rtcp_malformed);
  families.counter('sip_recorded_bytes', 'Bytes of recordings.', media.recorded_bytes);
  families.counter('sip_recording_dropped_bytes', 'Bytes of recordings that the disk did not take in time.', media.recording_dropped_bytes);
  families.histogram(
    'sip_rtp_jitter_seconds',
    'Interarrival jitter (RFC 3550) at the end of each call: of what came to us, and of what came to the peer.',
    {
      parts: [
        [jitter, { at: 'us' }],
        [remoteJitter, { at: 'peer' }],
      ],
      boundsNs: ROUND_TRIP_BOUNDS_NS,
    },
  );
  families.histogram('sip_pacing_error_seconds', 'How far behind its time each packet was handed to the kernel.', {
    parts: [[pacing]],
    boundsNs: PACING_BOUNDS_NS,
  });
  families.histogram('sip_rtcp_round_trip_seconds', 'Round trips by the RTCP reports of peers, one a report (RFC 3550 §6.4.1).', {
    parts: [[roundTrip]],
    boundsNs: ROUND_TRIP_BOUNDS_NS,
  });
}

function byState({ free, bound, draining, foreign }: PortCounts): readonly Sample[] {
  return [
    [free, { state: 'free' }],
    [bound, { state: 'bound' }],
    [draining, { state: 'draining' }],
    [foreign, { state: 'foreign' }],
  ];
}
