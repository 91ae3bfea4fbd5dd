/**
 * Matches echoes to the packets that were sent, by SSRC and extended sequence number, and measures each one's latency
 * (`docs/measurement.md`, "Latency of one packet"). Allocates only when a new SSRC appears or a window grows.
 *
 * Every packet is in exactly one state, so that `sent = returned + lost + inFlight` holds at every instant.
 */
import { extendSequence } from '../rtp/sequence.ts';

/** What {@link LatencyTracker.returned} answers for an echo that gives no latency sample. */
export const UNMATCHED = -1;
/** The echo of this packet had come already. */
export const DUPLICATE = -2;
/** It came after the loss time-out: its packet stays counted as lost. */
export const LATE_AFTER_LOSS = -3;

export const DEFAULT_LOSS_TIMEOUT_NS = 2_000_000_000;

/** SSRCs followed at once. A call has one, now and then two; more is a peer that misbehaves. */
const MAX_STREAMS = 16;
const FIRST_WINDOW = 256;
/** A 16-bit sequence number cannot tell packets apart that are further from each other. */
const LAST_WINDOW = 65_536;

/** Indexes into the numbers. */
const SENT = 0;
const CAME_BACK = 1;
const LOST_SO_FAR = 2;
const LATE_AFTER = 3;
const DUPLICATES = 4;
const DUPLICATES_SENT = 5;
const REORDERED = 6;
const UNMATCHED_ECHOES = 7;
const UNTRACKED = 8;
export const TRACKER_NUMBERS = 9;

/** A packet in a window is three numbers side by side: its extended sequence number, its T0, and what has become of it. */
const SENT_NS = 1;
const FATE = 2;
const FIELDS = 3;
/** Fates. A packet in flight has its departure delay in this place, which is finite. Where there is no packet, all is NaN. */
const RETURNED = Number.POSITIVE_INFINITY;
const LOST = Number.NEGATIVE_INFINITY;

export interface TrackerCounters {
  readonly sent: number;
  readonly returned: number;
  readonly lost: number;
  readonly inFlight: number;
  readonly lateAfterLoss: number;
  readonly duplicates: number;
  readonly duplicatesSent: number;
  readonly reordered: number;
  readonly unmatched: number;
  readonly untracked: number;
}

export class LatencyTracker {
  readonly #timeoutNs: number;
  readonly #numbers: Float64Array;
  readonly #streams = new Map<number, Stream>();
  #latest: Stream | undefined;
  #departureDelayNs = 0;

  /**
   * @param options.timeoutNs an echo that takes longer counts as lost.
   * @param options.numbers {@link TRACKER_NUMBERS} zeros to count in: another thread may read them.
   */
  constructor(options: { readonly timeoutNs?: number; readonly numbers?: Float64Array } = {}) {
    this.#timeoutNs = options.timeoutNs ?? DEFAULT_LOSS_TIMEOUT_NS;
    this.#numbers = options.numbers ?? new Float64Array(TRACKER_NUMBERS);
  }

  /**
   * A packet leaves at `atNs` (T0). A repeated sequence number within the time-out is a `duplicate` and keeps the first T0;
   * `untracked` means that too many SSRCs are in flight to follow this one.
   *
   * @param departureDelayNs from when we handed it over to `atNs`; {@link departureDelayNs} gives it back.
   */
  sent(ssrc: number, sequence: number, atNs: number, departureDelayNs: number = 0): 'sent' | 'duplicate' | 'untracked' {
    const stream = this.#stream(ssrc, sequence);
    if (stream === undefined) {
      this.#count(UNTRACKED);
      return 'untracked';
    }
    const extended = extendSequence(stream.last, sequence);
    const slot = stream.slot(extended);
    if (stream.packets[slot] === extended) {
      if (atNs - (stream.packets[slot + SENT_NS] as number) <= this.#timeoutNs) {
        this.#count(DUPLICATES_SENT);
        return 'duplicate';
      }
      // The same number again after the time-out: the sender started over. The earlier packet, and all before it, are settled first.
      this.#expire(stream, atNs);
      this.#settle(stream, slot);
    } else if (stream.isInFlight(slot)) {
      this.#expire(stream, atNs);
      // After a jump the two may share a slot of the doubled window as well.
      while (stream.isInFlight(stream.slot(extended))) {
        if (!stream.grow()) {
          this.#count(UNTRACKED);
          return 'untracked';
        }
      }
    }
    stream.put(extended, atNs, departureDelayNs);
    stream.last = extended;
    this.#count(SENT);
    return 'sent';
  }

  /**
   * An echo arrives at `atNs` (T1).
   *
   * @returns its latency T1 − T0 in ns, or {@link UNMATCHED}, {@link DUPLICATE} or {@link LATE_AFTER_LOSS}.
   */
  returned(ssrc: number, sequence: number, atNs: number): number {
    const stream = this.#latest?.ssrc === ssrc ? this.#latest : this.#streams.get(ssrc);
    if (stream === undefined) return this.#unmatchedEcho();
    const extended = extendSequence(stream.last, sequence);
    const slot = stream.slot(extended);
    const { packets } = stream;
    if (packets[slot] !== extended) return this.#unmatchedEcho();
    const fate = packets[slot + FATE] as number;
    if (fate === RETURNED) {
      this.#count(DUPLICATES);
      return DUPLICATE;
    }
    packets[slot + FATE] = RETURNED;
    if (fate === LOST) {
      // Once: a second echo of a lost packet is a duplicate.
      this.#count(LATE_AFTER);
      return LATE_AFTER_LOSS;
    }
    const sentNs = packets[slot + SENT_NS] as number;
    const latencyNs = atNs - sentNs;
    stream.inFlight -= 1;
    if (latencyNs > this.#timeoutNs) {
      this.#count(LOST_SO_FAR);
      this.#count(LATE_AFTER);
      return LATE_AFTER_LOSS;
    }
    this.#departureDelayNs = fate;
    this.#count(CAME_BACK);
    // By the order of sending: a sender that starts over at a lower number reorders nothing.
    if (sentNs < stream.latestReturnedNs) this.#count(REORDERED);
    else stream.latestReturnedNs = sentNs;
    return latencyNs;
  }

  /** Settles as lost what has been in flight for longer than the time-out. Call it now and then, and before reading the counters. */
  expire(nowNs: number): void {
    for (const stream of this.#streams.values()) this.#expire(stream, nowNs);
  }

  /** Of the packet that {@link returned} gave a latency for last. */
  get departureDelayNs(): number {
    return this.#departureDelayNs;
  }

  get inFlight(): number {
    const n = this.#numbers;
    return (n[SENT] as number) - (n[CAME_BACK] as number) - (n[LOST_SO_FAR] as number);
  }

  counters(): TrackerCounters {
    return {
      sent: this.#numbers[SENT] as number,
      returned: this.#numbers[CAME_BACK] as number,
      lost: this.#numbers[LOST_SO_FAR] as number,
      inFlight: this.inFlight,
      lateAfterLoss: this.#numbers[LATE_AFTER] as number,
      duplicates: this.#numbers[DUPLICATES] as number,
      duplicatesSent: this.#numbers[DUPLICATES_SENT] as number,
      reordered: this.#numbers[REORDERED] as number,
      unmatched: this.#numbers[UNMATCHED_ECHOES] as number,
      untracked: this.#numbers[UNTRACKED] as number,
    };
  }

  #count(index: number): void {
    this.#numbers[index] = (this.#numbers[index] as number) + 1;
  }

  #unmatchedEcho(): number {
    this.#count(UNMATCHED_ECHOES);
    return UNMATCHED;
  }

  #stream(ssrc: number, sequence: number): Stream | undefined {
    if (this.#latest?.ssrc === ssrc) return this.#latest;
    let stream = this.#streams.get(ssrc);
    if (stream === undefined) {
      if (this.#streams.size >= MAX_STREAMS && !this.#forgetIdle()) return undefined;
      stream = new Stream(ssrc, sequence);
      this.#streams.set(ssrc, stream);
    }
    this.#latest = stream;
    return stream;
  }

  /** Makes room by forgetting the oldest stream that has nothing in flight; its counts are already in the totals. */
  #forgetIdle(): boolean {
    for (const [ssrc, stream] of this.#streams) {
      if (stream.inFlight === 0) return this.#streams.delete(ssrc);
    }
    return false;
  }

  #expire(stream: Stream, nowNs: number): void {
    for (;;) {
      const slot = stream.oldest();
      if (slot < 0 || nowNs - (stream.packets[slot + SENT_NS] as number) <= this.#timeoutNs) return;
      this.#settle(stream, slot);
    }
  }

  /** The packet in `slot`, if its fate is still open, is lost. */
  #settle(stream: Stream, slot: number): void {
    if (!stream.isInFlight(slot)) return;
    stream.packets[slot + FATE] = LOST;
    stream.inFlight -= 1;
    this.#count(LOST_SO_FAR);
  }
}

/** The packets of one SSRC: a window indexed by sequence number, and the order in which they left. */
class Stream {
  readonly ssrc: number;
  /** Extended number of the packet sent last: the reference for reading 16 bits. */
  last: number;
  /** T0 of the packet sent last among those that came back. */
  latestReturnedNs = Number.NEGATIVE_INFINITY;
  inFlight = 0;
  /** {@link FIELDS} numbers a packet, and behind them, one for each, the ring of the order of sending: all in one piece of memory. */
  packets: Float64Array = memoryFor(FIRST_WINDOW);
  /** A power of two. */
  #size = FIRST_WINDOW;
  /** Extended numbers in the order of sending; a ring of the window's size from #head, #queued long. */
  #head = 0;
  #queued = 0;

  constructor(ssrc: number, firstSequence: number) {
    this.ssrc = ssrc;
    // One cycle up, so that packets from before the first one do not extend below 0.
    this.last = 65_536 + firstSequence;
  }

  /** Where the packet of that number is, or would be, in {@link packets}. */
  slot(extended: number): number {
    return (extended & (this.#size - 1)) * FIELDS;
  }

  isInFlight(slot: number): boolean {
    return Number.isFinite(this.packets[slot + FATE]);
  }

  put(extended: number, atNs: number, delayNs: number): void {
    if (this.#queued === this.#size) this.oldest();
    if (this.#queued === this.#size) this.#compact(this.packets, this.#size);
    const slot = this.slot(extended);
    const { packets } = this;
    packets[slot] = extended;
    packets[slot + SENT_NS] = atNs;
    packets[slot + FATE] = delayNs;
    packets[this.#placeOf(this.#queued)] = extended;
    this.#queued += 1;
    this.inFlight += 1;
  }

  /** Where number `i` of the order is. */
  #placeOf(i: number): number {
    return this.#size * FIELDS + ((this.#head + i) & (this.#size - 1));
  }

  /** The slot of the packet that has been in flight the longest, or −1. Forgets the order of those that are settled. */
  oldest(): number {
    while (this.#queued > 0) {
      const extended = this.packets[this.#placeOf(0)] as number;
      const slot = this.slot(extended);
      if (this.packets[slot] === extended && this.isInFlight(slot)) return slot;
      this.#head = (this.#head + 1) & (this.#size - 1);
      this.#queued -= 1;
    }
    return -1;
  }

  /** Doubles the window, until 16 bits cannot tell its packets apart. */
  grow(): boolean {
    const size = this.#size * 2;
    if (size > LAST_WINDOW) return false;
    const packets = memoryFor(size);
    for (let old = 0; old < this.#size * FIELDS; old += FIELDS) {
      const extended = this.packets[old] as number;
      if (!Number.isNaN(extended)) packets.set(this.packets.subarray(old, old + FIELDS), (extended & (size - 1)) * FIELDS);
    }
    this.#compact(packets, size);
    return true;
  }

  /** Rewrites the order, into `packets`, with only what is in flight, which the window bounds. */
  #compact(packets: Float64Array, size: number): void {
    let queued = 0;
    for (let i = 0; i < this.#queued; i++) {
      const extended = this.packets[this.#placeOf(i)] as number;
      const slot = this.slot(extended);
      if (this.packets[slot] === extended && this.isInFlight(slot)) IN_ORDER[queued++] = extended;
    }
    packets.set(IN_ORDER.subarray(0, queued), size * FIELDS);
    this.packets = packets;
    this.#size = size;
    this.#head = 0;
    this.#queued = queued;
  }
}

/** For a window of `size` packets. */
function memoryFor(size: number): Float64Array {
  return new Float64Array(size * (FIELDS + 1)).fill(Number.NaN);
}

/** Where an order is rewritten. */
const IN_ORDER = new Float64Array(LAST_WINDOW);
