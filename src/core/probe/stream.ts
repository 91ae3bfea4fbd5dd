/** One stream of a probe: what became of the packets that were sent. Pure: times are handed in. */
import { LatencyTracker } from '../relay/tracker.ts';
import type { TrackerCounters } from '../relay/tracker.ts';
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

export class ProbeStream {
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

  get inFlight(): number {
    return this.#tracker.inFlight;
  }

  get jitterMs(): number | null {
    return this.#reception.jitterMs;
  }

  counters(): TrackerCounters & { readonly late: number; readonly malformed: number; readonly otherSsrc: number } {
    return { ...this.#tracker.counters(), late: this.#lateCount, malformed: this.#malformed, otherSsrc: this.#otherSsrc };
  }

  /** The stream's row in a run document. */
  row(port: number, sendErrors: number): CallRow {
    const counters = this.counters();
    const fates = { lateCount: counters.late, returned: counters.returned, lost: counters.lost };
    return {
      id: this.#source.ssrc.toString(16).padStart(8, '0'),
      port,
      jitter_ms: this.jitterMs,
      ...(this.#histogram === undefined ? {} : summarize(this.#histogram, fates)),
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
}
