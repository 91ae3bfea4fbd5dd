/** What the tracker must count, in the plainest way: every packet that was ever sent in a map, and nothing forgotten. */
import { DUPLICATE, LATE_AFTER_LOSS, UNMATCHED } from '../../../src/core/relay/tracker.ts';

interface Sent {
  readonly atNs: number;
  state: 'in-flight' | 'returned' | 'lost' | 'late';
}

export class ReferenceTracker {
  readonly #timeoutNs: number;
  readonly #packets = new Map<string, Sent>();
  readonly #last = new Map<number, number>();
  readonly #latestReturnedNs = new Map<number, number>();
  readonly counters = {
    sent: 0,
    returned: 0,
    lost: 0,
    inFlight: 0,
    lateAfterLoss: 0,
    duplicates: 0,
    duplicatesSent: 0,
    reordered: 0,
    unmatched: 0,
  };

  constructor(timeoutNs: number) {
    this.#timeoutNs = timeoutNs;
  }

  sent(ssrc: number, sequence: number, atNs: number): void {
    const extended = this.#extended(ssrc, sequence);
    const key = `${ssrc}/${extended}`;
    const before = this.#packets.get(key);
    if (before !== undefined && atNs - before.atNs <= this.#timeoutNs) {
      this.counters.duplicatesSent += 1;
      return;
    }
    if (before !== undefined) this.#lose(before);
    this.#packets.set(key, { atNs, state: 'in-flight' });
    this.#last.set(ssrc, extended);
    this.counters.sent += 1;
    this.counters.inFlight += 1;
  }

  returned(ssrc: number, sequence: number, atNs: number): number {
    const packet = this.#packets.get(`${ssrc}/${this.#extended(ssrc, sequence)}`);
    if (packet === undefined) {
      this.counters.unmatched += 1;
      return UNMATCHED;
    }
    const latencyNs = atNs - packet.atNs;
    if (latencyNs > this.#timeoutNs) this.#lose(packet);
    if (packet.state === 'lost') {
      packet.state = 'late';
      this.counters.lateAfterLoss += 1;
      return LATE_AFTER_LOSS;
    }
    if (packet.state !== 'in-flight') {
      this.counters.duplicates += 1;
      return DUPLICATE;
    }
    packet.state = 'returned';
    this.counters.inFlight -= 1;
    this.counters.returned += 1;
    const latest = this.#latestReturnedNs.get(ssrc) ?? Number.NEGATIVE_INFINITY;
    if (packet.atNs < latest) this.counters.reordered += 1;
    else this.#latestReturnedNs.set(ssrc, packet.atNs);
    return latencyNs;
  }

  expire(nowNs: number): void {
    for (const packet of this.#packets.values()) if (nowNs - packet.atNs > this.#timeoutNs) this.#lose(packet);
  }

  #lose(packet: Sent): void {
    if (packet.state !== 'in-flight') return;
    packet.state = 'lost';
    this.counters.inFlight -= 1;
    this.counters.lost += 1;
  }

  /** The reading of 16 bits nearest to the packet sent last; of two equally near, the lower. */
  #extended(ssrc: number, sequence: number): number {
    const last = this.#last.get(ssrc) ?? 65_536 + sequence;
    return Math.ceil((last - sequence) / 65_536 - 0.5) * 65_536 + sequence;
  }
}
