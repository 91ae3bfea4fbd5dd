/**
 * The metrics document: what `GET /metrics` answers and what a run file's summary is built from. Latencies in milliseconds,
 * ratios as fractions of 1; null is "not measured", never 0.
 */

/** Latency numbers of a set of packets. */
export interface LatencySummary {
  /** Latency samples; 0 is a true count. */
  readonly total_latencies: number;
  readonly p50_latency: number | null;
  readonly p95_latency: number | null;
  readonly p99_latency: number | null;
  readonly max_latency: number | null;
  readonly avg_latency: number | null;
  /** Late packets / packets returned. */
  readonly late_ratio: number | null;
  /** Packets whose echo never came / packets whose fate is known. */
  readonly packet_loss_ratio: number | null;
}

/** The ten names of the metrics document, and what stands beside them. */
export interface MetricsDocument extends LatencySummary {
  /** Calls taken since the start. */
  readonly total_channels: number;
  readonly active_channels: number;
  /** The most that were up at once since the start; picks the row of the service-level table. */
  readonly peak_channels: number;
  readonly counters: RelayCounters;
  readonly calls_refused: number;
  readonly calls_failed: number;
  readonly ports: PortCounts;
  /** Datagrams that the kernel dropped because a call's socket was full; null where the system does not tell. */
  readonly socket_drops: number | null;
  readonly uptime_seconds: number;
  readonly clock: 'kernel' | 'user';
  readonly engine: 'portable' | 'batch';
  /** Why that engine. */
  readonly engine_reason: string;
  /** What a clock in user space would have added to the latencies; null where the clock is that one. */
  readonly host_delay_ms: Spread | null;
  /** Datagrams received or sent without the kernel's stamp; null where no stamps are expected. */
  readonly unstamped: number | null;
  /** Echoes that belong to no call that is up. */
  readonly stray_echoes: number;
}

/** Percentiles of an instrument's own error, milliseconds. */
export interface Spread {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Packets of one relayed call, or of all. `sent = returned + lost + in_flight` always. */
export interface RelayCounters {
  /** RTP packets received from the peer (Asterisk). */
  readonly from_peer: number;
  readonly bytes_from_peer: number;
  /** Datagrams received from the echo server. */
  readonly from_echo: number;
  /** Datagrams returned to the peer. */
  readonly to_peer: number;
  /** Packets sent to the echo, each (SSRC, extended sequence number) once. */
  readonly sent: number;
  /** Of those, how many came back within the loss time-out. */
  readonly returned: number;
  /** Of those, how many did not. */
  readonly lost: number;
  /** Of those, how many may still come. */
  readonly in_flight: number;
  /** Returned packets that were late (`measurement.md`, late_ratio). */
  readonly late: number;
  /** Packets that were late by the same measure when they came from the peer: so much of `late` is not the echo path's. */
  readonly late_from_peer: number;
  /** Echoes that came after the loss time-out; they stay counted as lost. */
  readonly late_after_loss: number;
  /** Echoes of a packet whose echo had already come. */
  readonly duplicates: number;
  /** Packets the peer sent twice under one sequence number; forwarded, not measured again. */
  readonly duplicates_sent: number;
  /** Echoes that arrived after an echo of a later packet. */
  readonly reordered: number;
  /** Datagrams from the echo address that match no packet sent. */
  readonly unmatched: number;
  /** Packets forwarded but not measured, because a peer used more SSRCs at once than are tracked. */
  readonly untracked: number;
  /** Datagrams that are not RTP; not forwarded. */
  readonly malformed: number;
  /** Datagrams from an address that is neither the peer nor the echo; not forwarded. */
  readonly rejected_source: number;
  readonly send_errors: number;
}

export interface PortCounts {
  readonly total: number;
  readonly free: number;
  readonly bound: number;
  readonly draining: number;
  /** Ports that another process holds. */
  readonly foreign: number;
}

/** Means, milliseconds, between stamps of the kernel. */
export interface InsideMembers {
  /** From when a packet arrived from Asterisk until it left for the echo. */
  readonly out: number;
  /** From when its echo arrived until it was read; handing it back follows at once. */
  readonly back: number;
}

/** One row of `GET /channels`. */
export interface CallDocument extends LatencySummary {
  readonly id: string;
  /** Name as Asterisk gives it, e.g. `PJSIP/alice-00000001`. */
  readonly name: string;
  /** Call-ID of the SIP call that it is, by which its caller knows it; null where it is none, or Asterisk does not say. */
  readonly sip_call_id: string | null;
  readonly state: string;
  readonly port: number | null;
  /** `UNICASTRTP_LOCAL_ADDRESS:PORT`: where Asterisk sends from. */
  readonly peer: string | null;
  /** Wall clock, ISO 8601. */
  readonly started_at: string;
  readonly ended_at: string | null;
  readonly duration_seconds: number;
  /** StasisStart to answered. */
  readonly setup_ms: number | null;
  /** StasisStart to the first RTP packet from Asterisk. */
  readonly first_packet_ms: number | null;
  /** RFC 3550 interarrival jitter of what Asterisk sent. */
  readonly jitter_ms: number | null;
  /** Time that packets spent in the service; null with the user clock, and before there are any. */
  readonly inside_ms: InsideMembers | null;
  readonly counters: RelayCounters;
  /** Why it ended, or null while it is up. */
  readonly end_reason: string | null;
}
