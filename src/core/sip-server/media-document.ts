/** The numbers of a call's media as documents show them: names and units as docs/measurement.md has them. Pure. */
import type { MediaCounters, MediaSums } from '../media/numbers.ts';

/** Of one call or of all. Counts are since the start; null is not known. */
export interface MediaSumsDocument {
  /** RTP packets, and the bytes of their payload. */
  readonly sent: number;
  readonly sent_bytes: number;
  readonly received: number;
  readonly received_bytes: number;
  /** By the sequence numbers of what came; falls when a late packet comes after all. */
  readonly lost: number | null;
  readonly duplicates: number;
  readonly reordered: number;
  /** Behind their timestamp. */
  readonly late: number;
  /** Datagrams of somebody else. */
  readonly rejected_source: number;
  readonly malformed: number;
  /** RTP of a payload type that was not agreed on. */
  readonly other_payload: number;
  readonly send_errors: number;
  /** Packets that were not sent because their time was long over. */
  readonly skipped: number;
  readonly socket_drops: number | null;
  readonly rtcp_sent: number;
  readonly rtcp_received: number;
  readonly rtcp_malformed: number;
  /** Of what we sent, by the peers' last reports. */
  readonly remote_lost: number | null;
  readonly recorded_bytes: number;
  /** That the disk did not take in time. */
  readonly recording_dropped_bytes: number;
}

export interface MediaDocument extends MediaSumsDocument {
  /** RFC 3550 interarrival jitter of what came. */
  readonly jitter_ms: number | null;
  /** Of what we sent, by the peer's last report. */
  readonly remote_jitter_ms: number | null;
  /** By the peer's last report (RFC 3550 §6.4.1). */
  readonly round_trip_ms: number | null;
  /** How far behind its time a packet left at most. */
  readonly pacing_error_max_ms: number | null;
}

export function mediaSumsDocument(sums: MediaSums): MediaSumsDocument {
  return {
    sent: sums.sent,
    sent_bytes: sums.sentBytes,
    received: sums.received,
    received_bytes: sums.receivedBytes,
    lost: sums.lost,
    duplicates: sums.duplicates,
    reordered: sums.reordered,
    late: sums.late,
    rejected_source: sums.refusedSource,
    malformed: sums.malformed,
    other_payload: sums.otherPayload,
    send_errors: sums.sendErrors,
    skipped: sums.skipped,
    socket_drops: sums.socketDrops,
    rtcp_sent: sums.rtcpSent,
    rtcp_received: sums.rtcpReceived,
    rtcp_malformed: sums.rtcpMalformed,
    remote_lost: sums.remoteLost,
    recorded_bytes: sums.recordedBytes,
    recording_dropped_bytes: sums.recordingDroppedBytes,
  };
}

export function mediaDocument(counters: MediaCounters): MediaDocument {
  return {
    ...mediaSumsDocument(counters),
    jitter_ms: counters.jitterMs,
    remote_jitter_ms: counters.remoteJitterMs,
    round_trip_ms: counters.roundTripMs,
    pacing_error_max_ms: counters.pacingMaxMs,
  };
}
