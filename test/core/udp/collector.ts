/** A receiver that keeps what it got and lets a test await the n-th thing. */
import type { Arrival as At, Endpoint, PacketReceiver, UdpSocket } from '../../../src/core/udp/engine.ts';

export interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly atNs: number;
}

export class Collector implements PacketReceiver {
  readonly packets: Arrival[] = [];
  readonly errors: string[] = [];
  #waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];

  packet(buffer: Uint8Array, offset: number, length: number, { from, atNs }: At): void {
    this.packets.push({
      bytes: Uint8Array.from(buffer.subarray(offset, offset + length)),
      from: { address: from.address, port: from.port },
      atNs,
    });
    this.#wake();
  }

  error(code: string): void {
    this.errors.push(code);
    this.#wake();
  }

  /** Settles when that many datagrams have come, all told. */
  async received(count: number): Promise<void> {
    await this.#until(() => this.packets.length >= count);
  }

  async failed(count: number): Promise<void> {
    await this.#until(() => this.errors.length >= count);
  }

  async #until(met: () => boolean): Promise<void> {
    if (met()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.push({ met, resolve });
    await promise;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ met }) => !met());
    for (const { met, resolve } of waiting) if (met()) resolve();
  }
}

export function collect(socket: UdpSocket): Collector {
  const collector = new Collector();
  socket.receive(collector);
  return collector;
}

export function sendText(socket: UdpSocket, text: string, to?: Endpoint): void {
  const bytes = new TextEncoder().encode(text);
  socket.send(bytes, 0, bytes.length, to);
}

export function textOf(arrival: Arrival | undefined): string {
  return new TextDecoder().decode(arrival?.bytes);
}
