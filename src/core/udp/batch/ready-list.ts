/** Sockets that have something to read: each once, first come first served, without an allocation for each turn of the loop. */
import type { BatchSocket } from './socket.ts';

/** A power of two, as every capacity after it. */
const FIRST_CAPACITY = 64;

export class ReadyList {
  #ring: (BatchSocket | undefined)[] = Array.from({ length: FIRST_CAPACITY });
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(socket: BatchSocket): void {
    if (socket.ready || socket.closed) return;
    socket.ready = true;
    if (this.#size === this.#ring.length) this.#grow();
    this.#ring[(this.#first + this.#size) & (this.#ring.length - 1)] = socket;
    this.#size += 1;
  }

  /** @returns the socket that waits longest. It may have been closed since. */
  take(): BatchSocket | undefined {
    const socket = this.#ring[this.#first];
    if (socket === undefined) return undefined;
    this.#ring[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#ring.length - 1);
    this.#size -= 1;
    socket.ready = false;
    return socket;
  }

  #grow(): void {
    const { length } = this.#ring;
    this.#ring = Array.from({ length: 2 * length }, (_, i) => (i < length ? this.#ring[(this.#first + i) & (length - 1)] : undefined));
    this.#first = 0;
  }
}
