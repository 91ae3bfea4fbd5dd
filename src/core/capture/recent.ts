/**
 * The last packets of each stream, kept until it is known to have an echo, or to be one. In blocks of many streams: arrays of their
 * own would take several times what is in them. What one stream gives back another takes.
 */

/** Packets of each: more than come in the two seconds that an echo may take. */
export const RECENT = 128;
const BLOCK = 256;

/** Packet number `i` of a stream is at `start + i % RECENT`. */
export interface RecentPackets {
  readonly start: number;
  readonly atNs: Float64Array;
  readonly sequences: Uint16Array;
  /** Signed. */
  readonly timestamps: Int32Array;
  /** Payload type, and 128 with the marker. */
  readonly types: Uint8Array;
}

export class RecentPool {
  readonly #free: RecentPackets[] = [];

  take(): RecentPackets {
    if (this.#free.length === 0) this.#addBlock();
    return this.#free.pop() as RecentPackets;
  }

  giveBack(packets: RecentPackets): void {
    this.#free.push(packets);
  }

  #addBlock(): void {
    const packets = BLOCK * RECENT;
    const atNs = new Float64Array(packets);
    const sequences = new Uint16Array(packets);
    const timestamps = new Int32Array(packets);
    const types = new Uint8Array(packets);
    for (let start = packets - RECENT; start >= 0; start -= RECENT) this.#free.push({ start, atNs, sequences, timestamps, types });
  }
}
