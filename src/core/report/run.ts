/**
 * The run document `rtplat.run/1`: what `probe`, `ari-serve` and `sip-serve` leave behind. It describes itself: tool, host,
 * options, clock, the instrument's own error, counters, the whole latency histogram, a row a second and a row a call.
 * Latencies in milliseconds, ratios as fractions of 1; null is "not measured", never 0. Reading is in `read-run.ts`, so that
 * writing a run costs no schema library.
 */
import type { EncodedHistogram, LatencyHistogram } from '../stats/histogram.ts';
import { spread, summarize } from './latency-summary.ts';
import type { BudgetMembers } from './budget.ts';
import type { Spread } from './metrics.ts';
import type { LatencySummary, RelayCounters } from './metrics.ts';
import type { CallRtcpMembers } from './rtcp.ts';

export const RUN_SCHEMA = 'rtplat.run/1';

/** The commands that write runs. */
export const RUN_COMMANDS = ['probe', 'ari-serve', 'sip-serve', 'demo'] as const;
export type RunCommand = (typeof RUN_COMMANDS)[number];

/** `insufficient`: too few samples; `inconclusive`: the instrument itself is in doubt. */
export const VERDICTS = ['pass', 'fail', 'insufficient', 'inconclusive'] as const;
export type Verdict = (typeof VERDICTS)[number];

export interface RunHost {
  readonly hostname: string;
  /** `process.platform`, e.g. `linux`. */
  readonly os: string;
  /** Kernel release, e.g. `6.1.0-28-amd64`. */
  readonly kernel: string;
  readonly arch: string;
  /** Logical processors. */
  readonly cpus: number;
  readonly cpu_model: string;
  /** Node version without the `v`. */
  readonly node: string;
}

/** The ten names of the metrics document, and what a run says beside them. `sent = received + lost + in_flight`. */
export interface RunSummary extends LatencySummary {
  /** Calls or streams of the run. */
  readonly total_channels: number;
  /** Of those, still up when the run ended. */
  readonly active_channels: number;
  /** The most that were up at once; without it, `total_channels` were. Picks the row of the service-level table. */
  readonly peak_channels?: number;
  readonly sent: number;
  /** Packets that came back within the loss time-out, each once. */
  readonly received: number;
  readonly lost: number;
  /** Returned packets that were late; null when lateness was not measured. */
  readonly late: number | null;
  readonly duplicates: number;
  readonly reordered: number;
  readonly in_flight: number;
  /** RFC 3550 interarrival jitter. */
  readonly jitter_ms: number | null;
  /** Actual minus due time of sending. */
  readonly send_error_ms: Spread | null;
  /** What a clock in user space would have added to the latencies; null where the clock is that one. */
  readonly host_delay_ms: Spread | null;
  /** Datagrams that the kernel dropped at our own sockets. */
  readonly socket_drops: number | null;
  /** ITU-T G.107. */
  readonly r_factor: number | null;
  readonly mos: number | null;
  /** What R and MOS were computed from: delay and its source, Ie, Bpl, the concealment assumed; and the terms that R is the sum of. */
  readonly quality: Readonly<Record<string, unknown>> | null;
  readonly clock: 'kernel' | 'user';
  /** Packets whose latency is by the user clock although `clock` is the kernel's; null where it is not. Missing in runs of 0.1. */
  readonly unstamped?: number | null;
  /** The UDP engine, `portable` or `batch`. */
  readonly engine: string;
  /** Why that engine, one phrase. Missing in runs of 0.1. */
  readonly engine_reason?: string;
  /** How echoes were matched to packets, `header`, `payload`, `audio`, or those of several calls, a `+` between; null where nothing was matched. */
  readonly match: string | null;
  readonly verdict: Verdict;
  /** One sentence each; empty on `pass`. */
  readonly verdict_reasons: readonly string[];
}

/** What happened in one second of the run. */
export interface SeriesRow {
  /** Start of the second, in seconds since the start of the run. */
  readonly t: number;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly late: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** One call or stream; a `CallDocument` is one. Anything but `id` may be missing. */
export interface CallRow extends Partial<LatencySummary> {
  readonly id: string;
  readonly name?: string;
  readonly state?: string;
  readonly port?: number | null;
  readonly peer?: string | null;
  readonly started_at?: string;
  readonly ended_at?: string | null;
  readonly duration_seconds?: number;
  readonly setup_ms?: number | null;
  readonly first_packet_ms?: number | null;
  readonly jitter_ms?: number | null;
  /** null where the call was not relayed. */
  readonly counters?: Partial<RelayCounters> | null;
  readonly end_reason?: string | null;
  /** How the packets of a call that was placed were matched; null where they were not. */
  readonly match?: string | null;
  /** Packets matched / packets that came back. */
  readonly match_share?: number | null;
  /** Why `match` is null; missing or null where nothing came back. */
  readonly match_reason?: string | null;
  /** Matched by audio: how much of what is heard is what was sent, 0 … 1, mean of the packets; and no delay is farther off than the error. */
  readonly match_score?: number | null;
  readonly match_error_ms?: number | null;
  /** Matched by payload: audio that was sent and did not come back. */
  readonly lost_audio_ms?: number | null;
  /** Matched by audio: packets whose audio was not found, and as a fraction of all whose time is over. */
  readonly not_found?: number | null;
  readonly not_found_ratio?: number | null;
  /** Matched by audio: steps of the delay that lasted, such as those of a jitter buffer. */
  readonly delay_moves?: readonly DelayMove[];
  /** Matched by audio: by how much the delay grows, parts in a million; and three standard errors of that. */
  readonly clock_skew_ppm?: number | null;
  readonly clock_skew_error_ppm?: number | null;
  readonly r_factor?: number | null;
  readonly mos?: number | null;
  /** RTP packets that came with an SSRC that was not sent; null where there were no media. */
  readonly other_ssrc?: number | null;
  /** Of a call whose RTP was encrypted: what came, was not authentic or had come before, and is in no other number. */
  readonly srtp?: { readonly suite: string; readonly unauthenticated: number; readonly replayed: number };
  /** What the far end of a call that was placed said by RTCP; null where there were no media. */
  readonly rtcp?: CallRtcpMembers | null;
  /** Of a call that was placed by SIP. */
  readonly sip?: SipCallMembers;
  /** Of a call that Asterisk was asked for. */
  readonly ari?: AriCallMembers;
}

export interface DelayMove {
  /** Since the first packet that came back. */
  readonly at_seconds: number;
  /** Later is positive. */
  readonly by_ms: number;
}

/** What SIP has to say of a call that was placed. */
export interface SipCallMembers {
  readonly call_id: string;
  /** Final answer to the INVITE; null when none came. */
  readonly status: number | null;
  /** The far end's reason for the end, such as `486 Busy Here, Q.850 cause 17`; null without. */
  readonly cause: string | null;
  readonly codec: string | null;
  readonly ptime_ms: number | null;
  /** From the INVITE to the first answer other than 100 and a challenge (SRD, RFC 6076). */
  readonly request_delay_ms: number | null;
  /** From the INVITE to a session description in a provisional answer. */
  readonly early_media_ms: number | null;
  /** From our BYE to its answer (SDD). */
  readonly disconnect_delay_ms: number | null;
}

/** The set-up of all calls that were placed (RFC 6076). Ratios are fractions of 1; null while there is nothing to take them from. */
export interface SipSetUp {
  /** INVITEs that have ended; those that were given up because the run was stopped are not among them. */
  readonly session_requests: number;
  readonly request_delay_ms: DelayMembers | null;
  readonly failed_request_delay_ms: DelayMembers | null;
  readonly disconnect_delay_ms: DelayMembers | null;
  readonly session_duration_ms: DelayMembers | null;
  readonly session_establishment_ratio: number | null;
  readonly session_establishment_effectiveness_ratio: number | null;
  readonly ineffective_session_attempt_ratio: number | null;
  readonly session_completion_ratio: number | null;
}

/** What the caller, Asterisk and the service say of a call that Asterisk was asked for. */
export interface AriCallMembers {
  readonly channel_id: string;
  /** Why Asterisk hung it up (ITU-T Q.850); null where we did. */
  readonly cause: number | null;
  readonly cause_text: string | null;
  /** RTP packets sent to Asterisk, and those that came from it, whoever numbered them; null without media. */
  readonly sent: number | null;
  readonly came_back: number | null;
  /** The same call in the service that took it; null where it is not known there. */
  readonly service: {
    readonly id: string;
    readonly setup_ms: number | null;
    readonly p50_latency: number | null;
    readonly p99_latency: number | null;
    readonly max_latency: number | null;
    readonly from_peer: number | null;
    readonly returned: number | null;
    readonly lost: number | null;
    readonly to_peer: number | null;
  } | null;
}

/** A load that was placed through ARI, from both of its ends. */
export interface AriLoad {
  readonly calls_placed: number;
  readonly calls_answered: number;
  /** Answered, with media that came back, to their planned end. */
  readonly calls_succeeded: number;
  /** Of the calls that were not stopped before they were answered. */
  readonly success_ratio: number | null;
  /** Begun in a second, from the first to the last. */
  readonly calls_per_second: number | null;
  /** From asking for a call until it was answered. */
  readonly setup_ms: DelayMembers | null;
  /** The most frequent first; calls that failed alike are one. */
  readonly failures: readonly AriFailureMembers[];
  readonly sent: number;
  readonly came_back: number;
  /** Channels and bridges of ours that could not be taken down; null when Asterisk could not be asked. */
  readonly left: number | null;
  /** null when no service was named. */
  readonly service: AriServiceMembers | null;
  readonly agreement: AriAgreement | null;
}

export interface AriFailureMembers {
  /** Of the first of them. */
  readonly problem: string;
  readonly cause: number | null;
  readonly calls: number;
}

/** What the service counted during the run. */
export interface AriServiceMembers {
  readonly url: string;
  /** Why its numbers are not to be relied on, one line. */
  readonly trouble: string | null;
  /** Whoever called; null when it was started anew. */
  readonly calls_taken: number | null;
  readonly calls_refused: number | null;
  readonly calls_failed: number | null;
  /** Of ours, those that it showed. */
  readonly calls_joined: number;
  /** `call`: the sum of our calls; `total`: what was added to the service's sums, where nobody else called. */
  readonly counted_by: 'call' | 'total' | null;
  readonly counters: Pick<RelayCounters, 'from_peer' | 'sent' | 'returned' | 'lost' | 'in_flight' | 'to_peer'> | null;
}

/** `unknown` where one of the checks has but one side. */
export interface AriAgreement {
  readonly verdict: 'agree' | 'differ' | 'unknown';
  readonly checks: readonly AriCheck[];
}

export interface AriCheck {
  /** What is compared: the one and the other. */
  readonly name: string;
  readonly one: number | null;
  readonly other: number | null;
  readonly agrees: boolean | null;
}

export interface DelayMembers {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

export interface RunDocument {
  readonly schema: typeof RUN_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  readonly host: RunHost;
  readonly command: RunCommand;
  /** Wall clock, ISO 8601 with `Z`. */
  readonly started_at: string;
  readonly ended_at: string;
  /** By the monotonic clock; `ended_at − started_at` may differ when the wall clock was set. */
  readonly duration_seconds: number;
  readonly options: Readonly<Record<string, unknown>>;
  readonly summary: RunSummary;
  readonly histogram: EncodedHistogram;
  readonly send_error_histogram?: EncodedHistogram;
  readonly series: readonly SeriesRow[];
  readonly calls: readonly CallRow[];
  /** Only of a run that placed calls by SIP. */
  readonly sip?: SipSetUp;
  /** Only of a run that placed calls through ARI. */
  readonly ari?: AriLoad;
  /** Where the round trip goes; only of a run that was told the service that took its calls. */
  readonly budget?: BudgetMembers;
}

/** Everything {@link buildRun} needs; time and host are told, not asked. */
export interface RunParts {
  readonly command: RunCommand;
  /** Version of rtplat. */
  readonly version: string;
  readonly host: RunHost;
  /** ISO 8601 with `Z`, as `Date.prototype.toISOString` gives it. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly durationSeconds: number;
  /** The options in force, without secrets. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly latency: LatencyHistogram;
  /** null where nothing is sent on a schedule. */
  readonly sendError: LatencyHistogram | null;
  readonly hostDelay: LatencyHistogram | null;
  readonly counts: RunCounts;
  readonly jitterMs: number | null;
  readonly rFactor: number | null;
  readonly mos: number | null;
  readonly quality: Readonly<Record<string, unknown>> | null;
  readonly clock: 'kernel' | 'user';
  readonly unstamped?: number | null;
  readonly engine: string;
  readonly engineReason?: string;
  readonly match: string | null;
  readonly verdict: Verdict;
  readonly verdictReasons: readonly string[];
  readonly series: readonly SeriesRow[];
  readonly calls: readonly CallRow[];
}

export interface RunCounts {
  readonly totalChannels: number;
  readonly activeChannels: number;
  /** Leave it out when all channels were up at once, as the streams of a probe are. */
  readonly peakChannels?: number;
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly late: number | null;
  readonly duplicates: number;
  readonly reordered: number;
  readonly inFlight: number;
  readonly socketDrops: number | null;
}

/** The run document of what was measured. */
export function buildRun(parts: RunParts): RunDocument {
  const { counts } = parts;
  return {
    schema: RUN_SCHEMA,
    tool: { name: 'rtplat', version: parts.version },
    host: parts.host,
    command: parts.command,
    started_at: parts.startedAt,
    ended_at: parts.endedAt,
    duration_seconds: parts.durationSeconds,
    options: parts.options,
    summary: {
      total_channels: counts.totalChannels,
      active_channels: counts.activeChannels,
      ...(counts.peakChannels === undefined ? {} : { peak_channels: counts.peakChannels }),
      ...summarize(parts.latency, { lateCount: counts.late, returned: counts.received, lost: counts.lost }),
      sent: counts.sent,
      received: counts.received,
      lost: counts.lost,
      late: counts.late,
      duplicates: counts.duplicates,
      reordered: counts.reordered,
      in_flight: counts.inFlight,
      jitter_ms: parts.jitterMs,
      send_error_ms: spread(parts.sendError),
      host_delay_ms: spread(parts.hostDelay),
      socket_drops: counts.socketDrops,
      r_factor: parts.rFactor,
      mos: parts.mos,
      quality: parts.quality,
      clock: parts.clock,
      ...(parts.unstamped === undefined ? {} : { unstamped: parts.unstamped }),
      engine: parts.engine,
      ...(parts.engineReason === undefined ? {} : { engine_reason: parts.engineReason }),
      match: parts.match,
      verdict: parts.verdict,
      verdict_reasons: parts.verdictReasons,
    },
    histogram: parts.latency.encode(),
    ...(parts.sendError === null ? {} : { send_error_histogram: parts.sendError.encode() }),
    series: parts.series,
    calls: parts.calls,
  };
}
