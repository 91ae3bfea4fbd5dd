/**
 * The one interface that everything above UDP is written against. An engine binds sockets; a socket hands every datagram to
 * one receiver and sends views of caller-owned memory. The interface is synchronous and reuses its arguments, so that an
 * implementation on recvmmsg/sendmmsg needs no allocation per packet and no change above.
 */

import type { Endpoint } from '../values/address.ts';

export type { Endpoint } from '../values/address.ts';

/** Takes what a socket receives. */
export interface PacketReceiver {
  /**
   * One datagram. `buffer[offset … offset+length)` is valid only during the call and may be overwritten after it; `from` too.
   *
   * @param atNs arrival time, monotonic nanoseconds of {@link UdpEngine.nowNs}.
   */
  packet(buffer: Uint8Array, offset: number, length: number, from: Endpoint, atNs: number): void;
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
   * Sends `buffer[offset … offset+length)` to `to` (leave `to` out on a connected socket). The memory may be reused when
   * the call returns. A datagram the kernel would not take is counted in {@link sendErrors} and reported to the receiver.
   */
  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint): void;
  /** Datagrams that the kernel refused to send, so far. */
  readonly sendErrors: number;
  /**
   * Datagrams that the kernel dropped because this socket's receive buffer was full, so far; null where the system does not
   * tell. Our own loss, never the path's.
   */
  socketDrops(): number | null;
  /** Closes the socket. The promise settles when the port is free again; calling it twice is allowed. */
  close(): Promise<void>;
}

export interface UdpEngine {
  readonly name: 'portable' | 'batch';
  /** Which clock stamps arrivals. */
  readonly clock: 'user' | 'kernel';
  /** Monotonic nanoseconds (float, sub-microsecond resolution); only differences mean anything. */
  nowNs(): number;
  /** @throws RtplatError `bind`, with the errno name in the message, when the address cannot be had. */
  bind(options: BindOptions): Promise<UdpSocket>;
}
