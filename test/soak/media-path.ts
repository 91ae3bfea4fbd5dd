/**
 * An engine without a network, in a time of its own: sockets of calls, the way to the echo and back with its losses, doubles and overtaking,
 * and what must have been counted of it.
 */
import { SeededRandom } from '../../src/core/probe/random.ts';
import { RTP_HEADER_BYTES, writeRtpHeader } from '../../src/core/rtp/packet.ts';
import { formatHostPort } from '../../src/core/values/address.ts';
import type { BindOptions, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from '../../src/core/udp/engine.ts';

export const ECHO: Endpoint = { address: '192.0.2.9', port: 4_000 };
const PACKET_BYTES = 32;
/** Where it lies in a packet. */
const SSRC_AT = 8;
const NS_PER_MS = 1e6;
/** Milliseconds that a packet may be on its way; a power of two. */
const AHEAD = 4_096;

/** What one call went through, as the path knows it. */
export class Truth {
  sent = 0;
  returned = 0;
  lateAfterLoss = 0;
  duplicates = 0;
  reordered = 0;
  toPeer = 0;
  strangers = 0;
  latencySumNs = 0;
  mostNs = 0;
  /** When the latest packet that came back was sent, by SSRC. */
  readonly latestNs: Map<number, number> = new Map();
}

interface Packet {
  readonly call: CallSocket;
  readonly sentNs: number;
  readonly ssrc: number;
  /** As it went to the echo, with its route in place of its SSRC. */
  readonly bytes: Uint8Array;
  delivered: boolean;
}

interface Delivery {
  readonly atNs: number;
  readonly packet: Packet;
}

export interface PathOptions {
  readonly seed: number;
  readonly lossTimeoutNs: number;
}

abstract class Socket implements UdpSocket {
  readonly local: Endpoint;
  readonly family = 'IPv4';
  readonly receiveBufferBytes = 0;
  readonly sendBufferBytes = 0;
  readonly sendErrors = 0;
  readonly unstamped = 0;
  protected readonly path: MediaPath;
  receiver: PacketReceiver | undefined;
  closed = false;

  constructor(path: MediaPath, local: Endpoint) {
    this.path = path;
    this.local = local;
  }

  receive(receiver: PacketReceiver): void {
    this.receiver = receiver;
  }

  named(endpoint: Endpoint): Endpoint {
    return endpoint;
  }

  prefer(_peer: Endpoint): void {
    // One way is as long as another.
  }

  abstract send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint): number;

  reply(): number {
    throw new Error('nothing here replies');
  }

  takeIn(): void {
    // Nothing waits.
  }

  socketDrops(): number {
    return 0;
  }

  close(): Promise<void> {
    this.closed = true;
    this.path.closed(this);
    return Promise.resolve();
  }
}

/** The port of a call. */
export class CallSocket extends Socket {
  readonly truth = new Truth();
  /** Who the call's peer is, once the relay knows it. */
  peer: Endpoint | undefined;
  /** Of the packet that is sent now. */
  ssrc = 0;

  override prefer(peer: Endpoint): void {
    this.peer = peer;
  }

  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint): number {
    this.path.back(this, buffer, offset, length, to);
    return 0;
  }
}

/** The way to the echo, which all calls share. */
class Link extends Socket {
  #next = 0;

  send(buffer: Uint8Array, offset: number, length: number): number {
    const number = this.#next++;
    this.path.forth(buffer, offset, length);
    this.receiver?.departed?.(number, 1, this.path.nowNs(), this.path.nowNs());
    return number;
  }
}

export class MediaPath implements UdpEngine {
  readonly name = 'portable';
  readonly clock = 'user';
  /** Echoes of calls that were over. */
  strays = 0;
  readonly #options: PathOptions;
  readonly #random: SeededRandom;
  /** Of calls, by their port. */
  readonly sockets = new Map<number, CallSocket>();
  readonly #slots: Delivery[][] = Array.from({ length: AHEAD }, () => []);
  readonly #buffer = new Uint8Array(PACKET_BYTES + 8);
  #link: Link | undefined;
  #ms = 1_000_000;
  #nowNs = this.#ms * NS_PER_MS;
  /** Whose packet is being sent to the echo, and which is being delivered. */
  #sending: CallSocket | undefined;
  #delivered: Packet | undefined;

  constructor(options: PathOptions) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
  }

  nowNs(): number {
    return this.#nowNs;
  }

  get ms(): number {
    return this.#ms;
  }

  /** 0 … 1. */
  share(): number {
    return this.#random.uint32() / 2 ** 32;
  }

  async bind({ address, port, connect }: BindOptions): Promise<UdpSocket> {
    if (connect !== undefined) {
      if (this.#link !== undefined) throw new Error('there is a way to the echo already');
      this.#link = new Link(this, { address, port: 9_999 });
      return Promise.resolve(this.#link);
    }
    if (this.sockets.has(port)) throw new Error(`port ${port} is handed out twice`);
    const socket = new CallSocket(this, { address, port });
    this.sockets.set(port, socket);
    return Promise.resolve(socket);
  }

  closed(socket: Socket): void {
    if (socket === this.#link) this.#link = undefined;
    else if (this.sockets.get(socket.local.port) === socket) this.sockets.delete(socket.local.port);
    else throw new Error(`port ${socket.local.port} is closed twice`);
  }

  /** A packet from `from` arrives at a call's port. */
  arrive(socket: CallSocket, from: Endpoint, ssrc: number, sequence: number): void {
    const buffer = this.#buffer.fill(this.#random.uint32() & 0xff);
    writeRtpHeader(buffer, 4, { marker: false, payloadType: 0, sequence: sequence & 0xffff, timestamp: (sequence * 160) >>> 0, ssrc });
    socket.ssrc = ssrc;
    this.#sending = socket;
    socket.receiver?.packet(buffer, 4, PACKET_BYTES, { from, port: from.port, atNs: this.#nowNs, readNs: this.#nowNs });
    this.#sending = undefined;
  }

  /** The relay has sent a packet to the echo. */
  forth(buffer: Uint8Array, offset: number, length: number): void {
    const call = this.#sending;
    if (call === undefined || length !== PACKET_BYTES) throw new Error('the relay sends what nobody sent');
    call.truth.sent += 1;
    const bytes = buffer.slice(offset, offset + length);
    const packet: Packet = { call, sentNs: this.#nowNs, ssrc: call.ssrc, bytes, delivered: false };
    const fate = this.share();
    if (fate < 0.002) return;
    this.#deliver(packet, 0.5 + 8 * this.share() ** 2);
    if (fate < 0.003) this.#deliver(packet, 1 + 40 * this.share());
  }

  /** Some few packets are overtaken, and fewer still come when nobody waits for them any more. */
  #deliver(packet: Packet, leastMs: number): void {
    const luck = this.share();
    const { lossTimeoutNs } = this.#options;
    const ms = luck < 0.0005 ? lossTimeoutNs / NS_PER_MS + 1 + 1_000 * this.share() : luck < 0.01 ? leastMs + 60 * this.share() : leastMs;
    const atNs = this.#nowNs + ms * NS_PER_MS;
    this.#slots[Math.floor(atNs / NS_PER_MS) % AHEAD]?.push({ atNs, packet });
  }

  /** A millisecond passes: what comes back in it is delivered. */
  step(): void {
    const slot = this.#slots[this.#ms % AHEAD] as Delivery[];
    if (slot.length > 0) {
      slot.sort((a, b) => a.atNs - b.atNs);
      for (const { atNs, packet } of slot) {
        this.#nowNs = Math.max(this.#nowNs, atNs);
        this.#echo(packet);
      }
      slot.length = 0;
    }
    this.#ms += 1;
    this.#nowNs = this.#ms * NS_PER_MS;
  }

  #echo(packet: Packet): void {
    const { call } = packet;
    const { truth } = call;
    const nowNs = this.#nowNs;
    if (call.closed) this.strays += 1;
    else {
      truth.toPeer += 1;
      if (packet.delivered) truth.duplicates += 1;
      else this.#first(truth, packet, nowNs - packet.sentNs);
    }
    packet.delivered = true;
    this.#buffer.set(packet.bytes, 4);
    this.#delivered = packet;
    this.#link?.receiver?.packet(this.#buffer, 4, PACKET_BYTES, { from: ECHO, port: ECHO.port, atNs: nowNs, readNs: nowNs });
    this.#delivered = undefined;
  }

  #first(truth: Truth, { sentNs, ssrc }: Packet, latencyNs: number): void {
    if (latencyNs > this.#options.lossTimeoutNs) {
      truth.lateAfterLoss += 1;
      return;
    }
    truth.returned += 1;
    truth.latencySumNs += latencyNs;
    truth.mostNs = Math.max(truth.mostNs, latencyNs);
    if (sentNs < (truth.latestNs.get(ssrc) ?? 0)) truth.reordered += 1;
    else truth.latestNs.set(ssrc, sentNs);
  }

  /** The relay has sent a packet to a peer: as it came from there, and to nobody else. */
  back(socket: CallSocket, buffer: Uint8Array, offset: number, length: number, to: Endpoint | undefined): void {
    const packet = this.#delivered;
    if (packet?.call !== socket) throw new Error('the echo of one call goes to another');
    if (to !== socket.peer) throw new Error(`an echo goes to ${to === undefined ? 'nobody' : formatHostPort(to.address, to.port)}`);
    if (length !== PACKET_BYTES) throw new Error(`${length} bytes come back`);
    for (let i = 0; i < length; i++) {
      const expected = i >= SSRC_AT && i < RTP_HEADER_BYTES ? (packet.ssrc >>> (8 * (RTP_HEADER_BYTES - 1 - i))) & 0xff : packet.bytes[i];
      if (buffer[offset + i] !== expected) throw new Error(`byte ${i} came back as another`);
    }
  }
}
