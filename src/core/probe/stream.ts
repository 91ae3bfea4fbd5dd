/** One stream of a probe: what became of the packets that were sent. Pure: times are handed in. */
import { LatencyTracker } from '../relay/tracker.ts';
import { summarize } from '../report/latency-summary.ts';
import type { CallRow } from '../report/run.ts';
import { createRtpPacket, parseRtp } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { LateDetector } from '../stats/late.ts';
import type { Arrival, ClockName } from '../udp/engine.ts';
import { KernelTimes } from './kernel-times.ts';
import type { ProbeOptions } from './result.ts';
import { PCMU_AUDIO } from './source.ts';
import type { StreamSource } from './source.ts';

/** Answers of {@link ProbeStream.arrived} that are no latency. */
export const NOT_A_SAMPLE = -1;

/** Packets of one stream. `sent = returned + lost + inFlight`. */
export interface EchoCounters {
  readonly sent: number;
  readonly returned: number;
  readonly lost: number;
  readonly inFlight: number;
  readonly late: number;
  readonly lateAfterLoss: number;
  readonly duplicates: number;
  readonly reordered: number;
  readonly unmatched: number;
  readonly otherSsrc: number;
  readonly malformed: number;
}

/** Packet `index` of a stream came back; `hostDelayNs` is NaN where no kernel stamped it. */
export type StreamSample = (index: number, latencyNs: number, late: boolean, hostDelayNs: number) => void;

/** What a session asks of a stream. Another kind of it matches in another way, and hands its samples over by itself. */
export type EchoStream = Pick<
  ProbeStream,
  'lastIndex' | 'lastLate' | 'lastHostDelayNs' | 'unstamped' | 'inFlight' | 'jitterMs' | 'sent' | 'departed' | 'arrived' | 'expire'
> & {
  /** Nothing more will come. */
  finish(nowNs: number): void;
  counters(): EchoCounters;
  row(port: number, sendErrors: number): CallRow;
};

export class ProbeStream implements EchoStream {
  /** Number of the packet that {@link arrived} answered for last, and whether it was late. */
  lastIndex = 0;
  lastLate = false;
  /** What a clock in user space would have added to its latency, ns; NaN where no kernel stamped it. */
  lastHostDelayNs: number = Number.NaN;
  /** Returned packets whose latency is by the user clock where it should be by the kernel's. */
  unstamped = 0;
  readonly #source: StreamSource;
  readonly #tracker: LatencyTracker;
  readonly #late: LateDetector;
  readonly #reception: ReceiverStatistics;
  /** Missing in a probe of very many streams: the memory is better spent on the streams. */
  readonly #histogram: LatencyHistogram | undefined;
  /** Only with the kernel's clock. */
  readonly #departures: KernelTimes | undefined;
  readonly #parsed = createRtpPacket();
  #latest = -1;
  #lateCount = 0;
  #malformed = 0;
  #otherSsrc = 0;

  constructor(options: ProbeOptions, source: StreamSource, clock: ClockName, histogram: LatencyHistogram | undefined) {
    this.#source = source;
    this.#tracker = new LatencyTracker({ timeoutNs: options.timeoutNs });
    const { clockRateHz } = options.audio ?? PCMU_AUDIO;
    this.#reception = new ReceiverStatistics({ clockRateHz });
    this.#late = new LateDetector({ clockRateHz, thresholdNs: options.lateThresholdNs });
    this.#departures = clock === 'kernel' ? new KernelTimes(options) : undefined;
    this.#histogram = histogram;
  }

  /**
   * Packet `index`, the next one, was sent.
   *
   * @param dueNs when it was to be: T0 of a user clock.
   * @param sentNs when it was handed to the kernel: T0 of the kernel's clock until {@link departed} has a better one.
   */
  sent(index: number, dueNs: number, sentNs: number): void {
    this.#latest = index;
    const { ssrc } = this.#source;
    if (this.#departures === undefined) this.#tracker.sent(ssrc, this.#source.sequenceOf(index), dueNs);
    else {
      this.#departures.forget(index);
      this.#tracker.sent(ssrc, this.#source.sequenceOf(index), sentNs);
    }
  }

  /** The kernel says when packet `index` left. @param atNs NaN when it says nothing that can be relied on. */
  departed(index: number, atNs: number): void {
    if (index <= this.#latest) this.#departures?.put(index, atNs);
  }

  /**
   * @param arrival T1; not stamped by a kernel when it arrived as it was read.
   * @returns the latency of the packet that came back, ns, or {@link NOT_A_SAMPLE}.
   */
  arrived(buffer: Uint8Array, offset: number, length: number, { atNs, readNs }: Pick<Arrival, 'atNs' | 'readNs'>): number {
    const packet = this.#parsed;
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#malformed += 1;
      return NOT_A_SAMPLE;
    }
    if (packet.ssrc !== this.#source.ssrc) this.#otherSsrc += 1;
    const fromT0Ns = this.#tracker.returned(packet.ssrc, packet.sequence, atNs);
    if (fromT0Ns < 0) return NOT_A_SAMPLE;
    this.lastIndex = this.#source.indexOf(packet.sequence, this.#latest);
    const latencyNs = this.#departures === undefined ? fromT0Ns : this.#corrected(this.#departures, fromT0Ns, atNs, readNs);
    this.#reception.receive(atNs, packet.sequence, packet.timestamp);
    this.lastLate = this.#late.returned(atNs, packet.timestamp, packet.ssrc, packet.marker);
    if (this.lastLate) this.#lateCount += 1;
    this.#histogram?.record(latencyNs);
    return latencyNs;
  }

  /** The latency by the kernel's stamps, from the one that counts from when we handed the packet over. */
  #corrected(departures: KernelTimes, fromSentNs: number, atNs: number, readNs: number): number {
    const departedNs = departures.of(this.lastIndex);
    if (Number.isNaN(departedNs)) {
      this.unstamped += 1;
      this.lastHostDelayNs = Number.NaN;
      return fromSentNs;
    }
    const departureDelayNs = departedNs - (atNs - fromSentNs);
    if (atNs === readNs) {
      this.unstamped += 1;
      this.lastHostDelayNs = Number.NaN;
    } else this.lastHostDelayNs = readNs - atNs + departureDelayNs;
    // Two readings of the clocks are between the stamps: nothing is quicker than at once.
    return Math.max(0, fromSentNs - departureDelayNs);
  }

  expire(nowNs: number): void {
    this.#tracker.expire(nowNs);
  }

  finish(nowNs: number): void {
    this.expire(nowNs);
  }

  get inFlight(): number {
    return this.#tracker.inFlight;
  }

  get jitterMs(): number | null {
    return this.#reception.jitterMs;
  }

  counters(): EchoCounters {
    return { ...this.#tracker.counters(), late: this.#lateCount, malformed: this.#malformed, otherSsrc: this.#otherSsrc };
  }

  /** The stream's row in a run document. */
  row(port: number, sendErrors: number): CallRow {
    return streamRow({ id: idOf(this.#source.ssrc), port, sendErrors, jitterMs: this.jitterMs }, this.counters(), this.#histogram);
  }
}

/** A stream's name in a run document. */
export function idOf(ssrc: number): string {
  return ssrc.toString(16).padStart(8, '0');
}

export interface StreamFacts {
  readonly id: string;
  readonly port: number;
  readonly sendErrors: number;
  readonly jitterMs: number | null;
}

export function streamRow(
  { id, port, sendErrors, jitterMs }: StreamFacts,
  counters: EchoCounters,
  histogram: LatencyHistogram | undefined,
): CallRow {
  const fates = { lateCount: counters.late, returned: counters.returned, lost: counters.lost };
  return {
    id,
    port,
    jitter_ms: jitterMs,
    ...(histogram === undefined ? {} : summarize(histogram, fates)),
    counters: {
      sent: counters.sent,
      returned: counters.returned,
      lost: counters.lost,
      in_flight: counters.inFlight,
      late: counters.late,
      late_after_loss: counters.lateAfterLoss,
      duplicates: counters.duplicates,
      reordered: counters.reordered,
      unmatched: counters.unmatched,
      malformed: counters.malformed,
      send_errors: sendErrors,
    },
  };
}
