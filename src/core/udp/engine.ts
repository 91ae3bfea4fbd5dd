/**
 * The one interface that everything above UDP is written against. An engine binds sockets; a socket hands every datagram to
 * one receiver and sends views of caller-owned memory. The interface is synchronous and reuses its arguments, so that the
 * engine on recvmmsg/sendmmsg needs no allocation per packet.
 *
 * All times are monotonic nanoseconds of {@link UdpEngine.nowNs}, the same in every thread of a process.
 */

import type { Endpoint } from '../values/address.ts';

export type { Endpoint } from '../values/address.ts';

export type EngineName = 'portable' | 'batch';
/** Which clock stamped a packet: the kernel's, where the datagram passed, or ours, when we came to look. */
export type ClockName = 'user' | 'kernel';

/** What is known of a datagram beside its bytes. Valid only during the call, and overwritten after it. */
export interface Arrival {
  /** Whom it came from. Asking for it may cost a look-up: {@link port} and {@link UdpSocket.reply} do not. */
  readonly from: Endpoint;
  /** The port of {@link from}. */
  readonly port: number;
  /** Writes the address of {@link from} as `parseAddressWords` does, without a look-up. Missing where the text is all there is. */
  addressInto?(words: Int32Array): void;
  /** When it arrived: the kernel's receive timestamp where there is one, else `readNs`. */
  readonly atNs: number;
  /** When this process got to read it. */
  readonly readNs: number;
}

/** Takes what a socket receives. */
export interface PacketReceiver {
  /**
   * One datagram. `buffer[offset … offset+length)` is valid only during the call. The receiver may write into it before it sends
   * it on, and no more after that.
   */
  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void;
  /**
   * Several datagrams of one peer, back to back in memory, each `segment` bytes long but for the last, which may be shorter.
   * Only from a socket bound with `trains`; a receiver without this gets them one by one.
   */
  train?(buffer: Uint8Array, offset: number, length: number, segment: number, arrival: Arrival): void;
  /**
   * The datagrams `first … first+count)` in the order of {@link UdpSocket.send} have left. Only from a socket bound with
   * `departures`, and before anything that answers them is delivered. Refused datagrams are among them.
   *
   * @param atNs the kernel's stamp as the datagram entered the packet scheduler where there is one, else `handedNs`.
   * @param handedNs when this process handed it to the kernel.
   */
  departed?(first: number, count: number, atNs: number, handedNs: number): void;
  /**
   * The kernel reported an error for this socket that ends nothing (for example ICMP port unreachable on a connected socket,
   * ENOBUFS on a send). `code` is the errno name, such as `ECONNREFUSED`.
   */
  error(code: string, message: string): void;
}

export interface BindOptions {
  /** Numeric address; `0.0.0.0` and `::` mean all interfaces. */
  readonly address: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** Asked for with SO_RCVBUF and SO_SNDBUF, bytes; what was granted is on the socket. */
  readonly bufferBytes?: number;
  /** Connect to this peer: only its datagrams are received, and its ICMP errors are reported. */
  readonly connect?: Endpoint;
  /** Share the port with other sockets that ask for it too; the kernel spreads the peers over them (SO_REUSEPORT). */
  readonly reusePort?: boolean;
  /** Let the kernel join datagrams of one peer into trains, and take trains to send (UDP_GRO, UDP_SEGMENT), where it can. */
  readonly trains?: boolean;
  /**
   * Tell the receiver when each datagram left. `external`: they are sent not by {@link UdpSocket.send} but by somebody else through
   * the socket's descriptor; {@link PacketReceiver.departed} then has the kernel's numbers, which count the sends of the socket from
   * 0 as long as none is refused, NaN for `handedNs`, and NaN for an `atNs` that cannot be relied on. Only with kernel stamps.
   */
  readonly departures?: boolean | 'external';
}

export interface UdpSocket {
  readonly local: Endpoint;
  readonly family: 'IPv4' | 'IPv6';
  /** Granted SO_RCVBUF in bytes as usable by the application (Linux reports twice of it; this is the half). */
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  /** Starts handing out datagrams, or changes who gets them. Datagrams that arrive before the first call are kept by the kernel. */
  receive(receiver: PacketReceiver): void;
  /**
   * The endpoint as this socket names it: what {@link Arrival.from} is equal to, by `===` where the engine knows the peer already,
   * and the quickest to send to. An address that the socket cannot send to is given back as it is.
   */
  named(endpoint: Endpoint): Endpoint;
  /**
   * From now on most datagrams come from this peer and go to it, so that its way may be made shorter. Those of others keep coming.
   * Not on a socket that is connected, or was bound with `departures`.
   */
  prefer(peer: Endpoint): void;
  /**
   * Sends `buffer[offset … offset+length)` to `to` (leave `to` out on a connected socket). The memory may be reused when
   * the call returns. A datagram the kernel would not take is counted in {@link sendErrors} and reported to the receiver.
   *
   * @param segment on a socket with `trains`: the bytes are datagrams of this length, the last may be shorter.
   * @returns the number of the (first) datagram: 0, 1, 2 … on this socket.
   */
  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint, segment?: number): number;
  /**
   * {@link send} to whom the datagram, or train, came from that is being delivered. Only within that delivery, on its socket.
   *
   * @param segment as with {@link send}.
   */
  reply(buffer: Uint8Array, offset: number, length: number, segment?: number): number;
  /**
   * Delivers what has arrived already before it returns, so that whatever is done next is done after it. In a delivery, and on an engine
   * whose datagrams come by the event loop, it does nothing.
   */
  takeIn(): void;
  /** Datagrams that the kernel refused to send, so far. */
  readonly sendErrors: number;
  /** Datagrams received or sent without the kernel's stamp, of an engine whose clock is the kernel's. */
  readonly unstamped: number;
  /**
   * Datagrams that the kernel dropped because this socket's receive buffer was full, so far; null where the system does not
   * tell. Our own loss, never the path's.
   */
  socketDrops(): number | null;
  /** Closes the socket. The promise settles when the port is free again; calling it twice is allowed. */
  close(): Promise<void>;
}

export interface UdpEngine {
  readonly name: EngineName;
  /** Which clock stamps arrivals. */
  readonly clock: ClockName;
  /** Monotonic nanoseconds (float, sub-microsecond resolution); only differences mean anything. */
  nowNs(): number;
  /** @throws RtplatError `bind`, with the errno name in the message, when the address cannot be had. */
  bind(options: BindOptions): Promise<UdpSocket>;
}
