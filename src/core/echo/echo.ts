/**
 * The echo: every datagram goes back to where it came from, unchanged, from the socket it came in on. No state beside
 * counters, so that restarting it costs a caller only what was under way.
 */
import { networkInterfaces } from 'node:os';
import type { Arrival, PacketReceiver, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { isUnspecified, unmapAddress } from '../values/address.ts';
import { BYTES, EchoMemory, PACKETS, REFUSED, SEND_ERRORS, SENT, SOCKET_DROPS, UNSTAMPED } from './memory.ts';
import type { EchoCounters } from './memory.ts';

export interface EchoOptions {
  readonly engine: UdpEngine;
  /** Numeric addresses, tried in this order; a later one only where the system lacks the address family of the one before. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly bufferBytes: number;
  /** Share the port with other echoes that do so too. */
  readonly reusePort?: boolean;
  /** Where it counts: another thread may read it. */
  readonly memory?: EchoMemory;
}

/** errno names of a host without IPv6, or with it switched off. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

export class EchoService implements PacketReceiver {
  readonly #options: EchoOptions;
  readonly #memory: EchoMemory;
  readonly #numbers: Float64Array;
  #socket: UdpSocket | undefined;
  #port = 0;
  #ownAddresses: ReadonlySet<string> = new Set();
  #stopped = false;
  #lastError: string | null = null;

  constructor(options: EchoOptions) {
    this.#options = options;
    this.#memory = options.memory ?? EchoMemory.create();
    this.#numbers = this.#memory.numbers;
  }

  /**
   * Binds and starts to answer.
   *
   * @returns the socket that is served.
   * @throws RtplatError `bind`.
   */
  async start(): Promise<UdpSocket> {
    const socket = await this.#bind();
    const { address } = socket.local;
    this.#ownAddresses = isUnspecified(address) ? interfaceAddresses() : new Set([unmapAddress(address)]);
    this.#socket = socket;
    this.#port = socket.local.port;
    socket.receive(this);
    return socket;
  }

  async #bind(): Promise<UdpSocket> {
    const { engine, addresses, port, bufferBytes, reusePort = false } = this.#options;
    const options = { port, bufferBytes, reusePort, trains: true };
    for (const address of addresses.slice(0, -1)) {
      try {
        return await engine.bind({ address, ...options });
      } catch (error) {
        const text = error instanceof Error ? error.message : '';
        if (!NO_SUCH_FAMILY.some((code) => text.includes(code))) throw error;
      }
    }
    return engine.bind({ address: addresses.at(-1) ?? '0.0.0.0', ...options });
  }

  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    if (this.#takes(1, length, arrival)) this.#socket?.reply(buffer, offset, length);
  }

  train(buffer: Uint8Array, offset: number, length: number, segment: number, arrival: Arrival): void {
    if (this.#takes(Math.ceil(length / segment), length, arrival)) this.#socket?.reply(buffer, offset, length, segment);
  }

  /** Counts what came. @returns whether it is to be answered. */
  #takes(count: number, length: number, arrival: Arrival): boolean {
    const numbers = this.#numbers;
    numbers[PACKETS] = (numbers[PACKETS] as number) + count;
    numbers[BYTES] = (numbers[BYTES] as number) + length;
    this.#memory.hostDelay.record(arrival.readNs - arrival.atNs);
    if (arrival.port === 0 || this.#isOurself(arrival)) {
      numbers[REFUSED] = (numbers[REFUSED] as number) + count;
      return false;
    }
    numbers[SENT] = (numbers[SENT] as number) + count;
    return true;
  }

  error(code: string, message: string): void {
    this.#lastError = `${code}: ${message}`;
  }

  /** What the kernel complained about last, or null. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** A forged source of our own would have us answer ourselves for ever. */
  #isOurself(arrival: Arrival): boolean {
    return arrival.port === this.#port && this.#ownAddresses.has(unmapAddress(arrival.from.address));
  }

  /** Readable after {@link stop} too. */
  counters(): EchoCounters {
    this.note();
    return this.#memory.counters();
  }

  /** Puts into the memory what is not counted packet by packet. */
  note(): void {
    if (this.#socket === undefined || this.#stopped) return;
    this.#numbers[SEND_ERRORS] = this.#socket.sendErrors;
    this.#numbers[SOCKET_DROPS] = this.#socket.socketDrops() ?? Number.NaN;
    this.#numbers[UNSTAMPED] = this.#socket.unstamped;
  }

  /** Gives the port back. May be called twice, and before {@link start}. */
  async stop(): Promise<EchoCounters> {
    const counters = this.counters();
    this.#stopped = true;
    await this.#socket?.close();
    return counters;
  }
}

function interfaceAddresses(): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const entries of Object.values(networkInterfaces())) {
    for (const { address } of entries ?? []) addresses.add(address);
  }
  return addresses;
}
