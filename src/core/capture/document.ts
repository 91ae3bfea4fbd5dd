/**
 * The capture document `rtplat.capture/1`: what `report` finds in a capture. It is no run document: a run is measured by an instrument
 * that knows what it sent, and describes that instrument (engine, host, options, send error); of a capture only the file is known,
 * its one-way streams have no latency, and round trips are in it by luck. Latencies in milliseconds, ratios as fractions
 * of 1; null is "not measured", never 0.
 */
import type { EncodedHistogram } from '../stats/histogram.ts';
import { ratio, summarize, toMs } from '../report/latency-summary.ts';
import type { LatencySummary } from '../report/metrics.ts';
import { endpointAt } from './addresses.ts';
import type { CaptureAnalysis } from './analysis.ts';
import type { EchoCounts } from './echo-pair.ts';
import type { PairOfStreams, Stream } from './streams.ts';

export const CAPTURE_SCHEMA = 'rtplat.capture/1';

export interface CaptureDocument {
  readonly schema: typeof CAPTURE_SCHEMA;
  readonly tool: { readonly name: string; readonly version: string };
  readonly file: {
    readonly name: string;
    readonly format: 'pcap' | 'pcapng';
    /** Of the capture, once it is uncompressed. */
    readonly bytes: number;
    readonly compressed: boolean;
  };
  /** Of the first frame, wall clock of who captured, ISO 8601; null when no frame has a time. */
  readonly started_at: string | null;
  /** From the first frame to the latest. */
  readonly duration_seconds: number | null;
  readonly frames: FrameCounts;
  readonly streams: readonly CapturedStream[];
  /** null when no stream is the echo of another. */
  readonly round_trips: RoundTrips | null;
  /** What the numbers leave out, one sentence each. */
  readonly warnings: readonly string[];
}

/** Every frame is in exactly one of these but `total`, `cut` and `dropped`. */
export interface FrameCounts {
  readonly total: number;
  readonly rtp: number;
  readonly rtcp: number;
  /** RTP of streams beyond those that are measured. */
  readonly rtp_untracked: number;
  readonly other_udp: number;
  readonly not_udp: number;
  readonly not_ip: number;
  /** Further parts of fragmented datagrams; the first part of each counts as the datagram. */
  readonly fragments: number;
  /** With headers that are cut short or contradict themselves. */
  readonly broken: number;
  /** Of link types that are not looked into. */
  readonly foreign: number;
  /** UDP datagrams whose end is not in the file: they count by their headers. */
  readonly cut: number;
  /** Frames that came but are not in the file, because whoever captured was too slow; null when the file does not say. */
  readonly dropped: number | null;
}

export interface CapturedStream {
  readonly source: string;
  readonly destination: string;
  readonly ssrc: number;
  readonly payload_types: readonly number[];
  /** By the payload type, or by how fast the timestamps run; null when neither says it. */
  readonly clock_rate_hz: number | null;
  /** Of its first packet, since `started_at`. */
  readonly start_seconds: number | null;
  readonly duration_seconds: number | null;
  readonly packets: number;
  readonly expected: number;
  readonly lost: number;
  readonly loss_ratio: number | null;
  readonly duplicates: number;
  readonly reordered: number;
  /** Far out of sequence and alone; in none of the loss numbers. */
  readonly out_of_sequence: number;
  /** How often the sequence started over. */
  readonly restarts: number;
  /** RFC 3550 §6.4.1, over its values after each packet. */
  readonly mean_jitter_ms: number | null;
  readonly max_jitter_ms: number | null;
  /** The longest time between two packets, but for pauses. */
  readonly max_delta_ms: number | null;
  /** Packets with the marker bit, but for the first: as a rule, talkspurts after a pause. */
  readonly markers: number;
  /** The longest time before one of them. */
  readonly max_pause_ms: number | null;
  /** The SSRC that the same source sent to the same destination before; null for the first. */
  readonly previous_ssrc: number | null;
}

/** As in the summary of a run. `sent = received + lost + in_flight`. */
export interface EchoSummary extends LatencySummary {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly in_flight: number;
  readonly late: number | null;
  readonly late_after_loss: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Echoes of packets that are not in the capture. */
  readonly unmatched: number;
}

export interface RoundTrips {
  readonly summary: EchoSummary;
  /** Pairs that overlapped in time, at the most; picks the row of the service-level table. */
  readonly peak_channels: number;
  readonly histogram: EncodedHistogram;
  readonly pairs: readonly EchoedStream[];
}

/** One stream and its echo; the percentiles are null where there are too many pairs to keep a histogram of each. */
export interface EchoedStream extends EchoSummary {
  readonly source: string;
  readonly destination: string;
  readonly ssrc: number;
}

export interface CaptureParts {
  readonly version: string;
  readonly name: string;
  readonly compressed: boolean;
  readonly startedAt: string | null;
  /** From the reader. */
  readonly warnings: readonly string[];
}

/** @param analysis finished. */
export function buildCapture(analysis: CaptureAnalysis, parts: CaptureParts): CaptureDocument {
  const { reader, table, kinds, cut } = analysis;
  const { counts } = table;
  const timed = reader.baseNs !== undefined;
  const frames: FrameCounts = {
    total: reader.frames + reader.foreign,
    rtp: counts.rtp,
    rtcp: counts.rtcp,
    rtp_untracked: counts.untracked,
    other_udp: counts.other,
    not_udp: kinds['not-udp'],
    not_ip: kinds['not-ip'],
    fragments: kinds.fragment,
    broken: kinds.broken,
    foreign: reader.foreign,
    cut,
    dropped: reader.dropped,
  };
  return {
    schema: CAPTURE_SCHEMA,
    tool: { name: 'rtplat', version: parts.version },
    file: { name: parts.name, format: reader.format ?? 'pcap', bytes: reader.bytes, compressed: parts.compressed },
    started_at: parts.startedAt,
    duration_seconds: timed ? analysis.lastNs / 1e9 : null,
    frames,
    streams: streamsOf(table.streams),
    round_trips: roundTripsOf(analysis),
    warnings: [...parts.warnings, ...warningsOf(frames, table)],
  };
}

function warningsOf(frames: FrameCounts, { unpaired, unfollowed }: CaptureAnalysis['table']): readonly string[] {
  const warnings: string[] = [];
  if (frames.dropped !== null && frames.dropped > 0) {
    warnings.push(`the capture itself lost ${frames.dropped} frames: some of what is lost here was not lost on the way`);
  }
  if (frames.fragments > 0) warnings.push(`${frames.fragments} further parts of fragmented datagrams are left out; the first parts count`);
  if (frames.cut > 0) warnings.push(`${frames.cut} datagrams are not whole in the capture: they count by their headers`);
  if (frames.broken > 0) warnings.push(`${frames.broken} frames have broken headers and are left out`);
  if (frames.foreign > 0) warnings.push(`${frames.foreign} frames are of link types that are not read`);
  if (frames.rtp_untracked > 0) warnings.push(`${frames.rtp_untracked} RTP packets are of more streams than are measured`);
  if (unfollowed > 0) {
    warnings.push(`${unfollowed} datagrams that may be RTP are of more sources at once than can be followed: they count as other UDP`);
  }
  if (unpaired > 0) warnings.push(`${unpaired} more streams have an echo than are measured`);
  return warnings;
}

function streamsOf(streams: readonly Stream[]): readonly CapturedStream[] {
  const before = new Map<string, number>();
  return streams.map(({ key, clockRateHz, meter }) => {
    const source = endpointAt(key, 0);
    const destination = endpointAt(key, 1);
    const ssrc = key[10] as number;
    const path = `${source} ${destination}`;
    const previous = before.get(path) ?? null;
    before.set(path, ssrc);
    const numbers = meter.result(1_000 / (clockRateHz ?? 8_000));
    const { firstAtNs, lastAtNs } = numbers;
    return {
      source,
      destination,
      ssrc,
      payload_types: meter.payloadTypes(),
      clock_rate_hz: clockRateHz,
      start_seconds: firstAtNs === null ? null : firstAtNs / 1e9,
      duration_seconds: firstAtNs === null || lastAtNs === null ? null : (lastAtNs - firstAtNs) / 1e9,
      packets: numbers.packets,
      expected: numbers.expected,
      lost: numbers.lost,
      loss_ratio: ratio(numbers.lost, numbers.expected),
      duplicates: numbers.duplicates,
      reordered: numbers.reordered,
      out_of_sequence: numbers.outOfSequence,
      restarts: numbers.restarts,
      mean_jitter_ms: numbers.meanJitterMs,
      max_jitter_ms: numbers.maxJitterMs,
      max_delta_ms: toMs(numbers.maxDeltaNs),
      markers: numbers.markers,
      max_pause_ms: toMs(numbers.maxPauseNs),
      previous_ssrc: previous,
    };
  });
}

function roundTripsOf({ table, lastNs }: CaptureAnalysis): RoundTrips | null {
  if (table.pairs.length === 0) return null;
  const total = { sent: 0, returned: 0, lost: 0, inFlight: 0, lateAfterLoss: 0, duplicates: 0, reordered: 0, unmatched: 0 };
  let late: number | null = 0;
  const pairs = table.pairs.map(({ outgoing, measured, histogram }) => {
    const counts = measured.counts(lastNs);
    for (const name of Object.keys(total) as (keyof typeof total)[]) total[name] += counts[name];
    // Of some only, the sum would be too low.
    late = late === null || counts.late === null ? null : late + counts.late;
    const fates = { lateCount: counts.late, returned: counts.returned, lost: counts.lost };
    const latencies = histogram === undefined ? unknownLatency(counts) : summarize(histogram, fates);
    return {
      source: endpointAt(outgoing.key, 0),
      destination: endpointAt(outgoing.key, 1),
      ssrc: outgoing.key[10] as number,
      ...echoSummary(latencies, counts, counts.late),
    };
  });
  const latencies = summarize(table.histogram, { lateCount: late, returned: total.returned, lost: total.lost });
  return {
    summary: echoSummary(latencies, total, late),
    peak_channels: mostAtOnce(table.pairs),
    histogram: table.histogram.encode(),
    pairs,
  };
}

type Totals = Omit<EchoCounts, 'late' | 'duplicatesSent' | 'untracked'>;

function echoSummary(latencies: LatencySummary, counts: Totals, late: number | null): EchoSummary {
  return {
    ...latencies,
    sent: counts.sent,
    received: counts.returned,
    lost: counts.lost,
    in_flight: counts.inFlight,
    late,
    late_after_loss: counts.lateAfterLoss,
    duplicates: counts.duplicates,
    reordered: counts.reordered,
    unmatched: counts.unmatched,
  };
}

/** Of a pair that has no histogram. */
function unknownLatency({ returned, lost, late }: EchoCounts): LatencySummary {
  return {
    total_latencies: returned,
    p50_latency: null,
    p95_latency: null,
    p99_latency: null,
    max_latency: null,
    avg_latency: null,
    late_ratio: ratio(late, returned),
    packet_loss_ratio: ratio(lost, returned + lost),
  };
}

/** How many pairs there were at the same time, from the first packet sent to the last. */
function mostAtOnce(pairs: readonly PairOfStreams[]): number {
  const changes = pairs.flatMap(({ outgoing }) => {
    const { firstAtNs, lastAtNs } = outgoing.meter.result(1);
    // Without times, all may have been.
    return [
      { atNs: firstAtNs ?? Number.NEGATIVE_INFINITY, by: 1 },
      { atNs: lastAtNs ?? Number.POSITIVE_INFINITY, by: -1 },
    ];
  });
  let [now, most] = [0, 0];
  for (const { by } of changes.toSorted((a, b) => (a.atNs === b.atNs ? b.by - a.by : a.atNs - b.atNs))) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}
