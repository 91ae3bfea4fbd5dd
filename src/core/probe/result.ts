/** What a probe measured. Nanoseconds, and counts of packets; the run document is made from it. */
import type { CallRow, SeriesRow } from '../report/run.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import type { SrtpFacts } from '../srtp/receiver.ts';
import type { SrtpKeys } from '../srtp/suites.ts';
import type { OneWayResult } from '../oneway/delays.ts';
import type { ProbeAudio } from './source.ts';
import type { ClockName, Endpoint, EngineName } from '../udp/engine.ts';

export interface ProbeOptions {
  readonly streams: number;
  /** Between two packets of one stream. */
  readonly intervalNs: number;
  /** Audio in a packet. */
  readonly ptimeNs: number;
  /** What that audio is; PCMU without it, 8 bytes a millisecond. */
  readonly audio?: ProbeAudio | undefined;
  readonly durationNs: number;
  /** An echo that takes longer counts as lost. */
  readonly timeoutNs: number;
  readonly lateThresholdNs: number;
  /** Of SSRCs, first sequence numbers and first timestamps. */
  readonly seed: number;
  /** Asked for at every socket, each way. */
  readonly bufferBytes: number;
  /** Of the tokens at the end of the packets; without it they carry none. */
  readonly tokenKey?: string | undefined;
  /** Of a single stream that is encrypted. */
  readonly srtp?: SrtpKeys | undefined;
  /** Each packet has a place for times of the far end. */
  readonly oneWay?: true | undefined;
}

/** Packets of one stream, or of all. `sent = received + lost + inFlight`. */
export interface ProbeCounts {
  readonly sent: number;
  /** Came back within the time-out, each once. */
  readonly received: number;
  readonly lost: number;
  /** Only when the run was ended early. */
  readonly inFlight: number;
  readonly late: number;
  /** Came after the time-out; stays lost. */
  readonly lateAfterLoss: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Datagrams that are no echo of ours. */
  readonly unmatched: number;
  /** Of those, RTP with an SSRC that is none of ours: whoever answers makes packets of his own. */
  readonly otherSsrc: number;
  /** Datagrams that are not RTP. */
  readonly malformed: number;
  /** The kernel refused to send. */
  readonly sendErrors: number;
}

export interface ProbeResult extends ProbeCounts {
  readonly targets: readonly [Endpoint, ...Endpoint[]];
  readonly options: ProbeOptions;
  readonly engine: EngineName;
  readonly clock: ClockName;
  /** From the first due time to the end of waiting. */
  readonly durationNs: number;
  /** Ended before all was sent. */
  readonly aborted: boolean;
  /** T1 − T0: between the kernel's stamps with its clock, from the due time with the user's. */
  readonly latency: LatencyHistogram;
  /** Actual minus due time of sending. */
  readonly sendError: LatencyHistogram;
  /**
   * What a clock in user space would have added to the latencies: from when a packet was handed to the kernel until it left, and
   * from when its echo arrived until it was read. null where the clock is that one.
   */
  readonly hostDelay: LatencyHistogram | null;
  /** Returned packets whose latency is by the user clock although the kernel's is asked; null where it is not. */
  readonly unstamped: number | null;
  /** Mean of the streams' interarrival jitter (RFC 3550 §6.4.1); null when no stream has one. */
  readonly jitterMs: number | null;
  /** null where the system does not tell. */
  readonly socketDrops: number | null;
  /** Least that was granted to any socket. */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** ICMP port unreachable, as often as it was reported. */
  readonly refusals: number;
  /** What the kernel reported last for any socket, `EHOSTUNREACH: …`; null when nothing. */
  readonly lastError: string | null;
  /** Of a stream that was encrypted, what came and was dropped; missing where none was. */
  readonly srtp?: SrtpFacts;
  /** Only where it was asked for. */
  readonly oneWay?: OneWayResult;
  readonly series: readonly SeriesRow[];
  readonly streams: readonly CallRow[];
}

/** How far a probe has come. */
export interface ProbeProgress {
  readonly elapsedNs: number;
  readonly sent: number;
  /** Packets to send in all. */
  readonly total: number;
  readonly received: number;
  readonly lost: number;
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
}
