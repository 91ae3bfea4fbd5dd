/** A receiver that keeps what it got and lets a test await the n-th thing. */
import type { Arrival as At, Endpoint, PacketReceiver, UdpSocket } from '../../../src/core/udp/engine.ts';

export interface Arrival {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
  readonly atNs: number;
  readonly readNs: number;
}

export interface Departure {
  /** The number that `send` gave the datagram. */
  readonly number: number;
  readonly atNs: number;
  readonly handedNs: number;
  /** How many datagrams had been delivered before this was told. */
  readonly delivered: number;
}

export class Collector implements PacketReceiver {
  readonly packets: Arrival[] = [];
  readonly departures: Departure[] = [];
  readonly errors: string[] = [];
  #waiting: { readonly met: () => boolean; readonly resolve: () => void }[] = [];

  packet(buffer: Uint8Array, offset: number, length: number, { from, atNs, readNs }: At): void {
    this.packets.push({
      bytes: Uint8Array.from(buffer.subarray(offset, offset + length)),
      from: { address: from.address, port: from.port },
      atNs,
      readNs,
    });
    this.#wake();
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    for (let number = first; number < first + count; number++) {
      this.departures.push({ number, atNs, handedNs, delivered: this.packets.length });
    }
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

  /** Settles when that many datagrams have left, or were refused. */
  async left(count: number): Promise<void> {
    await this.#until(() => this.departures.length >= count);
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

/** Takes trains whole, and keeps their datagrams. */
export class TrainCollector extends Collector {
  /** Datagrams in each train. */
  readonly trains: number[] = [];

  train(buffer: Uint8Array, offset: number, length: number, segment: number, arrival: At): void {
    this.trains.push(Math.ceil(length / segment));
    for (let at = 0; at < length; at += segment) this.packet(buffer, offset + at, Math.min(segment, length - at), arrival);
  }
}

export function collect(socket: UdpSocket): Collector {
  const collector = new Collector();
  socket.receive(collector);
  return collector;
}

export function collectTrains(socket: UdpSocket): TrainCollector {
  const collector = new TrainCollector();
  socket.receive(collector);
  return collector;
}

/** @returns what `send` returned. */
export function sendText(socket: UdpSocket, text: string, to?: Endpoint): number {
  const bytes = new TextEncoder().encode(text);
  return socket.send(bytes, 0, bytes.length, to);
}

export function textOf(arrival: Arrival | undefined): string {
  return new TextDecoder().decode(arrival?.bytes);
}
