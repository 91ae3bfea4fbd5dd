/** What the far end of a call that was placed has said by RTCP (RFC 3550 §6.4). Each member is null when it never said that, which is not 0. */
export interface CallRtcpMembers {
  /** Reports that we sent. */
  readonly sent: number;
  /** Packets of RTCP that came from the far end. */
  readonly received: number;
  /** Of those, how many say what it received of ours. */
  readonly reports: number;
  /** Network round trip to the far end, by LSR and DLSR (§6.4.1): median, mean, least, most, and of how many reports. */
  readonly round_trip_ms: number | null;
  readonly round_trip_avg_ms: number | null;
  readonly round_trip_min_ms: number | null;
  readonly round_trip_max_ms: number | null;
  readonly round_trips: number;
  /** It may be shorter by so much: 1 ms where the far end counts DLSR in whole milliseconds, else 1/65536 s. */
  readonly round_trip_error_ms: number | null;
  /** Of our packets up to the highest that its last report knows, those that never reached it, and those that did. */
  readonly far_end_lost: number | null;
  readonly far_end_received: number | null;
  /** Lost between its last two reports, as a fraction of 1. */
  readonly far_end_fraction_lost: number | null;
  readonly far_end_jitter_ms: number | null;
}
