/** When the next RTCP packet is due (RFC 3550 §6.2, §6.3, A.7): about every 5 s unless told otherwise, never in step with others. */

/** Twice as soon for the first. */
const LEAST_INTERVAL_NS = 5e9;
/** What reconsideration takes off the mean is put back: e − 3/2. */
const COMPENSATION = Math.E - 1.5;
/** Senders get a quarter of the bandwidth, as long as they are no more than a quarter of the members. */
const SENDERS_SHARE = 0.25;
/** IPv4 and UDP: RTCP packets count with what carries them. */
const CARRIER_BYTES = 28;
/** Of an SR with one block and a CNAME of usual length. */
const FIRST_GUESS_BYTES = 120;

export interface RtcpTimerOptions {
  readonly nowNs: number;
  /** For RTCP of all members: 5 % of the session's. */
  readonly bytesPerSecond: number;
  /** From 0 up to, and without, 1. */
  readonly random: () => number;
  /** The reduced minimum that a sender may take (§6.2), in place of 5 s. */
  readonly leastIntervalNs?: number;
  /** The first one is due at once, as between two it may be (§6.2). */
  readonly atOnce?: boolean;
}

/** Those who take part, ourselves among them. */
export interface Members {
  readonly members: number;
  readonly senders: number;
  readonly weSend: boolean;
}

export class RtcpTimer {
  readonly #random: () => number;
  readonly #bytesPerSecond: number;
  readonly #leastIntervalNs: number;
  readonly #atOnce: boolean;
  #averageBytes = FIRST_GUESS_BYTES + CARRIER_BYTES;
  #initial = true;
  #lastNs: number;
  #dueNs: number;

  constructor({ nowNs, bytesPerSecond, random, leastIntervalNs = LEAST_INTERVAL_NS, atOnce = false }: RtcpTimerOptions) {
    this.#random = random;
    this.#bytesPerSecond = bytesPerSecond;
    this.#leastIntervalNs = leastIntervalNs;
    this.#atOnce = atOnce;
    this.#lastNs = nowNs;
    this.#dueNs = nowNs + this.#intervalNs({ members: 1, senders: 0, weSend: false });
  }

  get dueNs(): number {
    return this.#dueNs;
  }

  /** A packet was received. @param bytes of UDP payload. */
  heard(bytes: number): void {
    this.#averageBytes += (bytes + CARRIER_BYTES - this.#averageBytes) / 16;
  }

  /** Whether a packet is to be sent now: the interval is drawn once more for those who take part by now (§6.3.6). */
  expired(nowNs: number, members: Members): boolean {
    if (nowNs < this.#dueNs) return false;
    const reconsideredNs = this.#lastNs + this.#intervalNs(members);
    if (reconsideredNs <= nowNs) return true;
    this.#dueNs = reconsideredNs;
    return false;
  }

  /** A packet was sent. @param bytes of UDP payload. */
  sent(nowNs: number, bytes: number, members: Members): void {
    this.heard(bytes);
    this.#initial = false;
    this.#lastNs = nowNs;
    this.#dueNs = nowNs + this.#intervalNs(members);
  }

  #intervalNs({ members, senders, weSend }: Members): number {
    if (this.#initial && this.#atOnce) return 0;
    let shareNs = 1e9;
    let sharers = members;
    if (senders <= members * SENDERS_SHARE) {
      shareNs /= weSend ? SENDERS_SHARE : 1 - SENDERS_SHARE;
      sharers = weSend ? senders : members - senders;
    }
    const leastNs = this.#initial ? this.#leastIntervalNs / 2 : this.#leastIntervalNs;
    const meanNs = Math.max(leastNs, (this.#averageBytes * sharers * shareNs) / this.#bytesPerSecond);
    return (meanNs * (this.#random() + 0.5)) / COMPENSATION;
  }
}
