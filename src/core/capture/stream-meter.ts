/** The numbers of one captured RTP stream, packet by packet. Nothing is allocated per packet. */
import { ReceiverStatistics } from '../rtp/receiver.ts';
import { RECENT } from './recent.ts';
import type { RecentPackets } from './recent.ts';

/** Where each number lies. */
const FIRST_AT = 0;
const LAST_AT = 1;
const MAX_DELTA = 2;
const MAX_PAUSE = 3;
const JITTER_SUM = 4;
const JITTER_MAX = 5;
const NUMBERS = 6;
/** Less than any time between two packets. */
const NONE = Number.NEGATIVE_INFINITY;

export interface StreamNumbers {
  readonly packets: number;
  readonly expected: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Far out of sequence, and in none of the loss numbers. */
  readonly outOfSequence: number;
  readonly restarts: number;
  /** Since the first frame of the file, ns; null when a packet has no time, as everything below. */
  readonly firstAtNs: number | null;
  readonly lastAtNs: number | null;
  /** RFC 3550 §6.4.1, after each packet; null without a known clock rate, too. */
  readonly meanJitterMs: number | null;
  readonly maxJitterMs: number | null;
  /** The longest time between two packets, but for the pauses. */
  readonly maxDeltaNs: number | null;
  /** Packets with the marker bit, but for the first packet. */
  readonly markers: number;
  /** The longest time before one of those: a pause of the sender, such as silence (RFC 3551 §4.1). */
  readonly maxPauseNs: number | null;
}

export class StreamMeter {
  readonly #statistics: ReceiverStatistics;
  readonly #hasRate: boolean;
  readonly #numbers = new Float64Array(NUMBERS);
  /** A bit a payload type. */
  readonly #types = new Uint32Array(4);
  #markers = 0;
  #jitterCount = 0;
  #untimed = false;
  #recent: RecentPackets | undefined;

  /** @param recent memory for the last packets. */
  constructor(clockRateHz: number | null, recent: RecentPackets) {
    this.#recent = recent;
    this.#statistics = new ReceiverStatistics({ clockRateHz: clockRateHz ?? 8_000 });
    this.#hasRate = clockRateHz !== null;
    this.#numbers[MAX_DELTA] = NONE;
    this.#numbers[MAX_PAUSE] = NONE;
  }

  /** @param type payload type, and 128 with the marker. */
  receive(atNs: number, sequence: number, timestamp: number, type: number): void {
    const numbers = this.#numbers;
    const statistics = this.#statistics;
    const payloadType = type & 0x7f;
    const word = payloadType >>> 5;
    this.#types[word] = (this.#types[word] as number) | (1 << (payloadType & 31));
    const recent = this.#recent;
    if (recent !== undefined) {
      const at = recent.start + (statistics.received & (RECENT - 1));
      recent.atNs[at] = atNs;
      recent.sequences[at] = sequence;
      recent.timestamps[at] = timestamp;
      recent.types[at] = type;
    }
    if (Number.isNaN(atNs)) this.#untimed = true;
    // Captures that were merged need not be in the order of time.
    if (statistics.received === 0) {
      numbers[FIRST_AT] = atNs;
      numbers[LAST_AT] = atNs;
    } else {
      this.#space(Math.max(0, atNs - (numbers[LAST_AT] as number)), type >= 0x80);
      if (atNs < (numbers[FIRST_AT] as number)) numbers[FIRST_AT] = atNs;
      if (atNs > (numbers[LAST_AT] as number)) numbers[LAST_AT] = atNs;
    }
    const outcome = statistics.receive(atNs, sequence, timestamp);
    if (outcome === 'duplicate' || outcome === 'invalid') return;
    const jitter = statistics.jitterTicks;
    if (jitter === null) return;
    numbers[JITTER_SUM] = (numbers[JITTER_SUM] as number) + jitter;
    if (jitter > (numbers[JITTER_MAX] as number)) numbers[JITTER_MAX] = jitter;
    this.#jitterCount += 1;
  }

  /** The last {@link RECENT} packets; undefined once they were taken. */
  get recent(): RecentPackets | undefined {
    return this.#recent;
  }

  /** From now on nothing is remembered. @returns the memory, for another stream. */
  forgetRecent(): RecentPackets | undefined {
    const recent = this.#recent;
    this.#recent = undefined;
    return recent;
  }

  get received(): number {
    return this.#statistics.received;
  }

  /** The highest sequence number so far, 16 bits. */
  get highestSequence(): number {
    return this.#statistics.extendedHighestSequence & 0xffff;
  }

  payloadTypes(): readonly number[] {
    const types: number[] = [];
    for (let type = 0; type < 128; type++) if (((this.#types[type >>> 5] as number) & (1 << (type & 31))) !== 0) types.push(type);
    return types;
  }

  /** @param msPerTick of its clock; any value when that is not known. */
  result(msPerTick: number): StreamNumbers {
    const { received, expected, lost, duplicates, reordered, invalid, resyncs } = this.#statistics;
    const timed = <T>(value: T): T | null => (this.#untimed ? null : value);
    const hasJitter = this.#hasRate && !this.#untimed && this.#jitterCount > 0;
    const number = (at: number): number => this.#numbers[at] as number;
    return {
      packets: received,
      expected,
      lost,
      duplicates,
      reordered,
      outOfSequence: invalid,
      restarts: resyncs,
      firstAtNs: timed(number(FIRST_AT)),
      lastAtNs: timed(number(LAST_AT)),
      meanJitterMs: hasJitter ? (number(JITTER_SUM) / this.#jitterCount) * msPerTick : null,
      maxJitterMs: hasJitter ? number(JITTER_MAX) * msPerTick : null,
      maxDeltaNs: number(MAX_DELTA) === NONE ? null : timed(number(MAX_DELTA)),
      markers: this.#markers,
      maxPauseNs: number(MAX_PAUSE) === NONE ? null : timed(number(MAX_PAUSE)),
    };
  }

  #space(deltaNs: number, marked: boolean): void {
    const longest = marked ? MAX_PAUSE : MAX_DELTA;
    if (marked) this.#markers += 1;
    if (deltaNs > (this.#numbers[longest] as number)) this.#numbers[longest] = deltaNs;
  }
}
