/**
 * The engine on recvmmsg and sendmmsg: dozens of datagrams for one system call, kernel timestamps, and no allocation per packet.
 * Linux on x64 and arm64.
 *
 * It runs in one of two ways. On the event loop of its thread it is called whenever a socket is readable. In a thread of its own
 * ({@link BatchEngine.serve}) it blocks in the kernel, which is what brings the lowest latency; that thread then has no event loop.
 */
import { isIP } from 'node:net';
import { RtplatError } from '../../errors.ts';
import { bindError } from '../bind-error.ts';
import { nowNs } from '../clock.ts';
import type { BindOptions, ClockName, UdpEngine, UdpSocket } from '../engine.ts';
import { DEFAULT_BUFFER_BYTES } from '../defaults.ts';
import { BatchArrival } from './arrival.ts';
import { KernelClock } from './clock.ts';
import { Departures } from './departures.ts';
import { EndpointTable, kernelEndpoint } from './endpoint.ts';
import type { KernelEndpoint } from './endpoint.ts';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EINTR,
  errnoName,
  IPV6_V6ONLY,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  MSG_FLAGS,
  MSG_LEN,
  MSG_TRUNC,
  MSG_WAITFORONE,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_TIMESTAMPNS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from './layout.ts';
import { loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { LONGEST_DATAGRAM, PacketMemory, RECEIVE_SLOTS } from './memory.ts';
import { Poller } from './poller.ts';
import { ReadyList } from './ready-list.ts';
import { Sender } from './sender.ts';
import { takeShortSlices } from './slice.ts';
import { SocketCalls } from './socket-calls.ts';
import { BatchSocket } from './socket.ts';
import type { SocketHost } from './socket.ts';
import { tryStamps } from './try-stamps.ts';

export interface BatchOptions {
  /** Another C library, for tests. */
  readonly libc?: Libc;
  /** Longest datagram taken, bytes; a longer one is reported as EMSGSIZE and not delivered. */
  readonly datagramBytes?: number;
  /** Blocks in {@link BatchEngine.serve} instead of running on the event loop. */
  readonly ownThread?: boolean;
  /** Found out by trying unless given. */
  readonly clock?: ClockName;
  /** In {@link BatchEngine.serve}: never sleep. Costs a core, and saves the time to wake up. */
  readonly busyPoll?: boolean;
}

/** What {@link BatchEngine.serve} does between turns. */
export interface Serving {
  /** Asked after every turn, and at least every {@link WAIT_MS}. @returns whether to go on. */
  readonly goOn: () => boolean;
  /** When it has to be asked the next time, ns of {@link BatchEngine.nowNs}; Infinity when nothing is due. Called after it. */
  readonly dueNs?: () => number;
}

/** The longest sleep: how late a stop can be noticed when nobody rings. */
const WAIT_MS = 50;
/** Datagrams taken from one socket before the next one has its turn. */
const BURST = 32;
/** Sockets that are read before it is asked again what is due. */
const SOCKETS_BETWEEN_DUES = 32;
/** Rounds over the sockets that have something to read before the event loop has its turn. */
const ROUNDS = 4;
/** Batches that {@link UdpSocket.takeIn} reads at most: somebody who never stops sending must not hold it for ever. */
const TAKE_IN_ROUNDS = 16;
const NS_PER_MS = 1e6;
/** @throws BatchUnavailable where there cannot be one. */
export function createBatchEngine(options: BatchOptions = {}): BatchEngine {
  return new BatchEngine(options.libc ?? loadLibc(), options);
}

export class BatchEngine implements UdpEngine, SocketHost {
  readonly name = 'batch';
  readonly clock: ClockName;
  readonly libc: Libc;
  readonly memory: PacketMemory;
  readonly sender: Sender;
  readonly arrival: BatchArrival;
  inTurn = false;
  readonly #clock: KernelClock;
  readonly #endpoints = new EndpointTable();
  readonly #ownThread: boolean;
  readonly #busyPoll: boolean;
  readonly #awaitsStamps: boolean;
  /** A train that does not fit would be cut, and lost with all of its datagrams. */
  readonly #takesTrains: boolean;
  readonly #sockets: (BatchSocket | undefined)[] = [];
  readonly #freeIndexes: number[] = [];
  #open = 0;
  readonly #ready = new ReadyList();
  readonly #poller: Poller;
  readonly #calls: SocketCalls;
  #again: NodeJS.Immediate | undefined;
  /** Receive slots in use: what they hold may be waiting to be sent. */
  #filled = 0;

  constructor(libc: Libc, options: BatchOptions) {
    this.libc = libc;
    const datagramBytes = options.datagramBytes ?? LONGEST_DATAGRAM;
    this.memory = new PacketMemory(libc, datagramBytes);
    this.#takesTrains = datagramBytes >= LONGEST_DATAGRAM;
    this.#clock = new KernelClock(libc);
    this.sender = new Sender(libc, this.memory);
    this.arrival = new BatchArrival(this.memory, this.#clock, this.#endpoints);
    this.#ownThread = options.ownThread === true;
    this.#poller = new Poller(libc, this.memory, this.#ownThread ? undefined : () => this.#readable());
    this.#calls = new SocketCalls(libc, this.memory, this.#endpoints);
    this.#busyPoll = options.busyPoll === true;
    this.#awaitsStamps = options.clock === undefined;
    this.clock = options.clock ?? (givesStamps(libc) ? 'kernel' : 'user');
  }

  nowNs(): number {
    return nowNs();
  }

  /** Steps of the wall clock noticed so far. */
  get clockSteps(): number {
    return this.#clock.steps;
  }

  async bind(options: BindOptions): Promise<UdpSocket> {
    return this.bindNow(options);
  }

  /** {@link bind} for a thread without an event loop. @throws RtplatError `bind`. */
  bindNow(options: BindOptions): BatchSocket {
    return this.#bind(options, false);
  }

  #bind(options: BindOptions, lane: boolean): BatchSocket {
    const version = isIP(options.address);
    if (version === 0) throw bindError(options, 'EINVAL', 'not a numeric address');
    const calls = this.#calls;
    this.#poller.open();
    let fd = -1;
    const check = (result: number): number => {
      if (result >= 0) return result;
      const code = errnoName(this.libc.errno());
      if (fd >= 0) this.libc.close(fd);
      this.#shutLoop();
      throw bindError(options, code, undefined, Object.assign(new Error(code), { code }));
    };
    const family = version === 4 ? 'IPv4' : 'IPv6';
    fd = check(this.libc.socket(version === 4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    // `::` takes IPv4 as well, its peers named `::ffff:192.0.2.1`.
    if (version === 6) check(calls.set(fd, SOL_IPV6, IPV6_V6ONLY, 0));
    if (options.reusePort === true) check(calls.set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    const wanted = options.bufferBytes ?? DEFAULT_BUFFER_BYTES;
    calls.set(fd, SOL_SOCKET, SO_RCVBUF, wanted);
    calls.set(fd, SOL_SOCKET, SO_SNDBUF, wanted);
    const local = kernelEndpoint(options, family);
    if (local === undefined) throw bindError(options, errnoName(check(-1)));
    check(calls.bind(fd, local));
    let peer: KernelEndpoint | undefined;
    if (options.connect !== undefined) {
      const named = kernelEndpoint(options.connect, family);
      if (named === undefined) {
        this.libc.close(fd);
        this.#shutLoop();
        throw bindError(options, 'EINVAL', `${options.connect.address} is not an address for a socket on ${options.address}`);
      }
      peer = this.known(named.words, named.length);
      check(calls.connect(fd, peer));
    }
    const trains = options.trains === true && this.#takesTrains && calls.set(fd, SOL_UDP, UDP_GRO, 1) === 0;
    const wantsStamps = this.clock === 'kernel' && options.departures !== undefined && options.departures !== false;
    const stamps = wantsStamps ? Departures.of(this.libc, this.memory, this.#clock, fd) : undefined;
    if (stamps === undefined && this.clock === 'kernel') calls.set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const bound = calls.localOf(fd);
    const socket = new BatchSocket(this, {
      fd,
      index: this.#freeIndexes.pop() ?? this.#sockets.length,
      local: { address: bound.address, port: bound.port },
      family,
      receiveBufferBytes: calls.get(fd, SOL_SOCKET, SO_RCVBUF) / 2,
      sendBufferBytes: calls.get(fd, SOL_SOCKET, SO_SNDBUF) / 2,
      peer,
      lane,
      shared: options.reusePort === true,
      trains,
      departures: options.departures === 'external' ? undefined : stamps,
      external: options.departures === 'external' ? stamps : undefined,
      reportsDepartures: options.departures === true,
    });
    // The first socket that wants stamps waits until they come, so that its first datagrams have theirs.
    if (this.#open === 0 && this.#awaitsStamps && this.clock === 'kernel') askStamps(this.libc);
    this.#sockets[socket.index] = socket;
    this.#open += 1;
    return socket;
  }

  attach(socket: BatchSocket): void {
    if (this.#poller.add(socket.fd, socket.index) < 0) socket.failed(this.libc.errno(), 0);
  }

  takeIn(socket: BatchSocket): void {
    // In a delivery: the slots are in use.
    if (this.#filled > 0) return;
    const outer = this.inTurn;
    this.inTurn = true;
    try {
      for (let more = true, round = 0; more && round < TAKE_IN_ROUNDS && !socket.closed; round++) {
        more = this.#drain(socket, RECEIVE_SLOTS, MSG_DONTWAIT);
        this.#release();
      }
    } finally {
      this.inTurn = outer;
      this.#release();
    }
  }

  detach(socket: BatchSocket): void {
    this.libc.close(socket.fd);
    this.#sockets[socket.index] = undefined;
    this.#freeIndexes.push(socket.index);
    this.#open -= 1;
    this.#shutLoop();
  }

  /**
   * The kernel prefers a connected socket for the datagrams of its peer and leaves the others to the one that is not. The port is
   * shared for the moment that binding takes; a program that would share it later is refused as before.
   */
  lane(socket: BatchSocket, peer: KernelEndpoint): BatchSocket | undefined {
    const { address, port } = socket.local;
    let lane: BatchSocket | undefined;
    this.#calls.set(socket.fd, SOL_SOCKET, SO_REUSEPORT, 1);
    try {
      lane = this.#bind({ address, port, connect: peer, reusePort: true, bufferBytes: socket.receiveBufferBytes }, true);
      this.#calls.set(lane.fd, SOL_SOCKET, SO_REUSEPORT, 0);
    } catch (error) {
      // Too many open files, or a system that does not share: the one socket does for both.
      if (!(error instanceof RtplatError)) throw error;
    } finally {
      this.#calls.set(socket.fd, SOL_SOCKET, SO_REUSEPORT, 0);
    }
    return lane;
  }

  known(words: Int32Array, length: number): KernelEndpoint {
    return this.#endpoints.find(words, 0, length);
  }

  /** Writing 8 bytes, a little-endian 1, to this descriptor ends the sleep of {@link serve}. Whoever asked for it closes it. */
  get doorbell(): number {
    this.#poller.open();
    return this.#poller.lendDoorbell();
  }

  /** Serves the sockets until told otherwise, without returning to the event loop. Closes what is left open. */
  serve(serving: Serving): void {
    takeShortSlices(this.libc);
    try {
      this.run(serving);
    } finally {
      this.close();
    }
  }

  /** The same for a while: leaves the sockets open. */
  run({ goOn, dueNs }: Serving): void {
    this.#poller.open();
    while (goOn()) {
      // Only epoll can wait for the alarm as well.
      const alone = dueNs === undefined ? this.#alone() : undefined;
      if (alone !== undefined) this.#serveAlone(alone, goOn);
      else {
        const timeoutMs = this.#busyPoll || this.#ready.size > 0 ? 0 : this.#sleepMs(dueNs);
        this.#turn(timeoutMs, Number.POSITIVE_INFINITY, dueNs === undefined ? Number.POSITIVE_INFINITY : SOCKETS_BETWEEN_DUES);
      }
    }
  }

  /** How long to sleep at most. What is due before that sets the alarm. */
  #sleepMs(dueNs: (() => number) | undefined): number {
    if (dueNs === undefined) return WAIT_MS;
    const atNs = dueNs();
    const waitNs = atNs - nowNs();
    if (waitNs <= 0) return 0;
    if (waitNs < WAIT_MS * NS_PER_MS) this.#poller.setAlarm(atNs);
    return WAIT_MS;
  }

  /** Closes all sockets and what waits for them. For a thread that ends before it served; {@link serve} does so itself. */
  close(): void {
    for (const socket of this.#sockets) void socket?.close();
    this.#closeLoop();
  }

  /** The only socket, where reading it can be all there is to wait for. */
  #alone(): BatchSocket | undefined {
    if (this.#open !== 1) return undefined;
    const socket = this.#sockets.find((one) => one !== undefined);
    if (socket?.receiver === undefined || socket.departures !== undefined || socket.external !== undefined) return undefined;
    return socket;
  }

  /** One system call to wait and read, where epoll needs two. */
  #serveAlone(socket: BatchSocket, goOn: () => boolean): void {
    this.#calls.setTime(socket.fd, SOL_SOCKET, SO_RCVTIMEO, WAIT_MS * 1000);
    this.inTurn = true;
    try {
      do {
        this.#drain(socket, RECEIVE_SLOTS, this.#busyPoll ? MSG_DONTWAIT : MSG_WAITFORONE);
        this.#release();
      } while (goOn() && !socket.closed && this.#open === 1);
    } finally {
      this.inTurn = false;
    }
  }

  /** One sleep at most, then what is there to read, until nothing is left or `rounds` are over: in each of them `most` sockets. */
  #turn(timeoutMs: number, rounds: number, most: number): void {
    this.#collectReady(timeoutMs);
    this.inTurn = true;
    try {
      for (let round = 0; round < rounds && this.#ready.size > 0; round++) {
        for (let waiting = Math.min(most, this.#ready.size); waiting > 0; waiting--) {
          const socket = this.#ready.take();
          if (socket === undefined || socket.closed) continue;
          if (this.#filled === RECEIVE_SLOTS) this.#release();
          if (this.#drain(socket, Math.min(BURST, RECEIVE_SLOTS - this.#filled), MSG_DONTWAIT)) this.#ready.add(socket);
        }
        this.#release();
        if (this.#ownThread) return;
      }
    } finally {
      this.inTurn = false;
      this.#release();
    }
  }

  /** Sends what was gathered; after that the slots may be filled again. */
  #release(): void {
    this.sender.flush();
    this.#filled = 0;
  }

  #collectReady(timeoutMs: number): void {
    const count = this.#poller.wait(timeoutMs);
    for (let i = 0; i < count; i++) {
      const socket = this.#sockets[this.#poller.nameAt(i)];
      if (socket !== undefined) this.#ready.add(socket);
    }
  }

  /**
   * Reads and delivers up to `most` datagrams of a socket.
   *
   * @returns whether there may be more.
   */
  #drain(socket: BatchSocket, most: number, flags: number): boolean {
    const { memory } = this;
    const first = this.#filled;
    const count = this.libc.recvmmsg(socket.fd, memory.address(memory.receiveHeaders + first * MMSGHDR_BYTES), most, flags, 0);
    if (count < 0) {
      const errno = this.libc.errno();
      socket.drainExternal();
      return this.#receiveFailed(socket, errno);
    }
    this.arrival.readNs = this.#clock.read();
    // After the datagrams were read: whatever they answer has left before, and its stamp is there.
    socket.drainExternal();
    this.#filled = first + count;
    for (let i = first; i < first + count; i++) {
      if (socket.closed) memory.rearm(i);
      else this.#deliver(socket, i);
    }
    return count === most;
  }

  #deliver(socket: BatchSocket, i: number): void {
    const { memory } = this;
    const { words } = memory;
    const header = (memory.receiveHeaders + i * MMSGHDR_BYTES) >>> 2;
    const arrival = this.arrival;
    const length = words[header + MSG_LEN / 4] as number;
    const segment = arrival.next(i, socket.peer);
    if (!arrival.stamped && this.clock === 'kernel') socket.unstampedArrivals += 1;
    const cut = ((words[header + MSG_FLAGS / 4] as number) & MSG_TRUNC) !== 0;
    memory.rearm(i);
    // Between bind and connect the kernel lets everybody in.
    if (socket.strict && !arrival.isFrom(socket.peer)) return;
    if (cut) {
      socket.receiver?.error('EMSGSIZE', `a datagram longer than ${length} bytes was dropped`);
      return;
    }
    socket.deliver(memory.slots + i * memory.slotStride, length, segment, arrival);
  }

  /** @returns whether to read again. */
  #receiveFailed(socket: BatchSocket, errno: number): boolean {
    if (errno === EAGAIN) return false;
    if (errno !== EINTR) socket.failed(errno, 0);
    return !socket.closed;
  }

  /** Called by the event loop. */
  #readable(): void {
    this.#again = undefined;
    if (!this.#poller.isOpen) return;
    this.#turn(0, ROUNDS, Number.POSITIVE_INFINITY);
    // What is on our own list raises no new event.
    if (this.#ready.size > 0) this.#again ??= setImmediate(() => this.#readable());
  }

  /** With the last socket its event loop handle goes, so that nothing keeps the process alive. */
  #shutLoop(): void {
    if (this.#open === 0 && !this.#ownThread) this.#closeLoop();
  }

  #closeLoop(): void {
    clearImmediate(this.#again);
    this.#again = undefined;
    this.#poller.close();
  }
}

const stampsGiven = new WeakMap<Libc, boolean>();

function givesStamps(libc: Libc): boolean {
  const known = stampsGiven.get(libc) ?? askStamps(libc);
  stampsGiven.set(libc, known);
  return known;
}

function askStamps(libc: Libc): boolean {
  return tryStamps(libc, new BatchEngine(libc, { ownThread: true, datagramBytes: 64, clock: 'kernel' }));
}
