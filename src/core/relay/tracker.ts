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

const FREE = 0;
const IN_FLIGHT = 1;
const RETURNED = 2;
const LOST = 3;

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
    if (stream.extended[slot] === extended && stream.state[slot] !== FREE) {
      if (atNs - (stream.sentNs[slot] as number) <= this.#timeoutNs) {
        this.#count(DUPLICATES_SENT);
        return 'duplicate';
      }
      // The same number again after the time-out: the sender started over. The earlier packet, and all before it, are settled first.
      this.#expire(stream, atNs);
      this.#settle(stream, slot);
    } else if (stream.state[slot] === IN_FLIGHT) {
      this.#expire(stream, atNs);
      // After a jump the two may share a slot of the doubled window as well.
      while (stream.state[stream.slot(extended)] === IN_FLIGHT) {
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
    if (stream.extended[slot] !== extended) return this.#unmatchedEcho();
    switch (stream.state[slot]) {
      case IN_FLIGHT: {
        const sentNs = stream.sentNs[slot] as number;
        const latencyNs = atNs - sentNs;
        if (latencyNs > this.#timeoutNs) {
          this.#settle(stream, slot);
          stream.state[slot] = RETURNED;
          this.#count(LATE_AFTER);
          return LATE_AFTER_LOSS;
        }
        stream.state[slot] = RETURNED;
        this.#departureDelayNs = stream.delayNs[slot] as number;
        stream.inFlight -= 1;
        this.#count(CAME_BACK);
        // By the order of sending: a sender that starts over at a lower number reorders nothing.
        if (sentNs < stream.latestReturnedNs) this.#count(REORDERED);
        else stream.latestReturnedNs = sentNs;
        return latencyNs;
      }
      case RETURNED:
        this.#count(DUPLICATES);
        return DUPLICATE;
      case LOST:
        // Once: a second echo of a lost packet is a duplicate.
        stream.state[slot] = RETURNED;
        this.#count(LATE_AFTER);
        return LATE_AFTER_LOSS;
      default:
        return this.#unmatchedEcho();
    }
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
      if (slot < 0 || nowNs - (stream.sentNs[slot] as number) <= this.#timeoutNs) return;
      this.#settle(stream, slot);
    }
  }

  /** The packet in `slot`, if its fate is still open, is lost. */
  #settle(stream: Stream, slot: number): void {
    if (stream.state[slot] !== IN_FLIGHT) return;
    stream.state[slot] = LOST;
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
  extended: Float64Array = new Float64Array(FIRST_WINDOW);
  sentNs: Float64Array = new Float64Array(FIRST_WINDOW);
  delayNs: Float32Array = new Float32Array(FIRST_WINDOW);
  state: Uint8Array = new Uint8Array(FIRST_WINDOW);
  /** Extended numbers in the order of sending; a ring of the window's size from #head, #queued long. */
  #order: Float64Array = new Float64Array(FIRST_WINDOW);
  #head = 0;
  #queued = 0;

  constructor(ssrc: number, firstSequence: number) {
    this.ssrc = ssrc;
    // One cycle up, so that packets from before the first one do not extend below 0.
    this.last = 65_536 + firstSequence;
  }

  slot(extended: number): number {
    return extended & (this.state.length - 1);
  }

  put(extended: number, atNs: number, delayNs: number): void {
    if (this.#queued === this.#order.length) this.oldest();
    if (this.#queued === this.#order.length) this.#compact();
    const slot = this.slot(extended);
    this.extended[slot] = extended;
    this.sentNs[slot] = atNs;
    this.delayNs[slot] = delayNs;
    this.state[slot] = IN_FLIGHT;
    this.inFlight += 1;
    this.#order[(this.#head + this.#queued) & (this.#order.length - 1)] = extended;
    this.#queued += 1;
  }

  /** The slot of the packet that has been in flight the longest, or −1. Forgets the order of those that are settled. */
  oldest(): number {
    while (this.#queued > 0) {
      const extended = this.#order[this.#head] as number;
      const slot = this.slot(extended);
      if (this.extended[slot] === extended && this.state[slot] === IN_FLIGHT) return slot;
      this.#head = (this.#head + 1) & (this.#order.length - 1);
      this.#queued -= 1;
    }
    return -1;
  }

  /** Doubles the window, until 16 bits cannot tell its packets apart. */
  grow(): boolean {
    const size = this.state.length * 2;
    if (size > LAST_WINDOW) return false;
    const { extended, sentNs, delayNs, state } = this;
    this.extended = new Float64Array(size);
    this.sentNs = new Float64Array(size);
    this.delayNs = new Float32Array(size);
    this.state = new Uint8Array(size);
    for (let old = 0; old < state.length; old++) {
      if (state[old] === FREE) continue;
      const slot = this.slot(extended[old] as number);
      this.extended[slot] = extended[old] as number;
      this.sentNs[slot] = sentNs[old] as number;
      this.delayNs[slot] = delayNs[old] as number;
      this.state[slot] = state[old] as number;
    }
    this.#compact(size);
    return true;
  }

  /** Rewrites the order with only what is in flight, which the window bounds. */
  #compact(size: number = this.#order.length): void {
    const order = new Float64Array(size);
    let queued = 0;
    for (let i = 0; i < this.#queued; i++) {
      const extended = this.#order[(this.#head + i) & (this.#order.length - 1)] as number;
      const slot = this.slot(extended);
      if (this.extended[slot] === extended && this.state[slot] === IN_FLIGHT) order[queued++] = extended;
    }
    this.#order = order;
    this.#head = 0;
    this.#queued = queued;
  }
}
