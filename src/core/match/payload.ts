/**
 * Finds payloads that come back in other packets: the same bytes, cut and joined anew, under another SSRC, sequence and timestamp.
 * What is sent must be such that no {@link RUN} bytes of it occur twice within the time-out, as the noise of {@link NoiseReference} is in
 * any codec here. A place is found by the hash of a run, verified byte by byte, and believed only when it is the only one.
 *
 * Round trip of a part: from when the packet that it was sent in left to when the packet that it came in arrived. Where packets are cut
 * anew, the time that bytes wait for others is in it. Times in nanoseconds, of one clock.
 */
import { PayloadFate } from './payload-fate.ts';
import type { ByteCounters, Fate, PacketCounters } from './payload-fate.ts';
import { AMBIGUOUS, hashOf, PayloadIndex, rolled, RUN } from './payload-index.ts';

export interface PayloadPart {
  /** In the payload that came. */
  readonly offset: number;
  readonly length: number;
  /** In all bytes sent. */
  readonly position: number;
  /** The packet that it was sent in, the first is 0, and its place there. */
  readonly packet: number;
  readonly packetOffset: number;
  readonly roundTripNs: number;
  /** A round trip counts only once, and only within the time-out: where this is `returned`. */
  readonly fate: Fate;
  /** With it, all bytes of the packet that it was sent in have come back. Once for each packet. */
  readonly completes: boolean;
}

export interface PayloadMatch {
  /** In the order in which they stand in the payload; none overlap. Each has been verified, and no other place has these bytes. */
  readonly parts: readonly PayloadPart[];
  /** Bytes that are in no part. */
  readonly unmatched: number;
  /** Of these, runs seen that more than one place has: what was sent repeats itself. */
  readonly ambiguous: number;
  /** Something in it was sent before something that had come already. */
  readonly reordered: boolean;
}

export interface PayloadCounters {
  readonly bytes: ByteCounters;
  readonly packets: PacketCounters;
  /** Packets that came: all of it found, some, nothing. */
  readonly matched: number;
  readonly partly: number;
  readonly unmatched: number;
  readonly reordered: number;
  /** Bytes that came and were not found. */
  readonly unmatchedBytes: number;
  readonly ambiguous: number;
  /** Places that a hash named and whose bytes were others. */
  readonly collisions: number;
}

export interface PayloadMatcherOptions {
  /** Of what is sent: 8000 for PCMU, PCMA and G.722. */
  readonly bytesPerSecond: number;
  /** What takes longer counts as lost. Default 2 s. */
  readonly lossTimeoutNs?: number;
}

const DEFAULT_LOSS_TIMEOUT_NS = 2_000_000_000;
/** Bytes are remembered for twice the time-out, to know what comes late. */
const REMEMBERED = 2;
/** The shortest packets that are reckoned with: 5 ms. */
const PACKETS_PER_SECOND = 200;

export class PayloadMatcher {
  readonly #index: PayloadIndex;
  readonly #fate: PayloadFate;
  #highest = 0;
  readonly #counts = { matched: 0, partly: 0, unmatched: 0, reordered: 0, unmatchedBytes: 0, ambiguous: 0 };

  constructor({ bytesPerSecond, lossTimeoutNs = DEFAULT_LOSS_TIMEOUT_NS }: PayloadMatcherOptions) {
    const seconds = (REMEMBERED * lossTimeoutNs) / 1e9;
    const size = powerOfTwo(Math.max(RUN, seconds * bytesPerSecond));
    this.#index = new PayloadIndex(size);
    this.#fate = new PayloadFate(size, powerOfTwo(seconds * PACKETS_PER_SECOND), lossTimeoutNs);
  }

  /** A packet leaves with `payload[offset … offset+length)`. @returns its number, from 0. */
  sent(leftNs: number, payload: Uint8Array, offset: number, length: number): number {
    this.#index.append(payload, offset, length);
    return this.#fate.sent(leftNs, length);
  }

  /** Replaces the time that a packet left at, where the true one is known later only. False when it is forgotten. */
  correct(number: number, leftNs: number): boolean {
    return this.#fate.times.correct(number, leftNs);
  }

  /** A packet came with `payload[offset … offset+length)`. */
  receive(arrivedNs: number, payload: Uint8Array, offset: number, length: number): PayloadMatch {
    const parts: PayloadPart[] = [];
    const end = offset + length;
    const highest = this.#highest;
    let unmatched = length;
    let ambiguous = 0;
    let done = offset;
    let at = offset;
    let hash = at + RUN <= end ? hashOf(payload, at) : 0;
    while (at + RUN <= end) {
      const place = this.#index.find(payload, at, hash);
      if (place < 0) {
        if (place === AMBIGUOUS) ambiguous += 1;
        if (at + RUN < end) hash = rolled(hash, payload[at] as number, payload[at + RUN] as number);
        at += 1;
        continue;
      }
      const before = this.#index.matchesBefore(payload, at, done, place);
      const start = at - before;
      const size = before + this.#index.matches(payload, at, end, place);
      unmatched -= this.#cut(arrivedNs, start - offset, size, place - before, parts);
      this.#highest = Math.max(this.#highest, place - before + size);
      done = start + size;
      at = done;
      if (at + RUN <= end) hash = hashOf(payload, at);
    }
    const reordered = parts.some(({ position, fate }) => fate !== 'duplicate' && position < highest);
    this.#count(parts.length, unmatched, ambiguous, reordered);
    return { parts, unmatched, ambiguous, reordered };
  }

  /** Settles what is overdue. Call it now and then, and before reading the counters. */
  expire(nowNs: number): void {
    this.#fate.expire(nowNs);
  }

  counters(): PayloadCounters {
    return {
      ...this.#counts,
      bytes: this.#fate.byteCounters(),
      packets: this.#fate.packetCounters(),
      collisions: this.#index.collisions,
    };
  }

  /** Divides bytes that stood together among the packets that they were sent in. @returns how many could be. */
  #cut(arrivedNs: number, offset: number, length: number, position: number, parts: PayloadPart[]): number {
    const { times } = this.#fate;
    let done = 0;
    while (done < length) {
      const packet = times.packetAt(position + done);
      // Of packets shorter than 5 ms the bytes are remembered for longer than the times.
      if (packet < 0) return done;
      const packetOffset = position + done - times.startOf(packet);
      const packetEnd = packet + 1 < times.packets ? times.startOf(packet + 1) : times.end;
      const size = Math.min(length - done, packetEnd - position - done);
      const roundTripNs = arrivedNs - times.leftNsOf(packet);
      const fate = this.#fate.returned(arrivedNs, packet, position + done, size);
      const { completed: completes } = this.#fate;
      parts.push({ offset: offset + done, length: size, position: position + done, packet, packetOffset, roundTripNs, fate, completes });
      done += size;
    }
    return done;
  }

  #count(parts: number, unmatched: number, ambiguous: number, reordered: boolean): void {
    const counts = this.#counts;
    if (unmatched === 0) counts.matched += 1;
    else if (parts > 0) counts.partly += 1;
    else counts.unmatched += 1;
    if (reordered) counts.reordered += 1;
    counts.unmatchedBytes += unmatched;
    counts.ambiguous += ambiguous;
  }
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}
