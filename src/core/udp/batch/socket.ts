/** One socket of the batch engine: what it is asked to send goes to the engine's gatherer, what the engine received for it comes out here. */
import { nowNs } from '../clock.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../engine.ts';
import type { BatchArrival } from './arrival.ts';
import type { Departures } from './departures.ts';
import { KernelEndpoint, kernelEndpoint } from './endpoint.ts';
import {
  EBADF,
  EDESTADDRREQ,
  EINVAL,
  EMSGSIZE,
  ENOBUFS,
  errnoName,
  MEMINFO_DROPS,
  MEMINFO_WORDS,
  SO_MEMINFO,
  SOCKADDR_IN6_BYTES,
  SOCKADDR_IN_BYTES,
  SOL_SOCKET,
  UDP_MAX_SEGMENTS,
  UDP_MAX_TRAIN_BYTES,
} from './layout.ts';
import type { Libc } from './libc.ts';
import { LONGEST_DATAGRAM } from './memory.ts';
import type { PacketMemory } from './memory.ts';
import type { Sender, SendingSocket } from './sender.ts';

/** What a socket needs of its engine. */
export interface SocketHost {
  readonly libc: Libc;
  readonly memory: PacketMemory;
  readonly sender: Sender;
  /** What is being delivered. */
  readonly arrival: BatchArrival;
  /** Whether a turn is under way, which flushes when it ends. */
  readonly inTurn: boolean;
  /** The socket wants what arrives. */
  attach(socket: BatchSocket): void;
  /** Reads and delivers what has arrived, unless something is being delivered. */
  takeIn(socket: BatchSocket): void;
  /** The socket is being closed: its descriptor is the host's to close. */
  detach(socket: BatchSocket): void;
  /** Another socket on the same port, connected to `peer`; undefined where the system does not allow it. */
  lane(socket: BatchSocket, peer: KernelEndpoint): BatchSocket | undefined;
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
  /** It shares its port with sockets that are not this one's lane. */
  readonly shared: boolean;
  /** It is the lane of another, and hands on what strangers sent to it before it was connected: they are welcome at the other. */
  readonly lane: boolean;
  /** Departures of what others send through {@link fd}. */
  readonly external: Departures | undefined;
  /** Report departures, by our own clock where there is no {@link departures}. */
  readonly reportsDepartures: boolean;
}

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
  /** Whether what comes from others than {@link peer} is dropped. */
  readonly strict: boolean;
  readonly departures: Departures | undefined;
  readonly external: Departures | undefined;
  trains: boolean;
  receiver: PacketReceiver | undefined;
  /** On the engine's list of sockets that have something to read. */
  ready = false;
  closed = false;
  /** Received without the kernel's stamp. */
  unstampedArrivals = 0;
  readonly reportsDepartures: boolean;
  readonly #host: SocketHost;
  readonly #shared: boolean;
  #preferred: KernelEndpoint | undefined;
  /** Connected to the preferred peer: the kernel looks its route up once, not for each datagram. */
  #lane: BatchSocket | undefined;
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
    this.strict = parts.peer !== undefined && !parts.lane;
    this.#shared = parts.shared;
    this.trains = parts.trains;
    this.departures = parts.departures;
    this.external = parts.external;
    this.reportsDepartures = parts.reportsDepartures;
  }

  get sendErrors(): number {
    return this.#sendErrors + (this.#lane?.sendErrors ?? 0);
  }

  get unstamped(): number {
    return this.unstampedArrivals + (this.departures?.unstamped ?? 0) + (this.#lane?.unstamped ?? 0);
  }

  receive(receiver: PacketReceiver): void {
    const first = this.receiver === undefined;
    this.receiver = receiver;
    this.#lane?.receive(receiver);
    if (first && !this.closed) this.#host.attach(this);
  }

  named(endpoint: Endpoint): Endpoint {
    const made = this.#suits(endpoint) ? endpoint : kernelEndpoint(endpoint, this.family);
    return made === undefined ? endpoint : this.#host.known(made.words, made.length);
  }

  /** The first one stays: to close its socket would be to lose what waits there. */
  prefer(peer: Endpoint): void {
    const preferred = this.named(peer);
    if (this.closed || this.peer !== undefined || this.reportsDepartures || this.#shared || this.#lane !== undefined) return;
    // Connected to port 0, a socket would take the datagrams of all ports.
    if (!this.#suits(preferred) || preferred.port === 0) return;
    const lane = this.#host.lane(this, preferred);
    if (lane === undefined) return;
    this.#lane = lane;
    this.#preferred = preferred;
    if (this.receiver !== undefined) lane.receive(this.receiver);
  }

  takeIn(): void {
    if (this.closed || this.receiver === undefined) return;
    this.#lane?.takeIn();
    this.#host.takeIn(this);
  }

  /** Whether it can be sent to as it is. */
  #suits(endpoint: Endpoint): endpoint is KernelEndpoint {
    return endpoint instanceof KernelEndpoint && endpoint.length === (this.family === 'IPv4' ? SOCKADDR_IN_BYTES : SOCKADDR_IN6_BYTES);
  }

  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint, segment: number = length): number {
    const number = this.#sent;
    if (to !== undefined && to === this.#preferred && this.#lane !== undefined && !this.closed) {
      this.#lane.send(buffer, offset, length, undefined, segment);
      this.#sent = number + (length > segment ? Math.ceil(length / segment) : 1);
      return number;
    }
    const { sender, inTurn } = this.#host;
    const peer = this.peer !== undefined || to === undefined || this.#suits(to) ? to : this.named(to);
    const count = length > segment ? Math.ceil(length / segment) : 1;
    this.#sent = number + count;
    if (this.closed) this.#refused(EBADF, number, count);
    else if (Math.min(length, segment) > LONGEST_DATAGRAM) this.#refused(EMSGSIZE, number, count);
    else if (this.peer !== undefined) this.#gather(buffer, offset, length, undefined, segment, number);
    else if (peer === undefined) this.#refused(EDESTADDRREQ, number, count);
    else if (this.#suits(peer)) this.#gather(buffer, offset, length, peer, segment, number);
    else this.#refused(EINVAL, number, count);
    if (!inTurn) sender.flush();
    return number;
  }

  reply(buffer: Uint8Array, offset: number, length: number, segment: number = length): number {
    const { memory, arrival, inTurn, sender } = this.#host;
    // What is long is cut by send(), and a connected socket has one peer anyway.
    const plain = inTurn && !this.closed && this.peer === undefined && length <= UDP_MAX_TRAIN_BYTES && buffer === memory.bytes;
    if (!plain || length > segment * UDP_MAX_SEGMENTS) return this.send(buffer, offset, length, arrival.from, segment);
    const number = this.#sent;
    this.#sent = number + (length > segment ? Math.ceil(length / segment) : 1);
    sender.reply(this, arrival.name, arrival.nameLength, offset, length, segment, number);
    return number;
  }

  /** Gives the sender what can be sent, a long train in parts that the kernel takes as one message each. */
  #gather(buffer: Uint8Array, offset: number, length: number, peer: KernelEndpoint | undefined, segment: number, first: number): void {
    if (length <= segment) {
      this.#add(buffer, offset, length, peer, segment, first, 1);
      return;
    }
    const most = Math.max(Math.min(Math.trunc(UDP_MAX_TRAIN_BYTES / segment), UDP_MAX_SEGMENTS), 1);
    for (let done = 0; done < length; done += most * segment) {
      const part = Math.min(most * segment, length - done);
      this.#add(buffer, offset + done, part, peer, segment, first + done / segment, Math.ceil(part / segment));
    }
  }

  #add(
    buffer: Uint8Array,
    offset: number,
    length: number,
    peer: KernelEndpoint | undefined,
    segment: number,
    first: number,
    count: number,
  ): void {
    const { memory, sender } = this.#host;
    const at = buffer === memory.bytes ? offset : sender.copy(buffer, offset, length);
    if (at < 0) this.#refused(ENOBUFS, first, count);
    else sender.add(this, peer, at, length, segment, first);
  }

  #refused(errno: number, first: number, count: number): void {
    // Those before it are told of first.
    this.#host.sender.flush();
    if (this.reportsDepartures) {
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
    return this.closed ? this.#drops : this.#allDrops();
  }

  #allDrops(): number | null {
    const drops = this.#readDrops();
    return this.#lane === undefined ? drops : addKnown(drops, this.#lane.socketDrops());
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
      this.#drops = this.#allDrops();
      this.closed = true;
      this.#host.detach(this);
      void this.#lane?.close();
    }
    return Promise.resolve();
  }
}

function addKnown(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}
