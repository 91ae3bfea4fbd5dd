/**
 * The echo: every datagram goes back to where it came from, unchanged, from the socket it came in on. No state beside
 * counters, so that restarting it costs a caller only what was under way.
 */
import { networkInterfaces } from 'node:os';
import type { Arrival, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { isUnspecified, unmapAddress } from '../values/address.ts';

export interface EchoOptions {
  readonly engine: UdpEngine;
  /** Numeric addresses, tried in this order; a later one only where the system lacks the address family of the one before. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly bufferBytes: number;
}

export interface EchoCounters {
  /** Datagrams received. */
  readonly packets: number;
  /** Bytes received, UDP payload. */
  readonly bytes: number;
  /** Datagrams handed back to the kernel, those it then refused included. */
  readonly sent: number;
  /** Datagrams the kernel refused to send. */
  readonly sendErrors: number;
  /** Datagrams not answered: source port 0, which nothing can be sent to, or this very socket as the source, which would never end. */
  readonly refused: number;
  /** Datagrams the kernel dropped because the receive buffer was full; null where the system does not tell. */
  readonly socketDrops: number | null;
}

/** errno names of a host without IPv6, or with it switched off. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

export class EchoService implements PacketReceiver {
  readonly #options: EchoOptions;
  #socket: UdpSocket | undefined;
  #ownAddresses: ReadonlySet<string> = new Set();
  #packets = 0;
  #bytes = 0;
  #sent = 0;
  #refused = 0;
  #lastCounters: EchoCounters | undefined;
  #lastError: string | null = null;
  #rateFromNs = 0;
  #rateFromPackets = 0;

  constructor(options: EchoOptions) {
    this.#options = options;
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
    this.#rateFromNs = this.#options.engine.nowNs();
    socket.receive(this);
    return socket;
  }

  async #bind(): Promise<UdpSocket> {
    const { engine, addresses, port, bufferBytes } = this.#options;
    for (const address of addresses.slice(0, -1)) {
      try {
        return await engine.bind({ address, port, bufferBytes });
      } catch (error) {
        const text = error instanceof Error ? error.message : '';
        if (!NO_SUCH_FAMILY.some((code) => text.includes(code))) throw error;
      }
    }
    return engine.bind({ address: addresses.at(-1) ?? '0.0.0.0', port, bufferBytes });
  }

  packet(buffer: Uint8Array, offset: number, length: number, { from }: Arrival): void {
    this.#packets += 1;
    this.#bytes += length;
    if (from.port === 0 || this.#isOurself(from)) {
      this.#refused += 1;
      return;
    }
    this.#sent += 1;
    this.#socket?.send(buffer, offset, length, from);
  }

  error(code: string, message: string): void {
    this.#lastError = `${code}: ${message}`;
  }

  /** What the kernel complained about last, or null. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** A forged source of our own would have us answer ourselves for ever. */
  #isOurself(from: Endpoint): boolean {
    return from.port === this.#socket?.local.port && this.#ownAddresses.has(unmapAddress(from.address));
  }

  /** Readable after {@link stop} too. */
  counters(): EchoCounters {
    return this.#lastCounters ?? this.#count();
  }

  /** Datagrams received per second since this was asked last (the first time: since the start); null when no time has passed. */
  packetsPerSecond(): number | null {
    const now = this.#options.engine.nowNs();
    const seconds = (now - this.#rateFromNs) / 1e9;
    const packets = this.#packets - this.#rateFromPackets;
    this.#rateFromNs = now;
    this.#rateFromPackets = this.#packets;
    return seconds > 0 ? packets / seconds : null;
  }

  /** Gives the port back. May be called twice, and before {@link start}. */
  async stop(): Promise<EchoCounters> {
    this.#lastCounters ??= this.#count();
    await this.#socket?.close();
    return this.#lastCounters;
  }

  #count(): EchoCounters {
    return {
      packets: this.#packets,
      bytes: this.#bytes,
      sent: this.#sent,
      sendErrors: this.#socket?.sendErrors ?? 0,
      refused: this.#refused,
      socketDrops: this.#socket?.socketDrops() ?? null,
    };
  }
}

function interfaceAddresses(): ReadonlySet<string> {
  const addresses = new Set<string>();
  for (const entries of Object.values(networkInterfaces())) {
    for (const { address } of entries ?? []) addresses.add(address);
  }
  return addresses;
}
