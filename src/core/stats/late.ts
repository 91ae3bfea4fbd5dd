/**
 * Which returned packets are late: `late_ratio` of the metrics document.
 *
 * A packet is late when `t_actual > t_expected + threshold`, with `t_expected(ts) = t0 + (ts − ts0) / clock_rate` and t0, ts0 the
 * arrival time and RTP timestamp of the stream's first returned packet. Two clocks never run alike, so t0 follows the lower
 * envelope of `t_actual − t_expected`: three early packets in a row pull it down to the latest of them, and it may rise to the
 * least difference of the last 5 to 10 s, but by no more than 250 ppm of the time that passed. Drift of up to 200 ppm therefore
 * makes no packet late, while a step of the delay stays late for long (20 ms over a threshold of 3 ms: for more than a minute).
 * One early packet moves nothing: a sender that now and then sends two at once (SIPp does) has not made all others late.
 * Nothing is allocated per packet.
 */
import { extendTimestamp } from '../rtp/sequence.ts';

export const DEFAULT_LATE_THRESHOLD_NS = 3_000_000;
/** A marker bit after this long without a packet begins a new talkspurt; no usual ptime comes near it. */
const SILENCE_NS = 200_000_000;

/** Nanoseconds that t0 may rise in a nanosecond: 250 ppm, above what any two sound-card or server clocks differ by. */
const MAXIMUM_RISE = 250e-6;
const BUCKET_NS = 5_000_000_000;
/** Early packets in a row that are the new normal, not an accident of the sender. */
const EARLY_RUN = 3;
/** A marked packet this much behind its timestamp is the start of a new timeline, not the most delayed packet of the call. */
const BREAK_NS = 1_000_000_000;
/** No SSRC, signed or unsigned, is equal to it. */
const NO_SSRC = Number.NaN;

export interface LateOptions {
  /** Rate of the RTP timestamps, 8000 for PCMU and PCMA. */
  readonly clockRateHz: number;
  readonly thresholdNs?: number;
}

/** Follows one stream at a time: give each SSRC that is in use at once its own detector. */
export class LateDetector {
  readonly #nsPerTick: number;
  readonly #thresholdNs: number;
  #ssrc = NO_SSRC;
  #firstAtNs = 0;
  #firstTimestamp = 0;
  #lastAtNs = 0;
  /** Extended beyond 32 bits. */
  #lastTimestamp = 0;
  /** The lower envelope: how far t0 has moved since the first packet. */
  #baseNs = 0;
  #bucketAtNs = 0;
  #bucketLeastNs = 0;
  #previousLeastNs = Number.POSITIVE_INFINITY;
  /** Packets in a row that came before the envelope, and the latest of them. */
  #early = 0;
  #latestEarlyNs = 0;

  constructor(options: LateOptions) {
    this.#nsPerTick = 1e9 / options.clockRateHz;
    this.#thresholdNs = options.thresholdNs ?? DEFAULT_LATE_THRESHOLD_NS;
  }

  /**
   * A packet came back at `atNs`. A new SSRC, or a marker after silence, starts a new (t0, ts0). The 32 bits of `timestamp` and `ssrc`
   * may be read as signed or as unsigned, but always the same way.
   *
   * @returns whether it is late. A packet with the timestamp of the one before it (an event of RFC 4733, a further fragment of a
   * frame) is never late: only the first of them was due at that instant.
   */
  returned(atNs: number, timestamp: number, ssrc: number, marker: boolean): boolean {
    if (ssrc !== this.#ssrc) return this.#start(atNs, timestamp, ssrc);
    const extended = extendTimestamp(this.#lastTimestamp, timestamp);
    const differenceNs = atNs - this.#firstAtNs - (extended - this.#firstTimestamp) * this.#nsPerTick;
    if (marker && (atNs - this.#lastAtNs >= SILENCE_NS || differenceNs - this.#baseNs >= BREAK_NS)) {
      return this.#start(atNs, timestamp, ssrc);
    }
    const sameInstant = extended === this.#lastTimestamp;
    const elapsedNs = atNs - this.#lastAtNs;
    this.#lastAtNs = atNs;
    this.#lastTimestamp = extended;
    if (sameInstant) return false;
    this.#follow(atNs, differenceNs, elapsedNs);
    return differenceNs > this.#baseNs + this.#thresholdNs;
  }

  #start(atNs: number, timestamp: number, ssrc: number): boolean {
    this.#ssrc = ssrc;
    this.#firstAtNs = atNs;
    this.#firstTimestamp = timestamp;
    this.#lastAtNs = atNs;
    this.#lastTimestamp = timestamp;
    this.#baseNs = 0;
    this.#bucketAtNs = atNs;
    this.#bucketLeastNs = 0;
    this.#previousLeastNs = Number.POSITIVE_INFINITY;
    this.#early = 0;
    return false;
  }

  #follow(atNs: number, differenceNs: number, elapsedNs: number): void {
    if (differenceNs < this.#baseNs) {
      this.#latestEarlyNs = this.#early === 0 ? differenceNs : Math.max(this.#latestEarlyNs, differenceNs);
      this.#early += 1;
    } else {
      this.#early = 0;
    }
    // A single early packet is no more than on time for the envelope's rise.
    this.#leastOfBucket(atNs, Math.max(differenceNs, this.#baseNs));
    if (this.#early >= EARLY_RUN) {
      this.#baseNs = this.#latestEarlyNs;
      this.#bucketLeastNs = this.#baseNs;
      this.#early = 0;
      return;
    }
    const leastNs = Math.min(this.#previousLeastNs, this.#bucketLeastNs);
    if (leastNs > this.#baseNs) this.#baseNs = Math.min(leastNs, this.#baseNs + elapsedNs * MAXIMUM_RISE);
  }

  #leastOfBucket(atNs: number, differenceNs: number): void {
    const ageNs = atNs - this.#bucketAtNs;
    if (ageNs >= BUCKET_NS) {
      // After a long time without a packet the present bucket is as out of date as the previous one.
      this.#previousLeastNs = ageNs >= 2 * BUCKET_NS ? Number.POSITIVE_INFINITY : this.#bucketLeastNs;
      this.#bucketLeastNs = differenceNs;
      this.#bucketAtNs = atNs;
    } else if (differenceNs < this.#bucketLeastNs) {
      this.#bucketLeastNs = differenceNs;
    }
  }
}
