/** One stream of a probe: the packets it sends, and what became of them. Pure: time and socket are handed in. */
import { LatencyTracker } from '../relay/tracker.ts';
import type { TrackerCounters } from '../relay/tracker.ts';
import { summarize } from '../report/latency-summary.ts';
import type { CallRow } from '../report/run.ts';
import { createRtpPacket, parseRtp, RTP_HEADER_BYTES, writeRtpHeader } from '../rtp/packet.ts';
import { ReceiverStatistics } from '../rtp/receiver.ts';
import type { LatencyHistogram } from '../stats/histogram.ts';
import { LateDetector } from '../stats/late.ts';
import type { SeededRandom } from './random.ts';
import type { ProbeOptions } from './result.ts';

/** PCMU (RFC 3551 §6). */
export const PAYLOAD_TYPE = 0;
export const CLOCK_RATE_HZ = 8_000;
/** μ-law silence. */
const SILENCE = 0xff;
const NS_PER_TICK = 1e9 / CLOCK_RATE_HZ;

/** A packet of silence for streams to write their headers into: they may share it, since a send is done with it when it returns. */
export function silentPacket(ptimeNs: number): Uint8Array {
  return new Uint8Array(RTP_HEADER_BYTES + Math.round(ptimeNs / NS_PER_TICK)).fill(SILENCE);
}

/** Answers of {@link ProbeStream.arrived} that are no latency. */
export const NOT_A_SAMPLE = -1;

export class ProbeStream {
  readonly #tracker: LatencyTracker;
  readonly #late: LateDetector;
  readonly #reception: ReceiverStatistics = new ReceiverStatistics({ clockRateHz: CLOCK_RATE_HZ });
  /** Missing in a probe of very many streams: the memory is better spent on the streams. */
  readonly #histogram: LatencyHistogram | undefined;
  readonly #parsed = createRtpPacket();
  readonly #header = { marker: true, payloadType: PAYLOAD_TYPE, sequence: 0, timestamp: 0, ssrc: 0 };
  readonly #firstSequence: number;
  readonly #firstTimestamp: number;
  readonly #ticks: number;
  #lateCount = 0;
  #malformed = 0;
  #lastLate = false;

  constructor(options: ProbeOptions, random: SeededRandom, histogram: LatencyHistogram | undefined) {
    this.#header.ssrc = random.uint32();
    this.#firstSequence = random.uint16();
    this.#firstTimestamp = random.uint32();
    this.#ticks = options.intervalNs / NS_PER_TICK;
    this.#tracker = new LatencyTracker({ timeoutNs: options.timeoutNs });
    this.#late = new LateDetector({ clockRateHz: CLOCK_RATE_HZ, thresholdNs: options.lateThresholdNs });
    this.#histogram = histogram;
  }

  /**
   * Makes packet `index` of the stream, which counts as sent from now on. Its timestamp is the media time at which it is due,
   * whatever the audio in it: lateness is judged by timestamps.
   *
   * @param dueNs T0.
   */
  write(packet: Uint8Array, index: number, dueNs: number): void {
    const header = this.#header;
    // The start of a talkspurt is marked (RFC 3551 §4.1).
    header.marker = index === 0;
    header.sequence = (this.#firstSequence + index) & 0xffff;
    header.timestamp = (this.#firstTimestamp + Math.round(index * this.#ticks)) % 2 ** 32;
    writeRtpHeader(packet, 0, header);
    this.#tracker.sent(header.ssrc, header.sequence, dueNs);
  }

  /** @returns the latency of the packet that came back, ns, or {@link NOT_A_SAMPLE}. */
  arrived(buffer: Uint8Array, offset: number, length: number, atNs: number): number {
    const packet = this.#parsed;
    if (parseRtp(buffer, offset, length, packet) !== undefined) {
      this.#malformed += 1;
      return NOT_A_SAMPLE;
    }
    const latencyNs = this.#tracker.returned(packet.ssrc, packet.sequence, atNs);
    if (latencyNs < 0) return NOT_A_SAMPLE;
    this.#reception.receive(atNs, packet.sequence, packet.timestamp);
    this.#lastLate = this.#late.returned(atNs, packet.timestamp, packet.ssrc, packet.marker);
    if (this.#lastLate) this.#lateCount += 1;
    this.#histogram?.record(latencyNs);
    return latencyNs;
  }

  /** Whether the packet that {@link arrived} answered for last was late. */
  get lastLate(): boolean {
    return this.#lastLate;
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

  get ssrc(): number {
    return this.#header.ssrc;
  }

  counters(): TrackerCounters & { readonly late: number; readonly malformed: number } {
    return { ...this.#tracker.counters(), late: this.#lateCount, malformed: this.#malformed };
  }

  /** The stream's row in a run document. */
  row(port: number, sendErrors: number): CallRow {
    const counters = this.counters();
    const fates = { lateCount: counters.late, returned: counters.returned, lost: counters.lost };
    return {
      id: this.ssrc.toString(16).padStart(8, '0'),
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
