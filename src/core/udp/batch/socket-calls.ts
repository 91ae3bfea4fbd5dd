/** What is asked of the kernel for one socket, by way of the scratch memory. */
import type { EndpointTable, KernelEndpoint } from './endpoint.ts';
import { NAME_BYTES, SOCKADDR_IN6_BYTES } from './layout.ts';
import type { Libc } from './libc.ts';
import type { PacketMemory } from './memory.ts';

export class SocketCalls {
  readonly #libc: Libc;
  readonly #memory: PacketMemory;
  readonly #endpoints: EndpointTable;

  constructor(libc: Libc, memory: PacketMemory, endpoints: EndpointTable) {
    this.#libc = libc;
    this.#memory = memory;
    this.#endpoints = endpoints;
  }

  /** An option that is a number. @returns less than 0 when the kernel refuses. */
  set(fd: number, level: number, name: number, value: number): number {
    this.#memory.words[this.#memory.scratch >>> 2] = value;
    return this.#libc.setsockopt(fd, level, name, this.#memory.address(this.#memory.scratch), 4);
  }

  /** A time of µs, less than a second. */
  setTime(fd: number, level: number, name: number, us: number): void {
    const { scratch, words } = this.#memory;
    words.fill(0, scratch >>> 2, (scratch >>> 2) + 4);
    words[(scratch >>> 2) + 2] = us;
    this.#libc.setsockopt(fd, level, name, this.#memory.address(scratch), 16);
  }

  get(fd: number, level: number, name: number): number {
    const { scratch, words } = this.#memory;
    words[(scratch >>> 2) + 2] = 4;
    this.#libc.getsockopt(fd, level, name, this.#memory.address(scratch), this.#memory.address(scratch + 8));
    return words[scratch >>> 2] as number;
  }

  /** @returns less than 0 when the kernel refuses. */
  bind(fd: number, local: KernelEndpoint): number {
    return this.#libc.bind(fd, this.#name(local), local.length);
  }

  /** @returns less than 0 when the kernel refuses. */
  connect(fd: number, peer: KernelEndpoint): number {
    return this.#libc.connect(fd, this.#name(peer), peer.length);
  }

  localOf(fd: number): KernelEndpoint {
    const { scratch, words, signed } = this.#memory;
    const size = (scratch + NAME_BYTES) >>> 2;
    words[size] = SOCKADDR_IN6_BYTES;
    this.#libc.getsockname(fd, this.#memory.address(scratch), this.#memory.address(scratch + NAME_BYTES));
    return this.#endpoints.find(signed, scratch >>> 2, words[size]);
  }

  /** Writes a sockaddr to the scratch memory. @returns its address. */
  #name({ words, length }: KernelEndpoint): number {
    const at = this.#memory.scratch >>> 2;
    for (let i = 0; i < length >>> 2; i++) this.#memory.signed[at + i] = words[i] as number;
    return this.#memory.address(this.#memory.scratch);
  }
}
