/**
 * What became of the bytes that were sent, and of their packets. Every byte is in exactly one state, so that
 * `sent = returned + lost + inFlight + untracked` holds at every instant, and every packet likewise.
 */
import { SentTimes } from './sent-times.ts';

export interface ByteCounters {
  readonly sent: number;
  /** Came back within the time-out, each once. */
  readonly returned: number;
  readonly lost: number;
  readonly inFlight: number;
  /** Forgotten before the time-out: more was sent than was announced. */
  readonly untracked: number;
  /** Came back again. */
  readonly duplicates: number;
  /** Came back after the time-out; they stay lost. */
  readonly lateAfterLoss: number;
}

export interface PacketCounters {
  readonly sent: number;
  /** All of its bytes returned. */
  readonly whole: number;
  /** Some of them, when the time-out was over. */
  readonly parts: number;
  readonly lost: number;
  readonly inFlight: number;
  readonly untracked: number;
}

export type Fate = 'returned' | 'duplicate' | 'late';

const IN_FLIGHT = 0;
const RETURNED = 1;
const LOST = 2;
/** Lost, and came back all the same. */
const LATE = 3;

/** Indexes into the fates of a part. */
const FATES: readonly Fate[] = ['returned', 'duplicate', 'late'];

export class PayloadFate {
  readonly times: SentTimes;
  /** Whether what {@link returned} took note of last was all that was missing of its packet. */
  completed = false;
  readonly #timeoutNs: number;
  readonly #states: Uint8Array;
  readonly #missing: Int32Array;
  readonly #bytes = { sent: 0, returned: 0, lost: 0, untracked: 0, duplicates: 0, lateAfterLoss: 0 };
  readonly #packets = { sent: 0, whole: 0, parts: 0, lost: 0, untracked: 0 };
  /** The first packet whose time-out has not been seen to be over. */
  #oldest = 0;

  /** @param size bytes remembered; `packets`: packets. Both are powers of two. */
  constructor(size: number, packets: number, timeoutNs: number) {
    this.times = new SentTimes(packets);
    this.#timeoutNs = timeoutNs;
    this.#states = new Uint8Array(size);
    this.#missing = new Int32Array(packets);
  }

  /** A packet leaves. @returns its number, from 0. */
  sent(leftNs: number, length: number): number {
    const { times } = this;
    const number = times.packets;
    const start = times.end;
    // What this one overwrites, of bytes or of packets, must have been settled.
    while (this.#oldest < number && !this.#fits(this.#oldest, start + length)) {
      const over = leftNs - times.leftNsOf(this.#oldest) > this.#timeoutNs;
      this.#settle(over ? 'lost' : 'untracked');
    }
    times.sent(leftNs, length);
    for (let i = 0; i < length; i++) this.#states[this.#slot(start + i)] = IN_FLIGHT;
    this.#missing[this.#packetSlot(number)] = length;
    this.#bytes.sent += length;
    this.#packets.sent += 1;
    // An empty one has nothing to come back.
    if (length === 0) this.#packets.whole += 1;
    return number;
  }

  /** Bytes of one packet came back. What most of them were is the fate of the part. */
  returned(arrivedNs: number, packet: number, position: number, length: number): Fate {
    const late = arrivedNs - this.times.leftNsOf(packet) > this.#timeoutNs;
    if (late) this.expire(arrivedNs);
    const counts = [0, 0, 0];
    for (let i = 0; i < length; i++) {
      const fate = this.#byteReturned(this.#slot(position + i));
      counts[fate] = (counts[fate] as number) + 1;
    }
    const fresh = counts[0] as number;
    this.#bytes.returned += fresh;
    this.#bytes.duplicates += counts[1] as number;
    this.#bytes.lateAfterLoss += counts[2] as number;
    const slot = this.#packetSlot(packet);
    const missing = (this.#missing[slot] as number) - fresh;
    this.#missing[slot] = missing;
    this.completed = fresh > 0 && missing === 0;
    if (this.completed) this.#packets.whole += 1;
    return FATES[counts.indexOf(Math.max(...counts))] as Fate;
  }

  /** Settles as lost what has been on its way for longer than the time-out. Call it before reading the counters. */
  expire(nowNs: number): void {
    while (this.#oldest < this.times.packets && nowNs - this.times.leftNsOf(this.#oldest) > this.#timeoutNs) this.#settle('lost');
  }

  byteCounters(): ByteCounters {
    const { sent, returned, lost, untracked } = this.#bytes;
    return { ...this.#bytes, inFlight: sent - returned - lost - untracked };
  }

  packetCounters(): PacketCounters {
    const { sent, whole, parts, lost, untracked } = this.#packets;
    return { ...this.#packets, inFlight: sent - whole - parts - lost - untracked };
  }

  #byteReturned(slot: number): 0 | 1 | 2 {
    const state = this.#states[slot];
    if (state === IN_FLIGHT) {
      this.#states[slot] = RETURNED;
      return 0;
    }
    if (state !== LOST) return 1;
    this.#states[slot] = LATE;
    return 2;
  }

  /** Whether this packet is still wholly remembered when bytes up to `end`, and one more packet, have been sent. */
  #fits(packet: number, end: number): boolean {
    return this.times.startOf(packet) >= end - this.#states.length && this.times.packets - packet < this.#missing.length;
  }

  /** The oldest packet's fate is decided. */
  #settle(as: 'lost' | 'untracked'): void {
    const packet = this.#oldest;
    this.#oldest += 1;
    const start = this.times.startOf(packet);
    const end = packet + 1 < this.times.packets ? this.times.startOf(packet + 1) : this.times.end;
    const missing = this.#missing[this.#packetSlot(packet)] as number;
    if (missing === 0) return;
    for (let position = start; position < end; position++) {
      const slot = this.#slot(position);
      if (this.#states[slot] === IN_FLIGHT) this.#states[slot] = LOST;
    }
    this.#bytes[as] += missing;
    if (as === 'untracked') this.#packets.untracked += 1;
    else if (missing === end - start) this.#packets.lost += 1;
    else this.#packets.parts += 1;
  }

  #slot(position: number): number {
    return position & (this.#states.length - 1);
  }

  #packetSlot(packet: number): number {
    return packet & (this.#missing.length - 1);
  }
}
