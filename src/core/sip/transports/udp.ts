/** SIP over UDP (RFC 3261 §18): a datagram is a message. */
import type { Arrival, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../../udp/engine.ts';
import { isUnspecified, unmapAddress } from '../../values/address.ts';
import type { SipFlow } from '../transactions.ts';
import { FacingAddresses } from './facing.ts';
import type { TransportCounts, TransportUser } from './transport.ts';

/** A burst of INVITEs must not overflow what the kernel gives by default. */
const BUFFER_BYTES = 2 * 1024 * 1024;
/** Shorter than any message: the CRLF of a keep-alive (RFC 5626 §3.5.1), or noise. */
const SHORTEST = 16;

export interface UdpOptions {
  /** On an event loop. */
  readonly engine: UdpEngine;
  readonly local: Endpoint;
  /** The address that peers see, where it is not the socket's. */
  readonly advertise?: string;
}

export class UdpTransport implements PacketReceiver {
  readonly local: Endpoint;
  readonly counts: TransportCounts = { received: 0, sent: 0, sendErrors: 0 };
  /** Messages that were not taken because too many waited to learn which address of ours their sender sees. */
  overflow = 0;
  readonly #socket: UdpSocket;
  readonly #user: TransportUser;
  /** Where peers see another address each. */
  readonly #facing: FacingAddresses | undefined;
  readonly #advertised: string;

  private constructor(socket: UdpSocket, { engine, advertise }: UdpOptions, user: TransportUser) {
    this.#socket = socket;
    this.local = socket.local;
    this.#user = user;
    const { address } = socket.local;
    this.#facing = advertise === undefined && isUnspecified(address) ? new FacingAddresses(engine, address) : undefined;
    this.#advertised = advertise ?? address;
  }

  /** @throws RtplatError `bind`. */
  static async start(options: UdpOptions, user: TransportUser): Promise<UdpTransport> {
    const socket = await options.engine.bind({ ...options.local, bufferBytes: BUFFER_BYTES });
    const transport = new UdpTransport(socket, options, user);
    socket.receive(transport);
    return transport;
  }

  packet(buffer: Uint8Array, offset: number, length: number, { from }: Arrival): void {
    if (length < SHORTEST) return;
    this.counts.received += 1;
    // An IPv4 peer of a socket on `::` is that IPv4 peer to everybody else.
    const remote = { address: unmapAddress(from.address), port: from.port };
    if (!this.#user.admits(remote.address)) return;
    // The engine fills its memory again.
    const bytes = buffer.slice(offset, offset + length);
    if (this.#facing === undefined || this.#facing.towards(remote.address) !== undefined) this.#user.message(bytes, this.flowTo(remote));
    else if (!this.#facing.learn(remote.address, () => this.#user.message(bytes, this.flowTo(remote)))) this.overflow += 1;
  }

  error(): void {
    this.counts.sendErrors = this.#socket.sendErrors;
  }

  /** @param remote numeric. */
  flowTo(remote: Endpoint): SipFlow {
    const address = this.#facing?.towards(remote.address) ?? this.#advertised;
    return new UdpFlow(this, { address, port: this.local.port }, remote);
  }

  /** The same to a peer that has not been heard: asks the routing table first where that is needed. */
  async reach(remote: Endpoint): Promise<SipFlow> {
    const facing = this.#facing;
    if (facing !== undefined && facing.towards(remote.address) === undefined) await facing.ask(remote.address);
    return this.flowTo(remote);
  }

  send(bytes: Uint8Array, to: Endpoint): void {
    this.counts.sent += 1;
    this.#socket.send(bytes, 0, bytes.length, this.#socket.named(to));
  }

  /** Datagrams that found the receive buffer full; null where the system does not tell. */
  drops(): number | null {
    return this.#socket.socketDrops();
  }

  async stop(): Promise<void> {
    await this.#socket.close();
  }
}

class UdpFlow implements SipFlow {
  readonly transport = 'UDP';
  readonly reliable = false;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #transport: UdpTransport;

  constructor(transport: UdpTransport, local: Endpoint, remote: Endpoint) {
    this.#transport = transport;
    this.local = local;
    this.remote = remote;
  }

  send(bytes: Uint8Array): void {
    this.#transport.send(bytes, this.remote);
  }

  to(remote: Endpoint): SipFlow {
    return this.#transport.flowTo(remote);
  }
}
