/** What the kernel tells of a datagram beside its bytes, read from the header and the control messages of its receive slot. */
import { ADDRESS_WORDS, MAPPED } from '../../values/networks.ts';
import type { Arrival } from '../engine.ts';
import type { KernelClock } from './clock.ts';
import { matches } from './endpoint.ts';
import type { EndpointTable, KernelEndpoint } from './endpoint.ts';
import {
  CMSG_DATA,
  CMSG_TYPE,
  MMSGHDR_BYTES,
  MSG_CONTROLLEN,
  MSG_NAMELEN,
  NAME_BYTES,
  SO_TIMESTAMPING,
  SO_TIMESTAMPNS,
  SOCKADDR_IN_BYTES,
  UDP_GRO,
} from './layout.ts';
import { CONTROL_BYTES } from './memory.ts';
import type { PacketMemory } from './memory.ts';

/** Of the datagram that is being delivered; one object for all. */
export class BatchArrival implements Arrival {
  // Not integers, so that they are held as doubles from the start.
  atNs = 0.5;
  readNs = 0.5;
  /** Whether the kernel gave {@link atNs}. */
  stamped = false;
  /** Byte offset of the source's sockaddr, and its length. */
  name = 0;
  nameLength = 0;
  readonly #memory: PacketMemory;
  readonly #clock: KernelClock;
  readonly #endpoints: EndpointTable;
  #likely: KernelEndpoint | undefined;
  #from: KernelEndpoint | undefined;

  constructor(memory: PacketMemory, clock: KernelClock, endpoints: EndpointTable) {
    this.#memory = memory;
    this.#clock = clock;
    this.#endpoints = endpoints;
  }

  /**
   * Begins with the datagram in receive slot `i`.
   *
   * @param likely whom it probably came from.
   * @returns the segment length of a train, else 0.
   */
  next(i: number, likely: KernelEndpoint | undefined): number {
    const { signed } = this.#memory;
    const header = (this.#memory.receiveHeaders + i * MMSGHDR_BYTES) >>> 2;
    this.name = this.#memory.receiveNames + i * NAME_BYTES;
    this.nameLength = signed[header + MSG_NAMELEN / 4] as number;
    this.#likely = likely;
    this.#from = undefined;
    return this.#readControl(this.#memory.receiveControls + i * CONTROL_BYTES, signed[header + MSG_CONTROLLEN / 4] as number);
  }

  get from(): KernelEndpoint {
    this.#from ??= this.isFrom(this.#likely) ? this.#likely : this.#endpoints.find(this.#memory.signed, this.name >>> 2, this.nameLength);
    return this.#from;
  }

  get port(): number {
    const word = this.#memory.signed[this.name >>> 2] as number;
    return ((word >>> 8) & 0xff00) | (word >>> 24);
  }

  addressInto(words: Int32Array): void {
    const { signed } = this.#memory;
    const at = this.name >>> 2;
    if (this.nameLength === SOCKADDR_IN_BYTES) {
      words[0] = 0;
      words[1] = 0;
      words[2] = MAPPED;
      words[3] = swapped(signed[at + 1] as number);
    } else for (let i = 0; i < ADDRESS_WORDS; i++) words[i] = swapped(signed[at + 2 + i] as number);
  }

  isFrom(endpoint: KernelEndpoint | undefined): endpoint is KernelEndpoint {
    return endpoint !== undefined && matches(endpoint, this.#memory.signed, this.name >>> 2, this.nameLength);
  }

  #readControl(control: number, controlLength: number): number {
    const { words } = this.#memory;
    let segment = 0;
    this.stamped = false;
    for (let at = control; at + CMSG_DATA <= control + controlLength;) {
      const size = words[at >>> 2] as number;
      if (size < CMSG_DATA) break;
      const type = words[(at + CMSG_TYPE) >>> 2] as number;
      const data = (at + CMSG_DATA) >>> 2;
      // The types of the levels asked for differ from each other.
      if (type === SO_TIMESTAMPNS || type === SO_TIMESTAMPING) {
        const seconds = (words[data] as number) + (words[data + 1] as number) * 2 ** 32;
        this.atNs = this.#clock.monotonic(seconds, words[data + 2] as number);
        this.stamped = !Number.isNaN(this.atNs);
      } else if (type === UDP_GRO) segment = words[data] as number;
      at += (size + 7) & ~7;
    }
    if (!this.stamped) this.atNs = this.readNs;
    return segment;
  }
}

/** From the order of the network. */
function swapped(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
