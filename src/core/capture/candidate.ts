/**
 * Whether the datagrams of one source, destination and SSRC are RTP. Version 2 alone says little (every fourth random datagram has
 * it): the sequence numbers have to go on, too. The packets that were looked at are kept, so that a stream is measured from
 * its first one.
 */
import type { RtpPacket } from '../rtp/packet.ts';
import { sequenceDelta } from '../rtp/sequence.ts';

/** Steps of the sequence number that prove a stream: five packets, when nothing is lost or overtaken. */
const STEPS = 4;
/** A step further than this, ahead or back, proves nothing. */
const FARTHEST_STEP = 100;
/** Packets looked at. What has not been proven by them begins anew. */
const KEPT = 16;

/** The packets of all candidates, side by side: arrays of their own would take more than what is in them. */
export interface CandidateMemory {
  readonly atNs: Float64Array;
  readonly sequences: Uint16Array;
  /** Signed: such are small integers, which cost no allocation. */
  readonly timestamps: Int32Array;
  /** Payload type, and 128 with the marker. */
  readonly types: Uint8Array;
}

/** For so many candidates. */
export function candidateMemory(count: number): CandidateMemory {
  const packets = count * KEPT;
  return {
    atNs: new Float64Array(packets),
    sequences: new Uint16Array(packets),
    timestamps: new Int32Array(packets),
    types: new Uint8Array(packets),
  };
}

export class Candidate {
  readonly memory: CandidateMemory;
  /** Of its first packet in the memory. */
  readonly start: number;
  #count = 0;
  #highest = 0;
  #steps = 0;

  constructor(memory: CandidateMemory, index: number) {
    this.memory = memory;
    this.start = index * KEPT;
  }

  /** Behind its last packet in the memory. */
  get end(): number {
    return this.start + this.#count;
  }

  get count(): number {
    return this.#count;
  }

  /** Whether it went on in sequence at all. */
  get isHopeful(): boolean {
    return this.#steps > 0;
  }

  clear(): void {
    this.#count = 0;
    this.#steps = 0;
  }

  /** Another packet. @returns whether they are RTP. */
  take(atNs: number, packet: RtpPacket): boolean {
    if (this.#count > 0) {
      const step = sequenceDelta(packet.sequence, this.#highest);
      if (this.#count === KEPT || step > FARTHEST_STEP || step < -FARTHEST_STEP) this.clear();
      else if (step > 0) this.#steps += 1;
      if (step > 0) this.#highest = packet.sequence;
    }
    if (this.#count === 0) this.#highest = packet.sequence;
    const { memory, end } = this;
    memory.atNs[end] = atNs;
    memory.sequences[end] = packet.sequence;
    memory.timestamps[end] = packet.timestamp | 0;
    memory.types[end] = packet.payloadType | (packet.marker ? 0x80 : 0);
    this.#count += 1;
    return this.#steps === STEPS;
  }

  /** Goes on where another was, which is cleared. */
  takeOver(other: Candidate): void {
    for (let from = other.start, to = this.start; from < other.end; from++, to++) {
      this.memory.atNs[to] = other.memory.atNs[from] as number;
      this.memory.sequences[to] = other.memory.sequences[from] as number;
      this.memory.timestamps[to] = other.memory.timestamps[from] as number;
      this.memory.types[to] = other.memory.types[from] as number;
    }
    this.#count = other.#count;
    this.#highest = other.#highest;
    this.#steps = other.#steps;
    other.clear();
  }
}
