/** Calls as `GET /channels` and the call records show them. Pure. */
import { NO_LATENCY } from '../report/latency-summary.ts';
import type { CallDocument, InsideMembers, LatencySummary, RelayCounters } from '../report/metrics.ts';
import type { CallSummary } from './answering-call.ts';
import type { LegReport } from './leg.ts';

/** How far a call is. Times in ms from the INVITE; null for what has not happened. */
export interface CallProgress {
  readonly state: string;
  readonly ringingMs: number | null;
  readonly answeredMs: number | null;
  readonly establishedMs: number | null;
  readonly codec: string | null;
  /** Of our RTP. */
  readonly port: number | null;
  readonly media: LegReport | null;
}

/** A call that is up or being set up. */
export interface LiveCall {
  readonly id: string;
  readonly sipCallId: string;
  readonly from: string;
  readonly user: string;
  readonly source: string;
  readonly transport: string;
  readonly action: string;
  readonly route: string | null;
  readonly startedAt: string;
  readonly startedMs: number;
  /** Digits so far. */
  digits: string;
  readonly progress: () => CallProgress;
}

/** One line of the call records. Times in ms from the INVITE; null for what has not happened. */
export interface SipCallDocument {
  readonly id: string;
  readonly sip_call_id: string;
  readonly from: string;
  /** The number that was called. */
  readonly user: string;
  readonly source: string;
  readonly transport: string;
  readonly action: string;
  /** The pattern of the rule that decided; null when none did. */
  readonly route: string | null;
  readonly state: string;
  readonly port: number | null;
  /** Wall clock, ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string | null;
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
  readonly media: LegReport | null;
}

export function liveDocument(call: LiveCall, nowMs: number): SipCallDocument {
  const { id, sipCallId, from, user, source, transport, action, route, startedAt, digits } = call;
  const { state, ringingMs, answeredMs, establishedMs, codec, port, media } = call.progress();
  return {
    ...{ id, sip_call_id: sipCallId, from, user, source, transport, action, route, state, port, started_at: startedAt, ended_at: null },
    ...{ ringing_ms: ringingMs, answered_ms: answeredMs, established_ms: establishedMs, duration_ms: nowMs - call.startedMs },
    ...{ codec, digits, status: null, ended_by: null, end_reason: null, media },
  };
}

/** @param startedAt, endedAt wall clock, ISO 8601. */
export function endedDocument(summary: CallSummary, startedAt: string, endedAt: string): SipCallDocument {
  const { id, sipCallId, from, user, source, transport, plan, port, codec, digits, end, media } = summary;
  return {
    ...{ id, sip_call_id: sipCallId, from, user, source, transport, action: plan.action.kind, route: plan.match ?? null },
    ...{ state: 'ended', port, started_at: startedAt, ended_at: endedAt },
    ringing_ms: summary.ringingMs,
    answered_ms: summary.answeredMs,
    established_ms: summary.establishedMs,
    duration_ms: summary.endedMs,
    ...{ codec, digits, status: end.status === 0 ? null : end.status, ended_by: end.by, end_reason: end.reason, media },
  };
}

/** One row of `GET /channels`: what `ari-serve` has there, and what is SIP's own. */
export interface ChannelDocument extends SipCallDocument, LatencySummary {
  readonly name: string;
  /** Where a relayed call's RTP comes from. */
  readonly peer: string | null;
  readonly duration_seconds: number;
  /** INVITE to 200. */
  readonly setup_ms: number | null;
  readonly first_packet_ms: number | null;
  readonly jitter_ms: number | null;
  /** null: not relayed, or with the user clock. */
  readonly inside_ms: InsideMembers | null;
  /** null: not relayed. */
  readonly counters: RelayCounters | null;
}

/** @param relayed what the relay tells of the call, where it is relayed. */
export function channelDocument(call: SipCallDocument, relayed: CallDocument | undefined): ChannelDocument {
  const ownJitter = call.media?.['jitter_ms'];
  return {
    ...call,
    name: call.from,
    peer: relayed?.peer ?? null,
    duration_seconds: call.duration_ms / 1000,
    setup_ms: call.answered_ms,
    first_packet_ms: relayed?.first_packet_ms ?? null,
    jitter_ms: relayed?.jitter_ms ?? (typeof ownJitter === 'number' ? ownJitter : null),
    ...latencyOf(relayed ?? NO_LATENCY),
    inside_ms: relayed?.inside_ms ?? null,
    counters: relayed?.counters ?? null,
  };
}

function latencyOf(summary: LatencySummary): LatencySummary {
  const { total_latencies, p50_latency, p95_latency, p99_latency, max_latency, avg_latency, late_ratio, packet_loss_ratio } = summary;
  return { total_latencies, p50_latency, p95_latency, p99_latency, max_latency, avg_latency, late_ratio, packet_loss_ratio };
}
