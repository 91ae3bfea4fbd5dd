/**
 * Whom a socket of a call hears and sends to: the endpoint that was negotiated, and nobody else. Only where the description cannot be
 * right is the endpoint learnt, and then from the signalling peer's address alone: whoever writes an address into a description
 * must not be able to point a stream of packets at somebody (RFC 3551 §9, RFC 7362 §4).
 */
import type { Endpoint, UdpSocket } from '../udp/engine.ts';
import { isPrivate, isUnspecified, sameEndpoint } from '../values/address.ts';

export interface PeerOptions {
  readonly remote: Endpoint;
  readonly symmetric: 'never' | 'when-private';
  readonly signallingAddress: string;
}

export class Peer {
  readonly #socket: UdpSocket;
  /** As the socket names it; undefined while it is not known. */
  #endpoint: Endpoint | undefined;
  /** The address to learn it from, as the socket names it; undefined when it is not to be learnt, or has been. */
  #learnsFrom: string | undefined;

  constructor(socket: UdpSocket, options: PeerOptions) {
    this.#socket = socket;
    const { remote } = options;
    this.#endpoint = remote.port === 0 || isUnspecified(remote.address) ? undefined : socket.named(remote);
    if (mayLearn(options)) this.#learnsFrom = socket.named({ address: options.signallingAddress, port: remote.port }).address;
  }

  /** Where to send to. */
  get endpoint(): Endpoint | undefined {
    return this.#endpoint;
  }

  is(from: Endpoint): boolean {
    return this.#endpoint !== undefined && (from === this.#endpoint || sameEndpoint(from, this.#endpoint));
  }

  /** Whether {@link learn} would take it. */
  mayBe(from: Endpoint): boolean {
    return this.#learnsFrom !== undefined && from.address === this.#learnsFrom;
  }

  /** From now on it is this one. */
  learn(from: Endpoint): void {
    this.#endpoint = this.#socket.named({ address: from.address, port: from.port });
    this.#learnsFrom = undefined;
  }
}

function mayLearn({ symmetric, remote, signallingAddress }: PeerOptions): boolean {
  if (symmetric === 'never' || isUnspecified(signallingAddress)) return false;
  return isUnspecified(remote.address) || (isPrivate(remote.address) && !isPrivate(signallingAddress));
}
