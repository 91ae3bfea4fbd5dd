/**
 * The way from calls to the echo and back. Either all calls share one connected socket, which lets the kernel carry their packets
 * as trains: a packet then carries the number of its call in place of its SSRC, which is put back when the echo returns it. Or
 * each call uses its own port, for an echo that wants to see the packets as they came.
 *
 * T0 of a packet is known once its socket tells that it departed; until then it waits in a ring.
 */
import { RTP_HEADER_BYTES } from '../rtp/packet.ts';
import type { Arrival, Endpoint, PacketReceiver, UdpSocket } from '../udp/engine.ts';

/** A call as the way to the echo sees it. */
export interface EchoedCall {
  /** A packet left for the echo. The SSRC as {@link EchoSide.forward} was given it. */
  left(ssrc: number, sequence: number, atNs: number, handedNs: number): void;
  /** The echo of a packet came. */
  echoed(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void;
}

export interface EchoSide {
  pathOf(call: EchoedCall): EchoPath;
}

/** The way of one call. */
export interface EchoPath {
  /** Sends a packet to the echo. It is read, and may be written into, until it has left. */
  forward(buffer: Uint8Array, offset: number, length: number, ssrc: number, sequence: number): void;
  /** The call has ended: what still comes back for it is a stray. */
  forget(): void;
}

/** More than an engine gathers before it sends. */
const RING = 2048;

/** Which packet each number of a socket's sends was. */
class DepartureRing {
  readonly #calls: (EchoedCall | undefined)[] = Array.from({ length: RING });
  readonly #ssrcs = new Int32Array(RING);
  readonly #sequences = new Uint16Array(RING);
  #next = 0;

  /** The next datagram that the socket sends is this packet. */
  put(call: EchoedCall | undefined, ssrc: number, sequence: number): void {
    const slot = this.#next & (RING - 1);
    this.#next += 1;
    this.#calls[slot] = call;
    this.#ssrcs[slot] = ssrc;
    this.#sequences[slot] = sequence;
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    for (let n = first; n < first + count; n++) {
      const slot = n & (RING - 1);
      const call = this.#calls[slot];
      this.#calls[slot] = undefined;
      call?.left(this.#ssrcs[slot] as number, this.#sequences[slot] as number, atNs, handedNs);
    }
  }
}

/** Routes at once; as many as fit into the lower half of an SSRC. */
const ROUTES = 65_536;
/** SSRCs of one call that are told apart at once; the one used longest ago gives way. */
const ROUTES_A_CALL = 16;

/** One socket to the echo for all calls. */
export class SharedEcho implements EchoSide, PacketReceiver {
  readonly #socket: UdpSocket;
  readonly #ring = new DepartureRing();
  readonly #calls: (EchoedCall | undefined)[] = [];
  readonly #ssrcs: number[] = [];
  /** Counts the uses of each slot, so that a late echo of an earlier call is not taken for one of this. */
  readonly #uses = new Uint16Array(ROUTES);
  readonly #free: number[] = [];
  #strays = 0;

  /** @param socket connected to the echo, bound with `trains` and `departures`. */
  constructor(socket: UdpSocket) {
    this.#socket = socket;
    socket.receive(this);
  }

  /** Echoes that belong to no call. */
  get strays(): number {
    return this.#strays;
  }

  get socket(): UdpSocket {
    return this.#socket;
  }

  pathOf(call: EchoedCall): EchoPath {
    return new SharedPath(this, call);
  }

  /** Sends a packet with the number of its route in place of its SSRC. */
  forward(call: EchoedCall, slot: number, buffer: Uint8Array, offset: number, length: number, ssrc: number, sequence: number): void {
    const uses = this.#uses[slot] as number;
    buffer[offset + 8] = uses >>> 8;
    buffer[offset + 9] = uses;
    buffer[offset + 10] = slot >>> 8;
    buffer[offset + 11] = slot;
    this.#ring.put(call, ssrc, sequence);
    this.#socket.send(buffer, offset, length);
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    this.#ring.departed(first, count, atNs, handedNs);
  }

  train(buffer: Uint8Array, offset: number, length: number, segment: number, arrival: Arrival): void {
    const end = offset + length;
    for (let at = offset; at < end; at += segment) this.packet(buffer, at, Math.min(segment, end - at), arrival);
  }

  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    if (length >= RTP_HEADER_BYTES) {
      const slot = ((buffer[offset + 10] as number) << 8) | (buffer[offset + 11] as number);
      const call = this.#calls[slot];
      if (call !== undefined && this.#uses[slot] === (((buffer[offset + 8] as number) << 8) | (buffer[offset + 9] as number))) {
        const ssrc = this.#ssrcs[slot] as number;
        buffer[offset + 8] = ssrc >>> 24;
        buffer[offset + 9] = ssrc >>> 16;
        buffer[offset + 10] = ssrc >>> 8;
        buffer[offset + 11] = ssrc;
        call.echoed(buffer, offset, length, arrival);
        return;
      }
    }
    this.#strays += 1;
  }

  error(): void {
    // A refused or dropped send shows as loss and in `send_errors`; there is nothing to do about it packet by packet.
  }

  /** The route of an SSRC of a call. */
  take(call: EchoedCall, ssrc: number): number {
    // 4096 ports with 16 SSRCs each fit; a range is smaller than the ports of a host.
    const slot = this.#free.pop() ?? this.#calls.length % ROUTES;
    this.#uses[slot] = (this.#uses[slot] as number) + 1;
    this.#calls[slot] = call;
    this.#ssrcs[slot] = ssrc;
    return slot;
  }

  release(slot: number): void {
    this.#calls[slot] = undefined;
    this.#free.push(slot);
  }
}

/** The routes of one call. */
class SharedPath implements EchoPath {
  readonly #echo: SharedEcho;
  readonly #call: EchoedCall;
  /** Of the packet before. */
  #ssrc = Number.NaN;
  #slot = 0;
  /** All of them, oldest first. */
  readonly #routes: { readonly ssrc: number; readonly slot: number }[] = [];

  constructor(echo: SharedEcho, call: EchoedCall) {
    this.#echo = echo;
    this.#call = call;
  }

  forward(buffer: Uint8Array, offset: number, length: number, ssrc: number, sequence: number): void {
    if (ssrc !== this.#ssrc) this.#turnTo(ssrc);
    this.#echo.forward(this.#call, this.#slot, buffer, offset, length, ssrc, sequence);
  }

  /** The call's first packet, or one of another SSRC than the packet before. */
  #turnTo(ssrc: number): void {
    let route = this.#routes.find((known) => known.ssrc === ssrc);
    if (route === undefined) {
      const oldest = this.#routes.length === ROUTES_A_CALL ? this.#routes.shift() : undefined;
      if (oldest !== undefined) this.#echo.release(oldest.slot);
      route = { ssrc, slot: this.#echo.take(this.#call, ssrc) };
      this.#routes.push(route);
    }
    this.#ssrc = ssrc;
    this.#slot = route.slot;
  }

  forget(): void {
    for (const { slot } of this.#routes) this.#echo.release(slot);
    this.#routes.length = 0;
    this.#ssrc = Number.NaN;
  }
}

/** The call's own port, towards an echo that is told from the peer by its address. */
export class OwnEcho implements EchoSide, EchoPath {
  readonly #socket: UdpSocket;
  readonly #echo: Endpoint;
  readonly #ring = new DepartureRing();
  #call: EchoedCall | undefined;

  /** @param socket bound with `departures`; the call is its receiver and hands {@link departed} on. */
  constructor(socket: UdpSocket, echo: Endpoint) {
    this.#socket = socket;
    this.#echo = socket.named(echo);
  }

  /** Whether a datagram came from the echo. */
  is(from: Endpoint): boolean {
    return from === this.#echo || (from.port === this.#echo.port && from.address === this.#echo.address);
  }

  pathOf(call: EchoedCall): EchoPath {
    this.#call = call;
    return this;
  }

  forward(buffer: Uint8Array, offset: number, length: number, ssrc: number, sequence: number): void {
    this.#ring.put(this.#call, ssrc, sequence);
    this.#socket.send(buffer, offset, length, this.#echo);
  }

  /** The next datagram of the socket goes to the peer. */
  skip(): void {
    this.#ring.put(undefined, 0, 0);
  }

  departed(first: number, count: number, atNs: number, handedNs: number): void {
    this.#ring.departed(first, count, atNs, handedNs);
  }

  forget(): void {
    // The socket closes with the call.
  }
}
