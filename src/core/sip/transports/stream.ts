/** SIP over TCP and TLS (RFC 3261 §18.3): connections of both directions, and what each of them may cost. */
import { connect as connectTcp, createServer, isIP } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, Server as TlsServer, TLSSocket } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { errnoOf, messageOf, RtplatError } from '../../errors.ts';
import type { Endpoint } from '../../values/address.ts';
import { formatHostPort, isUnspecified, sameEndpoint, unmapAddress } from '../../values/address.ts';
import type { SipFlow } from '../transactions.ts';
import { StreamFlow } from './stream-flow.ts';
import type { ReachOptions, TlsTrust, TransportCounts, TransportUser } from './transport.ts';

export interface StreamOptions {
  readonly local: Endpoint;
  /** The address that peers see, where it is not the socket's. */
  readonly advertise?: string;
  /** Certificate and key; plain TCP without. */
  readonly tls?: TlsOptions;
  /** Take no connections, only make them: the address of each is then the one that it has by itself. */
  readonly clientOnly?: boolean;
  /** A connection that is silent for so long is closed, ms. */
  readonly idleMs?: number;
  /** A message that takes so long from its first byte to its last closes its connection, ms. */
  readonly messageMs?: number;
  /** A TLS handshake, or a connection of ours, that takes so long is given up, ms. */
  readonly setUpMs?: number;
  readonly maxConnections?: number;
  /** Of one source address. */
  readonly maxPerSource?: number;
}

/** RFC 5626 §4.4.1 has clients ping every two minutes at most; a phone that does not, and has a call, is asked for nothing in ten. */
const IDLE_MS = 600_000;
const SET_UP_MS = 10_000;
const MAX_CONNECTIONS = 1000;
const MAX_PER_SOURCE = 100;
/** Of silence, until the kernel asks the peer of a connection that we keep whether it is still there. */
const KEEP_ALIVE_MS = 60_000;

export class StreamTransport {
  readonly local: Endpoint;
  readonly transport: 'TCP' | 'TLS';
  readonly counts: TransportCounts = { received: 0, sent: 0, sendErrors: 0 };
  /** Connections that were closed because there were too many. */
  refused = 0;
  /** Missing where no connections are taken. */
  readonly #server: Server | undefined;
  readonly #user: TransportUser;
  readonly #options: StreamOptions;
  readonly #flows = new Set<StreamFlow>();
  /** Sockets that cannot be used yet: those that came, by their peer, and ours. */
  readonly #arriving = new Map<string, Socket>();
  readonly #connecting = new Set<Socket>();
  readonly #perSource = new Map<string, number>();
  #stopped = false;

  private constructor(server: Server | undefined, options: StreamOptions, user: TransportUser) {
    this.#server = server;
    this.#options = options;
    this.#user = user;
    this.transport = options.tls === undefined ? 'TCP' : 'TLS';
    const address = server?.address();
    const port = typeof address === 'object' && address !== null ? address.port : options.local.port;
    this.local = { address: options.local.address, port };
    if (server !== undefined) this.#serve(server);
  }

  #serve(server: Server): void {
    server.on('connection', (socket) => this.#admit(socket));
    server.on('secureConnection', (socket: TLSSocket) => this.#accept(socket));
    // A handshake that fails has no connection to tell of; one that takes too long is left open by Node.js.
    server.on('tlsClientError', (_error: Error, socket: TLSSocket) => socket.destroy());
    // The next one may be taken. Of files that are used up nothing is heard here: libuv closes such connections.
    server.on('error', () => undefined);
    server.on('drop', () => {
      this.refused += 1;
    });
  }

  /** @throws RtplatError `bind`. */
  static async start(options: StreamOptions, user: TransportUser): Promise<StreamTransport> {
    const { tls, local, clientOnly, maxConnections = MAX_CONNECTIONS, setUpMs = SET_UP_MS } = options;
    if (clientOnly === true) return new StreamTransport(undefined, options, user);
    const server = tls === undefined ? createServer() : createTlsServer({ ...tls, handshakeTimeout: setUpMs });
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

  /** Whether the flow is a connection of this transport that is open. */
  carries(flow: SipFlow): boolean {
    return flow instanceof StreamFlow && this.#flows.has(flow);
  }

  /** A connection of {@link reach} that is not needed any more: it is closed when it is silent, as others. */
  release(flow: SipFlow): void {
    if (flow instanceof StreamFlow && this.#flows.has(flow)) flow.closeWhenSilent(this.#options.idleMs ?? IDLE_MS);
  }

  /** Connections from now on get this certificate. */
  renewCertificate(options: TlsOptions): void {
    if (this.#server instanceof TlsServer) this.#server.setSecureContext(options);
  }

  /**
   * A connection to `remote`: one that is open, else a new one, on which what is sent waits until it is. Its certificate is not
   * verified: that is for a name, and the peer of a call is known by its address alone.
   *
   * @param from the address of ours that the peer knows.
   * @returns undefined where no connection can be made from there.
   */
  flowTo(remote: Endpoint, from: string): SipFlow | undefined {
    for (const flow of this.#flows) if (sameEndpoint(flow.remote, remote)) return flow;
    const { advertise, idleMs = IDLE_MS, setUpMs = SET_UP_MS } = this.#options;
    const address = this.#outgoingAddress ?? (advertise === undefined ? from : undefined);
    // Who takes no connections has no port to tell the peer of before there is one.
    if (this.#stopped || this.#server === undefined) return undefined;
    if (address !== undefined && (isUnspecified(address) || address.includes(':') !== remote.address.includes(':'))) return undefined;
    const trust = { name: remote.address, ca: undefined, verify: false };
    const socket = this.#connect(remote, trust, address);
    const flow = this.#open(socket, remote, { address: advertise ?? address ?? from, port: this.local.port });
    this.#connecting.add(socket);
    flow.closeWhenSilent(setUpMs);
    socket.once(this.#readyEvent, () => {
      this.#connecting.delete(socket);
      flow.closeWhenSilent(idleMs);
    });
    socket.once('close', () => this.#connecting.delete(socket));
    return flow;
  }

  /**
   * A new connection to `remote`, ready for use, with the peer verified. It is kept open for as long as the peer is there.
   *
   * @throws Error that says why there is none.
   */
  async reach(remote: Endpoint, { trust, lost }: ReachOptions): Promise<SipFlow> {
    if (this.#stopped) throw new Error('the service stops');
    const { setUpMs = SET_UP_MS } = this.#options;
    const socket = this.#connect(remote, trust, this.#outgoingAddress);
    this.#connecting.add(socket);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const tooLong = (): void => void socket.destroy(new Error(`no connection within ${setUpMs / 1000} s`));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.setTimeout(setUpMs, tooLong);
    socket.once(this.#readyEvent, resolve);
    try {
      await promise;
      if (socket.destroyed) throw new Error('the connection was closed');
    } catch (error) {
      const refusesPeer = socket instanceof TLSSocket && Boolean(socket.authorizationError);
      throw new Error(`${refusesPeer ? 'its certificate is refused: ' : ''}${messageOf(error)}`, { cause: error });
    } finally {
      this.#connecting.delete(socket);
      socket.setTimeout(0, tooLong);
    }
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const flow = this.#open(socket, remote);
    socket.off('error', reject);
    void flow.closed.then(lost);
    return flow;
  }

  /** The address that connections of ours leave from; undefined where the routing table decides. */
  get #outgoingAddress(): string | undefined {
    return isUnspecified(this.local.address) ? undefined : this.local.address;
  }

  /** What says that a socket can be used. */
  get #readyEvent(): 'connect' | 'secureConnect' {
    return this.transport === 'TCP' ? 'connect' : 'secureConnect';
  }

  #connect({ address: host, port }: Endpoint, { name, ca, verify }: TlsTrust, localAddress: string | undefined): Socket {
    const way = { host, port, ...(localAddress === undefined ? {} : { localAddress }) };
    if (this.transport === 'TCP') return connectTcp(way);
    return connectTls({
      ...way,
      // A numeric address is none that may be asked for by name; the certificate is compared with `host` then.
      servername: isIP(name) === 0 ? name : '',
      minVersion: 'TLSv1.2',
      rejectUnauthorized: verify,
      ...(ca === undefined ? {} : { ca }),
    });
  }

  /** A connection that came in, before its TLS handshake. */
  #admit(socket: Socket): void {
    const address = unmapAddress(socket.remoteAddress ?? '');
    const already = this.#perSource.get(address) ?? 0;
    if (already >= (this.#options.maxPerSource ?? MAX_PER_SOURCE) || socket.remotePort === undefined || this.#stopped) {
      this.refused += 1;
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    const key = peerOf(socket);
    this.#perSource.set(address, already + 1);
    this.#arriving.set(key, socket);
    socket.once('close', () => {
      const left = (this.#perSource.get(address) ?? 1) - 1;
      if (left === 0) this.#perSource.delete(address);
      else this.#perSource.set(address, left);
      this.#arriving.delete(key);
    });
    if (this.transport === 'TCP') this.#accept(socket);
  }

  #accept(socket: Socket): void {
    this.#arriving.delete(peerOf(socket));
    const { remoteAddress, remotePort } = socket;
    // The peer is gone already.
    if (remoteAddress === undefined || remotePort === undefined) return void socket.destroy();
    const flow = this.#open(socket, { address: unmapAddress(remoteAddress), port: remotePort });
    flow.closeWhenSilent(this.#options.idleMs ?? IDLE_MS);
    return undefined;
  }

  #open(socket: Socket, remote: Endpoint, shown?: Endpoint): StreamFlow {
    const { transport, counts } = this;
    const address = this.#options.advertise ?? unmapAddress(socket.localAddress ?? this.local.address);
    const local = shown ?? { address, port: this.#server === undefined ? (socket.localPort ?? 0) : this.local.port };
    const { messageMs } = this.#options;
    const flow = new StreamFlow({
      ...{ transport, local, remote, socket, counts },
      user: this.#user,
      ...(messageMs === undefined ? {} : { messageMs }),
      ended: (one) => this.#flows.delete(one),
    });
    this.#flows.add(flow);
    return flow;
  }

  /** What was sent has a moment to leave. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const closed = new Promise<void>((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
    for (const socket of [...this.#arriving.values(), ...this.#connecting]) socket.destroy();
    const flows = [...this.#flows];
    for (const flow of flows) flow.end();
    await Promise.all([closed, ...flows.map((flow) => flow.closed)]);
  }
}

/** Tells the sockets of a server apart, and the one below TLS is the same as the one above. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return formatHostPort(remoteAddress, remotePort);
}
