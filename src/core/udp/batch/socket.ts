/** One socket of the batch engine: what it is asked to send goes to the engine's gatherer, what the engine received for it comes out here. */
import { nowNs } from '../clock.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../engine.ts';
import type { Departures } from './departures.ts';
import { KernelEndpoint, kernelEndpoint } from './endpoint.ts';
import { errnoName, MEMINFO_DROPS, MEMINFO_WORDS, SO_MEMINFO, SOL_SOCKET } from './layout.ts';
import type { Libc } from './libc.ts';
import { LONGEST_DATAGRAM } from './memory.ts';
import type { PacketMemory } from './memory.ts';
import type { Sender, SendingSocket } from './sender.ts';

/** What a socket needs of its engine. */
export interface SocketHost {
  readonly libc: Libc;
  readonly memory: PacketMemory;
  readonly sender: Sender;
  /** Whether a turn is under way, which flushes when it ends. */
  readonly inTurn: boolean;
  /** The socket wants what arrives. */
  attach(socket: BatchSocket): void;
  /** The socket is being closed: its descriptor is the host's to close. */
  detach(socket: BatchSocket): void;
  /** The one object for this sockaddr. */
  known(words: Int32Array, length: number): KernelEndpoint;
}

export interface SocketParts {
  readonly fd: number;
  readonly index: number;
  readonly local: Endpoint;
  readonly family: 'IPv4' | 'IPv6';
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly peer: KernelEndpoint | undefined;
  readonly trains: boolean;
  readonly departures: Departures | undefined;
  /** Departures of what others send through {@link fd}. */
  readonly external: Departures | undefined;
  /** Report departures, by our own clock where there is no {@link departures}. */
  readonly reportsDepartures: boolean;
}

const EMSGSIZE = 90;
const EBADF = 9;
const EDESTADDRREQ = 89;
const EINVAL = 22;

const MEANINGS: ReadonlyMap<string, string> = new Map([
  ['ECONNREFUSED', 'nobody listens there (ICMP port unreachable)'],
  ['EMSGSIZE', 'the datagram is too long'],
  ['EBADF', 'the socket is closed'],
  ['EDESTADDRREQ', 'no destination given'],
  ['EINVAL', 'not a destination for this socket'],
  ['EAGAIN', 'the send buffer is full'],
  ['ENOBUFS', 'the queue of the network device is full'],
]);

export class BatchSocket implements UdpSocket, SendingSocket {
  readonly fd: number;
  /** Its place in the engine's list. */
  readonly index: number;
  readonly local: Endpoint;
  readonly family: 'IPv4' | 'IPv6';
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly peer: KernelEndpoint | undefined;
  readonly departures: Departures | undefined;
  readonly external: Departures | undefined;
  trains: boolean;
  receiver: PacketReceiver | undefined;
  /** On the engine's list of sockets that have something to read. */
  ready = false;
  closed = false;
  /** Received without the kernel's stamp. */
  unstampedArrivals = 0;
  readonly #host: SocketHost;
  readonly #reportsDepartures: boolean;
  #sent = 0;
  #sendErrors = 0;
  #drops: number | null = null;

  constructor(host: SocketHost, parts: SocketParts) {
    this.#host = host;
    this.fd = parts.fd;
    this.index = parts.index;
    this.local = parts.local;
    this.family = parts.family;
    this.receiveBufferBytes = parts.receiveBufferBytes;
    this.sendBufferBytes = parts.sendBufferBytes;
    this.peer = parts.peer;
    this.trains = parts.trains;
    this.departures = parts.departures;
    this.external = parts.external;
    this.#reportsDepartures = parts.reportsDepartures;
  }

  get sendErrors(): number {
    return this.#sendErrors;
  }

  get unstamped(): number {
    return this.unstampedArrivals + (this.departures?.unstamped ?? 0);
  }

  receive(receiver: PacketReceiver): void {
    const first = this.receiver === undefined;
    this.receiver = receiver;
    if (first && !this.closed) this.#host.attach(this);
  }

  named(endpoint: Endpoint): Endpoint {
    if (endpoint instanceof KernelEndpoint) return endpoint;
    const made = kernelEndpoint(endpoint, this.family);
    return made === undefined ? endpoint : this.#host.known(made.words, made.length);
  }

  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint, segment: number = length): number {
    const number = this.#sent;
    const { memory, sender, inTurn } = this.#host;
    const peer = this.peer === undefined && to !== undefined ? this.named(to) : undefined;
    const count = length > segment ? Math.ceil(length / segment) : 1;
    this.#sent = number + count;
    if (this.closed) this.#refused(EBADF, number, count);
    else if (length > LONGEST_DATAGRAM) this.#refused(EMSGSIZE, number, count);
    else if (this.peer === undefined && peer === undefined) this.#refused(EDESTADDRREQ, number, count);
    else if (peer !== undefined && !(peer instanceof KernelEndpoint)) this.#refused(EINVAL, number, count);
    else {
      const at = buffer === memory.bytes ? offset : sender.copy(buffer, offset, length);
      sender.add(this, peer, at, length, segment, number);
      if (!inTurn) sender.flush();
    }
    return number;
  }

  #refused(errno: number, first: number, count: number): void {
    if (this.#reportsDepartures) {
      const atNs = nowNs();
      this.departed(first, count, atNs, atNs);
    }
    this.failed(errno, count);
  }

  failed(errno: number, count: number): void {
    this.#sendErrors += count;
    const code = errnoName(errno);
    if (!this.closed) this.receiver?.error(code, MEANINGS.get(code) ?? 'the kernel refused it');
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    this.receiver?.departed?.(first, count, atNs, handedNs);
  }

  /** Hands on what the kernel says of {@link external} sends. Before the answers to them are delivered. */
  drainExternal(): void {
    this.external?.drain(this.fd, this.#departedExternally);
  }

  readonly #departedExternally = (id: number, atNs: number): void => {
    this.receiver?.departed?.(id, 1, atNs, Number.NaN);
  };

  /** Hands on what was received for this socket. */
  deliver(offset: number, length: number, segment: number, arrival: Arrival): void {
    const { receiver } = this;
    if (receiver === undefined) return;
    const { bytes } = this.#host.memory;
    if (segment >= length || segment === 0) receiver.packet(bytes, offset, length, arrival);
    else if (receiver.train !== undefined) receiver.train(bytes, offset, length, segment, arrival);
    else {
      for (let at = 0; at < length && !this.closed; at += segment) {
        receiver.packet(bytes, offset + at, Math.min(segment, length - at), arrival);
      }
    }
  }

  socketDrops(): number | null {
    return this.closed ? this.#drops : this.#readDrops();
  }

  /** The kernel's own count (`sk_drops`), the one that SO_RXQ_OVFL puts beside datagrams, but readable at any time. A train counts once. */
  #readDrops(): number | null {
    const { libc, memory } = this.#host;
    const at = memory.scratch;
    memory.words[at >>> 2] = MEMINFO_WORDS * 4;
    const result = libc.getsockopt(this.fd, SOL_SOCKET, SO_MEMINFO, memory.address(at + 8), memory.address(at));
    if (result !== 0 || (memory.words[at >>> 2] as number) < MEMINFO_WORDS * 4) return null;
    return memory.words[((at + 8) >>> 2) + MEMINFO_DROPS] as number;
  }

  close(): Promise<void> {
    if (!this.closed) {
      this.#host.sender.flush();
      this.#drops = this.#readDrops();
      this.closed = true;
      this.#host.detach(this);
    }
    return Promise.resolve();
  }
}
