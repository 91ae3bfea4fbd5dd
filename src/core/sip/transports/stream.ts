/** SIP over TCP and TLS (RFC 3261 §18.3): connections of both directions, and what each of them may cost. */
import { connect as connectTcp, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { errnoOf, messageOf, RtplatError } from '../../errors.ts';
import type { Endpoint } from '../../values/address.ts';
import { formatHostPort, unmapAddress } from '../../values/address.ts';
import { SipStream } from '../framing.ts';
import type { SipFlow } from '../transactions.ts';
import type { TransportCounts, TransportUser } from './transport.ts';

export interface StreamOptions {
  readonly local: Endpoint;
  /** The address that peers see, where it is not the socket's. */
  readonly advertise?: string;
  /** Certificate and key; plain TCP without. */
  readonly tls?: TlsOptions;
  /** A connection that is silent for so long is closed, ms. */
  readonly idleMs?: number;
  readonly maxConnections?: number;
  /** Of one source address. */
  readonly maxPerSource?: number;
}

/** RFC 5626 §4.4.1 has clients ping every two minutes at most; a phone that does not, and has a call, is asked for nothing in ten. */
const IDLE_MS = 600_000;
const HANDSHAKE_MS = 10_000;
const CONNECT_MS = 10_000;
const MAX_CONNECTIONS = 1000;
const MAX_PER_SOURCE = 100;
/** What a peer that does not read may leave unread. */
const MAX_UNREAD_BYTES = 256 * 1024;
const PONG = new Uint8Array([13, 10]);

export class StreamTransport {
  readonly local: Endpoint;
  readonly transport: 'TCP' | 'TLS';
  readonly counts: TransportCounts = { received: 0, sent: 0, sendErrors: 0 };
  /** Connections that were closed because there were too many. */
  refused = 0;
  readonly #server: Server;
  readonly #user: TransportUser;
  readonly #options: StreamOptions;
  readonly #flows = new Set<StreamFlow>();
  readonly #perSource = new Map<string, number>();

  private constructor(server: Server, options: StreamOptions, user: TransportUser) {
    this.#server = server;
    this.#options = options;
    this.#user = user;
    this.transport = options.tls === undefined ? 'TCP' : 'TLS';
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : options.local.port;
    this.local = { address: options.local.address, port };
    server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => this.#accept(socket));
    // A handshake that fails has no connection to tell of.
    server.on('tlsClientError', () => undefined);
    server.on('error', () => undefined);
    server.on('drop', () => {
      this.refused += 1;
    });
  }

  /** @throws RtplatError `bind`. */
  static async start(options: StreamOptions, user: TransportUser): Promise<StreamTransport> {
    const { tls, local, maxConnections = MAX_CONNECTIONS } = options;
    const server = tls === undefined ? createServer() : createTlsServer({ ...tls, handshakeTimeout: HANDSHAKE_MS });
    server.maxConnections = maxConnections;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once('error', reject);
    server.listen({ host: local.address, port: local.port, ipv6Only: false }, () => {
      server.off('error', reject);
      resolve();
    });
    try {
      await promise;
    } catch (error) {
      const kind = tls === undefined ? 'TCP' : 'TLS';
      throw new RtplatError('bind', `cannot bind ${formatHostPort(local.address, local.port)}/${kind}: ${errnoOf(error)}`, {
        cause: error,
      });
    }
    return new StreamTransport(server, options, user);
  }

  get connections(): number {
    return this.#flows.size;
  }

  /** A connection to `remote`: one that is open, else a new one, on which what is sent waits until it is. */
  flowTo(remote: Endpoint): SipFlow {
    for (const flow of this.#flows) {
      if (flow.remote.port === remote.port && flow.remote.address === remote.address) return flow;
    }
    const { address: host, port } = remote;
    const socket =
      this.transport === 'TCP'
        ? connectTcp({ host, port })
        : // Whom a certificate is for is a name, and the peer of a call is known by its address alone.
          connectTls({ host, port, rejectUnauthorized: false });
    return this.#open(socket, remote);
  }

  #accept(socket: Socket): void {
    const address = unmapAddress(socket.remoteAddress ?? '');
    const already = this.#perSource.get(address) ?? 0;
    if (already >= (this.#options.maxPerSource ?? MAX_PER_SOURCE) || socket.remotePort === undefined) {
      this.refused += 1;
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    this.#perSource.set(address, already + 1);
    socket.once('close', () => {
      const left = (this.#perSource.get(address) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(address);
      else this.#perSource.set(address, left);
    });
    this.#open(socket, { address, port: socket.remotePort });
  }

  #open(socket: Socket, remote: Endpoint): StreamFlow {
    const flow = new StreamFlow(this, socket, remote, this.#options.advertise);
    this.#flows.add(flow);
    socket.setNoDelay(true);
    const idleMs = this.#options.idleMs ?? IDLE_MS;
    socket.setTimeout(socket.connecting ? CONNECT_MS : idleMs, () => flow.close('silent for too long'));
    socket.once('connect', () => socket.setTimeout(idleMs));
    socket.on('data', (chunk: Uint8Array) => flow.take(chunk, this.#user));
    socket.on('error', (error) => flow.close(messageOf(error)));
    socket.once('close', () => {
      this.#flows.delete(flow);
      this.#user.failed(flow, flow.reason ?? 'closed by the peer');
    });
    return flow;
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const flow of this.#flows) flow.end();
    await closed;
  }
}

class StreamFlow implements SipFlow {
  readonly transport: 'TCP' | 'TLS';
  readonly reliable = true;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Why it was closed by us. */
  reason: string | undefined;
  readonly #transport: StreamTransport;
  readonly #socket: Socket;
  readonly #stream = new SipStream();

  constructor(transport: StreamTransport, socket: Socket, remote: Endpoint, advertise: string | undefined) {
    this.#transport = transport;
    this.transport = transport.transport;
    this.#socket = socket;
    this.local = { address: advertise ?? unmapAddress(socket.localAddress ?? transport.local.address), port: transport.local.port };
    this.remote = remote;
  }

  take(chunk: Uint8Array, user: TransportUser): void {
    for (const item of this.#stream.push(chunk)) {
      if (this.reason !== undefined) return;
      if (item.kind === 'message') {
        this.#transport.counts.received += 1;
        user.message(item.bytes, this);
      } else if (item.kind === 'ping') this.#write(PONG);
      else if (item.kind === 'error') this.close(item.problem);
    }
  }

  send(bytes: Uint8Array): void {
    this.#transport.counts.sent += 1;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.destroyed) this.#transport.counts.sendErrors += 1;
    else if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.close('the peer does not read');
    else this.#socket.write(bytes);
  }

  close(reason: string): void {
    this.reason ??= reason;
    this.#socket.destroy();
  }

  /** After what was written is out, and in any case soon. */
  end(): void {
    this.reason ??= 'the service stops';
    this.#socket.end(() => this.#socket.destroy());
    this.#socket.setTimeout(1000, () => this.#socket.destroy());
  }
}
