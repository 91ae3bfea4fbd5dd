/** The result of a caller as a run document. Pure. */
import { probeRun } from '../probe/document.ts';
import type { RunLabels } from '../probe/document.ts';
import { isG711 } from '../probe/source.ts';
import type { CallRtcpMembers } from '../report/rtcp.ts';
import type { CallRow, DelayMembers, RunDocument, SipSetUp } from '../report/run.ts';
import type { CallMetricsSummary, DelaySummary } from '../sip/call-metrics.ts';
import { scoreStream } from '../stats/quality.ts';
import { budgetWith } from './budget-members.ts';
import type { CallerOptions, PlacingOptions } from './options.ts';
import type { MediaFacts, SettledCall } from './outcome.ts';
import type { RtcpFacts } from './rtcp-call.ts';
import type { ServiceFacts } from './service-watch.ts';
import { isMatched, matchOf } from './totals.ts';
import type { CallerResult } from './totals.ts';

/** How many failed calls a verdict names. */
const MOST_REASONS = 5;

/** Calls that were placed by SIP. @param service that took them, where one was named. */
export function callRun(result: CallerResult, options: CallerOptions, labels: RunLabels, service: ServiceFacts | null = null): RunDocument {
  const run = callsRun(result, options, labels);
  const calls = run.calls.map((row, i) => withSip(row, result.calls[i] as SettledCall));
  const names = result.calls.map(({ callId, answeredMs }) => (answeredMs === null ? null : { callId, channelId: null }));
  return {
    ...run,
    options: {
      ...run.options,
      codecs: options.codecs.join(' '),
      transport: options.target.transport,
      srtp: options.srtp.join(' '),
      ...(service === null ? {} : { service: service.url }),
    },
    calls,
    sip: setUpOf(result.setUp),
    ...(service === null ? {} : { budget: budgetWith(service, { calls }, names) }),
  };
}

/** However they were placed. */
export function callsRun(result: CallerResult, options: PlacingOptions, labels: RunLabels): RunDocument {
  const run = probeRun(result.media, labels);
  const failures = result.calls.filter(({ problem }) => problem !== null);
  const reasons = failures.slice(0, MOST_REASONS).map(callProblem);
  if (failures.length > MOST_REASONS) reasons.push(`and ${failures.length - MOST_REASONS} more calls failed`);
  const { summary } = run;
  const kinds = new Set(result.calls.flatMap(({ media }) => (media === null ? [] : (matchOf(media) ?? []))));
  const peer = result.calls.find(({ peer }) => peer !== null)?.peer ?? null;
  return {
    ...run,
    options: {
      ...run.options,
      address: peer,
      streams: undefined,
      count: options.count,
      concurrency: options.concurrency,
      cps: options.cps,
      ...(options.forNs === null ? {} : { for_seconds: options.forNs / 1e9 }),
      ring_timeout_ms: options.ringTimeoutNs / 1e6,
      match: options.match,
    },
    summary: {
      ...summary,
      total_channels: result.calls.length,
      peak_channels: result.peak,
      match: kinds.size === 0 ? null : [...kinds].toSorted().join('+'),
      // What is not heard need not be lost, and G.107 knows only of loss.
      ...(kinds.has('audio') ? { packet_loss_ratio: null, r_factor: null, mos: null, quality: null } : {}),
      ...(failures.length === 0 ? {} : { verdict: 'fail' as const, verdict_reasons: reasons }),
    },
    calls: result.calls.map(rowOf),
  };
}

/** `call 3: busy (486 Busy Here)` */
export function callProblem({ number, problem }: SettledCall): string {
  return `call ${number}: ${problem ?? ''}`;
}

function rowOf(call: SettledCall): CallRow {
  const { media, answeredMs, endingMs } = call;
  const measured = media !== null && isMatched(media) ? media : null;
  const { id: _stream, port: _port, ...numbers } = measured?.streams[0] ?? { id: '', port: null };
  const reason = media?.streams[0]?.match_reason;
  return {
    id: `call-${call.number}`,
    state: call.problem === null ? 'done' : 'failed',
    port: call.port,
    peer: call.peer,
    started_at: call.startedAt,
    ended_at: call.endedAt,
    ...(answeredMs === null ? {} : { duration_seconds: ((endingMs ?? call.endedMs) - answeredMs) / 1000 }),
    setup_ms: answeredMs,
    ...numbers,
    end_reason: call.problem ?? (call.stopped ? 'stopped' : null),
    match: media === null ? null : matchOf(media),
    ...(typeof reason === 'string' ? { match_reason: reason } : {}),
    ...scoreOf(measured, call.codec),
    other_ssrc: media?.otherSsrc ?? null,
    ...(media?.srtp === undefined ? {} : { srtp: media.srtp }),
    rtcp: call.rtcp === null ? null : rtcpOf(call.rtcp),
  };
}

function rtcpOf(facts: RtcpFacts): CallRtcpMembers {
  return {
    ...{ sent: facts.sent, received: facts.received, reports: facts.reports },
    round_trip_ms: facts.roundTripMs,
    round_trip_avg_ms: facts.meanRoundTripMs,
    round_trip_min_ms: facts.leastRoundTripMs,
    round_trip_max_ms: facts.mostRoundTripMs,
    round_trips: facts.roundTrips,
    round_trip_error_ms: facts.roundTripErrorMs,
    far_end_lost: facts.farEndLost,
    far_end_received: facts.farEndReceived,
    far_end_fraction_lost: facts.farEndFractionLost,
    far_end_jitter_ms: facts.farEndJitterMs,
  };
}

function withSip(row: CallRow, call: SettledCall): CallRow {
  return {
    ...row,
    sip: {
      call_id: call.callId,
      status: call.status,
      cause: call.cause,
      codec: call.codec,
      ptime_ms: call.ptimeMs,
      request_delay_ms: call.requestDelayMs,
      early_media_ms: call.earlyMediaMs,
      disconnect_delay_ms: call.disconnectMs,
    },
  };
}

function scoreOf(media: MediaFacts | null, codec: string | null): { readonly r_factor: number | null; readonly mos: number | null } {
  if (media === null || codec === null || !isG711(codec) || matchOf(media) === 'audio') return { r_factor: null, mos: null };
  const { received, lost, meanLatencyNs } = media;
  const settled = received + lost;
  const { rFactor, mos } = scoreStream({
    codec: 'G.711',
    packets: settled,
    lossRatio: settled === 0 ? null : lost / settled,
    roundTripMs: meanLatencyNs === null ? null : meanLatencyNs / 1e6,
  });
  return { r_factor: rFactor, mos };
}

function setUpOf(setUp: CallMetricsSummary): SipSetUp {
  return {
    session_requests: setUp.sessionRequests,
    request_delay_ms: membersOf(setUp.successfulSessionRequestDelay),
    failed_request_delay_ms: membersOf(setUp.failedSessionRequestDelay),
    disconnect_delay_ms: membersOf(setUp.sessionDisconnectDelay),
    session_duration_ms: membersOf(setUp.sessionDuration),
    session_establishment_ratio: setUp.sessionEstablishmentRatio,
    session_establishment_effectiveness_ratio: setUp.sessionEstablishmentEffectivenessRatio,
    ineffective_session_attempt_ratio: setUp.ineffectiveSessionAttemptRatio,
    session_completion_ratio: setUp.sessionCompletionRatio,
  };
}

function membersOf(delay: DelaySummary | null): DelayMembers | null {
  if (delay === null) return null;
  const { count, meanMs, p50Ms, p95Ms, p99Ms, maxMs } = delay;
  return { count, mean: meanMs, p50: p50Ms, p95: p95Ms, p99: p99Ms, max: maxMs };
}
