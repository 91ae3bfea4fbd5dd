/**
 * The engine on node:dgram: runs wherever Node runs, one event loop, user-space clock.
 *
 * What it takes to keep the promises of `engine.ts` here:
 * - dgram starts to read when it binds, so what arrives before {@link UdpSocket.receive} waits in a capped backlog.
 * - dgram keeps a reference to memory that the kernel would not take at once, so `send` copies into a slab of its own. The one
 *   exception is the datagram being delivered: dgram allocates a fresh buffer for each and never writes into it again, so an
 *   echo or a relay sends it on as it is. A receiver must not write into a datagram that it has just sent.
 * - A send calls back on a later tick, so {@link UdpSocket.sendErrors} grows a tick after the send that failed.
 */
import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { endianness, platform } from 'node:os';
import { errnoOf } from '../errors.ts';
import { bindError } from './bind-error.ts';
import { nowNs } from './clock.ts';
import { DEFAULT_BUFFER_BYTES } from './defaults.ts';
import type { Arrival, BindOptions, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from './engine.ts';
import { toFamily } from '../values/address.ts';
import { addressBytes, parseProcDrops, procKey } from './proc-drops.ts';

/** Datagrams kept for a socket that nobody reads yet; what comes on top is counted in {@link UdpSocket.socketDrops}. */
const BACKLOG_DATAGRAMS = 1024;
/** Memory that `send` copies into; reused from the start whenever the kernel holds none of it. */
const SLAB_BYTES = 256 * 1024;

type LookupCallback = (error: Error | null, address: string, family: number) => void;

/** The portable engine. */
export function createPortableEngine(): UdpEngine {
  return { name: 'portable', clock: 'user', nowNs, bind };
}

async function bind(options: BindOptions): Promise<UdpSocket> {
  const family = isIP(options.address);
  if (family === 0) throw bindError(options, 'EINVAL', 'not a numeric address');
  const socket = createSocket({
    type: family === 4 ? 'udp4' : 'udp6',
    // `::` takes IPv4 as well, its peers named `::ffff:192.0.2.1`.
    ipv6Only: false,
    reusePort: options.reusePort === true,
    lookup: family === 4 ? numericOnly : numericIntoIpv6,
  });
  // Before anything can arrive: dgram reads from the moment it is bound.
  const backlog = new Backlog();
  socket.on('message', backlog.message);
  try {
    await settled(socket, (done) => socket.bind({ address: options.address, port: options.port, exclusive: true }, done));
    if (options.connect !== undefined) {
      const { address, port } = options.connect;
      await settled(socket, (done) => socket.connect(port, address, done));
    }
  } catch (error) {
    socket.on('error', ignore);
    socket.close();
    throw bindError(options, errnoOf(error), undefined, error);
  }
  return new PortableSocket(socket, family, backlog, options);
}

/** Starts something on a socket and waits for its callback, or for the error that the socket emits instead. */
async function settled(socket: Socket, start: (done: (error?: Error) => void) => void): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  socket.once('error', reject);
  try {
    start((error?: Error) => (error === undefined || error === null ? resolve() : reject(error)));
    await promise;
  } finally {
    socket.off('error', reject);
  }
}

function ignore(): void {
  // A socket that could not be bound has nobody left to tell.
}

/** Name resolution that never asks DNS and answers at once, so that a send reaches the kernel before it returns. */
function numericOnly(address: string, _options: unknown, callback: LookupCallback): void {
  callback(null, address || '127.0.0.1', 4);
}

function numericIntoIpv6(address: string, _options: unknown, callback: LookupCallback): void {
  callback(null, address === '' ? '::1' : address.includes(':') ? address : `::ffff:${address}`, 6);
}

/** What arrived before somebody read. */
class Backlog {
  readonly datagrams: { readonly buffer: Buffer; readonly from: RemoteInfo; readonly atNs: number }[] = [];
  dropped = 0;

  readonly message = (buffer: Buffer, from: RemoteInfo): void => {
    if (this.datagrams.length < BACKLOG_DATAGRAMS) this.datagrams.push({ buffer, from, atNs: nowNs() });
    else this.dropped += 1;
  };
}

type MutableArrival = { -readonly [Name in keyof Arrival]: Arrival[Name] };

class PortableSocket implements UdpSocket {
  readonly local: Endpoint;
  readonly family: 'IPv4' | 'IPv6';
  readonly receiveBufferBytes: number;
  readonly sendBufferBytes: number;
  readonly #socket: Socket;
  readonly #backlog: Backlog;
  /** As dgram names it, so that comparing strings is enough; undefined when not connected. */
  readonly #peer: Endpoint | undefined;
  #receiver: PacketReceiver | undefined;
  #delivering: Uint8Array | undefined;
  /** Made at the first copy: an echo or a relay never makes one. */
  #slab: Buffer | undefined;
  #slabUsed = 0;
  #sent = 0;
  #sendErrors = 0;
  readonly #reportsDepartures: boolean;
  readonly #arrival: MutableArrival = { from: { address: '', port: 0 }, port: 0, atNs: 0, readNs: 0 };
  #closed: Promise<void> | undefined;

  constructor(socket: Socket, family: number, backlog: Backlog, options: BindOptions) {
    this.#socket = socket;
    this.#backlog = backlog;
    this.#reportsDepartures = options.departures === true;
    this.family = family === 4 ? 'IPv4' : 'IPv6';
    const { address, port } = socket.address();
    this.local = { address, port };
    this.#peer = options.connect === undefined ? undefined : endpointOf(socket.remoteAddress());
    const wanted = options.bufferBytes ?? DEFAULT_BUFFER_BYTES;
    this.receiveBufferBytes = granted(
      () => socket.setRecvBufferSize(wanted),
      () => socket.getRecvBufferSize(),
    );
    this.sendBufferBytes = granted(
      () => socket.setSendBufferSize(wanted),
      () => socket.getSendBufferSize(),
    );
    socket.on('error', (error) => this.#receiver?.error(errnoOf(error), error.message));
  }

  get sendErrors(): number {
    return this.#sendErrors;
  }

  /** None can be missing where the clock is ours. */
  get unstamped(): number {
    return 0;
  }

  receive(receiver: PacketReceiver): void {
    const first = this.#receiver === undefined;
    this.#receiver = receiver;
    // Never from inside this call: a receiver may rest on what its owner sets up after it.
    if (first) setImmediate(() => this.#start());
  }

  #start(): void {
    this.#socket.off('message', this.#backlog.message);
    this.#socket.on('message', (buffer, from) => this.#deliver(buffer, from, nowNs()));
    for (const { buffer, from, atNs } of this.#backlog.datagrams.splice(0)) this.#deliver(buffer, from, atNs);
  }

  #deliver(buffer: Buffer, from: RemoteInfo, atNs: number): void {
    if (this.#closed !== undefined) return;
    // Between bind and connect the kernel lets everybody in.
    if (this.#peer !== undefined && (from.port !== this.#peer.port || from.address !== this.#peer.address)) return;
    this.#delivering = buffer;
    const arrival = this.#arrival;
    arrival.from = from;
    arrival.port = from.port;
    arrival.atNs = atNs;
    arrival.readNs = atNs;
    this.#receiver?.packet(buffer, 0, buffer.length, arrival);
    this.#delivering = undefined;
  }

  named(endpoint: Endpoint): Endpoint {
    return toFamily(endpoint, this.family);
  }

  prefer(): void {
    // All ways are equally long here.
  }

  takeIn(): void {
    // Only Node can read what has come.
  }

  send(buffer: Uint8Array, offset: number, length: number, to?: Endpoint, segment: number = length): number {
    const first = this.#sent;
    if (length <= segment) this.#sendOne(buffer, offset, length, to);
    else for (let at = 0; at < length; at += segment) this.#sendOne(buffer, offset + at, Math.min(segment, length - at), to);
    return first;
  }

  reply(buffer: Uint8Array, offset: number, length: number, segment?: number): number {
    return this.send(buffer, offset, length, this.#arrival.from, segment);
  }

  #sendOne(buffer: Uint8Array, offset: number, length: number, to: Endpoint | undefined): void {
    if (this.#reportsDepartures) {
      const handedNs = nowNs();
      this.#receiver?.departed?.(this.#sent, 1, handedNs, handedNs);
    }
    this.#sent += 1;
    if (this.#closed !== undefined) return this.#refused('EBADF', 'the socket is closed');
    if (to === undefined && this.#peer === undefined) return this.#refused('EDESTADDRREQ', 'no destination given');
    let from = buffer;
    let start = offset;
    if (buffer !== this.#delivering) {
      from = this.#slabFor(length);
      start = this.#slabUsed;
      from.set(offset === 0 && length === buffer.length ? buffer : buffer.subarray(offset, offset + length), start);
      this.#slabUsed += length;
    }
    try {
      if (to === undefined || this.#peer !== undefined) this.#socket.send(from, start, length, this.#settled);
      else this.#socket.send(from, start, length, to.port, to.address, this.#settled);
    } catch (error) {
      // Port 0 and the like: dgram refuses what it can tell by looking.
      this.#refused(errnoOf(error), error instanceof Error ? error.message : String(error));
    }
    return undefined;
  }

  /** @returns the slab, with room for `length` more bytes behind the used ones. */
  #slabFor(length: number): Buffer {
    if (this.#slab === undefined) this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
    if (this.#slabUsed + length > SLAB_BYTES) {
      // What the kernel has not taken yet keeps its slab alive through dgram's own reference.
      if (this.#socket.getSendQueueCount() > 0) this.#slab = Buffer.allocUnsafeSlow(SLAB_BYTES);
      this.#slabUsed = 0;
    }
    return this.#slab;
  }

  readonly #settled = (error: Error | null): void => {
    if (error !== null) this.#refused(errnoOf(error), error.message);
  };

  #refused(code: string, message: string): void {
    this.#sendErrors += 1;
    if (this.#closed === undefined) this.#receiver?.error(code, message);
  }

  socketDrops(): number | null {
    const bytes = addressBytes(this.local.address);
    const table = procDrops(this.family);
    if (bytes === undefined || table === undefined) return null;
    const kernel = table.get(procKey(bytes, this.local.port, endianness()));
    return kernel === undefined ? null : kernel + this.#backlog.dropped;
  }

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#socket.close(resolve);
    });
    return this.#closed;
  }
}

function endpointOf(remote: Endpoint): Endpoint {
  return { address: remote.address, port: remote.port };
}

/** Asks for a buffer size and reads what was granted; a system that refuses the size keeps its default. */
function granted(ask: () => void, read: () => number): number {
  try {
    ask();
  } catch {
    // macOS and the BSDs refuse what Linux trims; the size that is there is reported either way.
  }
  const bytes = read();
  // socket(7): Linux doubles the value for its own bookkeeping and reports the double.
  return platform() === 'linux' ? bytes / 2 : bytes;
}

/** Reading the table costs as much as it has sockets: one read serves all that are asked within this time. */
const TABLE_VALID_NS = 1e6;
const tables = new Map<string, { readonly readNs: number; readonly drops: ReadonlyMap<string, number> | undefined }>();

function procDrops(family: 'IPv4' | 'IPv6'): ReadonlyMap<string, number> | undefined {
  const path = family === 'IPv4' ? '/proc/net/udp' : '/proc/net/udp6';
  let table = tables.get(path);
  if (table === undefined || nowNs() - table.readNs > TABLE_VALID_NS) {
    table = { drops: readTable(path), readNs: nowNs() };
    tables.set(path, table);
  }
  return table.drops;
}

function readTable(path: string): ReadonlyMap<string, number> | undefined {
  try {
    return parseProcDrops(readFileSync(path, 'latin1'));
  } catch {
    return undefined;
  }
}
