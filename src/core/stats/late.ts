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

/** Where each number of a detector lies. */
const FIRST_AT_NS = 0;
const FIRST_TIMESTAMP = 1;
const LAST_AT_NS = 2;
/** Extended beyond 32 bits. */
const LAST_TIMESTAMP = 3;
/** The lower envelope: how far t0 has moved since the first packet. */
const BASE_NS = 4;
const BUCKET_AT_NS = 5;
const BUCKET_LEAST_NS = 6;
const PREVIOUS_LEAST_NS = 7;
/** Packets in a row that came before the envelope, and the latest of them. */
const EARLY = 8;
const LATEST_EARLY_NS = 9;
/** What a detector needs of the memory it is given. */
export const LATE_NUMBERS = 10;

/** Follows one stream at a time: give each SSRC that is in use at once its own detector. */
export class LateDetector {
  readonly #nsPerTick: number;
  readonly #thresholdNs: number;
  /** Numbers side by side: as fields, each would lie in a place of its own. */
  readonly #numbers: Float64Array;
  readonly #at: number;
  #ssrc = NO_SSRC;

  /** @param numbers {@link LATE_NUMBERS} of them from `at` on are the detector's. */
  constructor(options: LateOptions, numbers: Float64Array = new Float64Array(LATE_NUMBERS), at: number = 0) {
    this.#nsPerTick = 1e9 / options.clockRateHz;
    this.#thresholdNs = options.thresholdNs ?? DEFAULT_LATE_THRESHOLD_NS;
    this.#numbers = numbers;
    this.#at = at;
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
    const numbers = this.#numbers;
    const at = this.#at;
    const lastTimestamp = numbers[at + LAST_TIMESTAMP] as number;
    const extended = extendTimestamp(lastTimestamp, timestamp);
    const sinceFirst = extended - (numbers[at + FIRST_TIMESTAMP] as number);
    const differenceNs = atNs - (numbers[at + FIRST_AT_NS] as number) - sinceFirst * this.#nsPerTick;
    const elapsedNs = atNs - (numbers[at + LAST_AT_NS] as number);
    if (marker && (elapsedNs >= SILENCE_NS || differenceNs - (numbers[at + BASE_NS] as number) >= BREAK_NS)) {
      return this.#start(atNs, timestamp, ssrc);
    }
    numbers[at + LAST_AT_NS] = atNs;
    numbers[at + LAST_TIMESTAMP] = extended;
    if (extended === lastTimestamp) return false;
    this.#follow(atNs, differenceNs, elapsedNs);
    return differenceNs > (numbers[at + BASE_NS] as number) + this.#thresholdNs;
  }

  #start(atNs: number, timestamp: number, ssrc: number): boolean {
    this.#ssrc = ssrc;
    const numbers = this.#numbers;
    const at = this.#at;
    numbers.fill(0, at, at + LATE_NUMBERS);
    numbers[at + FIRST_AT_NS] = atNs;
    numbers[at + FIRST_TIMESTAMP] = timestamp;
    numbers[at + LAST_AT_NS] = atNs;
    numbers[at + LAST_TIMESTAMP] = timestamp;
    numbers[at + BUCKET_AT_NS] = atNs;
    numbers[at + PREVIOUS_LEAST_NS] = Number.POSITIVE_INFINITY;
    return false;
  }

  #follow(atNs: number, differenceNs: number, elapsedNs: number): void {
    const numbers = this.#numbers;
    const at = this.#at;
    const baseNs = numbers[at + BASE_NS] as number;
    let early = 0;
    if (differenceNs < baseNs) {
      early = (numbers[at + EARLY] as number) + 1;
      numbers[at + LATEST_EARLY_NS] = early === 1 ? differenceNs : Math.max(numbers[at + LATEST_EARLY_NS] as number, differenceNs);
    }
    numbers[at + EARLY] = early;
    // A single early packet is no more than on time for the envelope's rise.
    this.#leastOfBucket(atNs, Math.max(differenceNs, baseNs));
    if (early >= EARLY_RUN) {
      const latestEarlyNs = numbers[at + LATEST_EARLY_NS] as number;
      numbers[at + BASE_NS] = latestEarlyNs;
      numbers[at + BUCKET_LEAST_NS] = latestEarlyNs;
      numbers[at + EARLY] = 0;
      return;
    }
    const leastNs = Math.min(numbers[at + PREVIOUS_LEAST_NS] as number, numbers[at + BUCKET_LEAST_NS] as number);
    if (leastNs > baseNs) numbers[at + BASE_NS] = Math.min(leastNs, baseNs + elapsedNs * MAXIMUM_RISE);
  }

  #leastOfBucket(atNs: number, differenceNs: number): void {
    const numbers = this.#numbers;
    const at = this.#at;
    const ageNs = atNs - (numbers[at + BUCKET_AT_NS] as number);
    if (ageNs >= BUCKET_NS) {
      // After a long time without a packet the present bucket is as out of date as the previous one.
      numbers[at + PREVIOUS_LEAST_NS] = ageNs >= 2 * BUCKET_NS ? Number.POSITIVE_INFINITY : (numbers[at + BUCKET_LEAST_NS] as number);
      numbers[at + BUCKET_LEAST_NS] = differenceNs;
      numbers[at + BUCKET_AT_NS] = atNs;
    } else if (differenceNs < (numbers[at + BUCKET_LEAST_NS] as number)) {
      numbers[at + BUCKET_LEAST_NS] = differenceNs;
    }
  }
}
