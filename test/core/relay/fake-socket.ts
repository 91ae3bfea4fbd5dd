/** A socket without a network: datagrams are put in by hand, and what is sent is kept. */
import type { Endpoint, PacketReceiver, UdpSocket } from '../../../src/core/udp/engine.ts';
import { toFamily } from '../../../src/core/values/address.ts';

export class FakeSocket implements UdpSocket {
  readonly local: Endpoint;
  readonly family: 'IPv4' | 'IPv6';
  readonly receiveBufferBytes = 0;
  readonly sendBufferBytes = 0;
  readonly sent: { readonly bytes: Uint8Array; readonly to: Endpoint | undefined }[] = [];
  sendErrors = 0;
  unstamped = 0;
  /** When what is sent departs; nothing is told while this is undefined. */
  departsAt: (() => number) | undefined;
  /** When that was handed to the kernel; as it departs while this is undefined. */
  hands: (() => number) | undefined;
  drops: number | null = 0;
  /** Datagrams that have arrived and were not read yet. */
  readonly waiting: (() => void)[] = [];
  closed = false;
  #receiver: PacketReceiver | undefined;
  #from: Endpoint | undefined;

  constructor(family: 'IPv4' | 'IPv6' = 'IPv4') {
    this.family = family;
    this.local = { address: family === 'IPv4' ? '127.0.0.1' : '::1', port: 10_000 };
  }

  receive(receiver: PacketReceiver): void {
    this.#receiver = receiver;
    this.takeIn();
  }

  /** A datagram arrives, somewhere in a larger buffer that is overwritten afterwards. */
  deliver(bytes: Uint8Array, from: Endpoint, atNs: number, readNs: number = atNs): void {
    if (this.#receiver === undefined) {
      this.waiting.push(() => this.deliver(bytes, from, atNs, readNs));
      return;
    }
    const buffer = new Uint8Array(bytes.length + 8).fill(0xee);
    buffer.set(bytes, 5);
    this.#from = from;
    this.#receiver.packet(buffer, 5, bytes.length, { from, port: from.port, atNs, readNs });
    buffer.fill(0xee);
  }

  fail(code: string): void {
    this.sendErrors += 1;
    this.#receiver?.error(code, code);
  }

  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint): number {
    const number = this.sent.push({ bytes: buffer.slice(offset, offset + length), to }) - 1;
    const atNs = this.departsAt?.();
    if (atNs !== undefined) this.#receiver?.departed?.(number, 1, atNs, this.hands?.() ?? atNs);
    return number;
  }

  reply(buffer: Uint8Array, offset: number, length: number): number {
    return this.send(buffer, offset, length, this.#from);
  }

  named(endpoint: Endpoint): Endpoint {
    return toFamily(endpoint, this.family);
  }

  prefer(): void {
    // One way is as long as another.
  }

  takeIn(): void {
    if (this.#receiver === undefined) return;
    for (const deliver of this.waiting.splice(0)) deliver();
  }

  socketDrops(): number | null {
    return this.drops;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}
