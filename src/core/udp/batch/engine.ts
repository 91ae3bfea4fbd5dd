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
import { Alarm } from './alarm.ts';
import { BatchArrival } from './arrival.ts';
import { KernelClock } from './clock.ts';
import { Departures } from './departures.ts';
import { EndpointTable, kernelEndpoint } from './endpoint.ts';
import type { KernelEndpoint } from './endpoint.ts';
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EINTR,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA,
  EPOLLET,
  EPOLLIN,
  errnoName,
  IPV6_V6ONLY,
  MMSGHDR_BYTES,
  MSG_DONTWAIT,
  MSG_FLAGS,
  MSG_LEN,
  MSG_TRUNC,
  MSG_WAITFORONE,
  NAME_BYTES,
  SO_RCVBUF,
  SO_RCVTIMEO,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_TIMESTAMPNS,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCKADDR_IN6_BYTES,
  SOL_IPV6,
  SOL_SOCKET,
  SOL_UDP,
  UDP_GRO,
} from './layout.ts';
import { loadLibc } from './libc.ts';
import type { Libc, WatchHandle } from './libc.ts';
import { EPOLL_EVENTS, LONGEST_DATAGRAM, PacketMemory, RECEIVE_SLOTS } from './memory.ts';
import { ReadyList } from './ready-list.ts';
import { Sender } from './sender.ts';
import { takeShortSlices } from './slice.ts';
import { BatchSocket } from './socket.ts';
import type { SocketHost } from './socket.ts';

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
/** epoll's names for the doorbell and the alarm; sockets have theirs from 0. */
const DOORBELL = 0xffff_ffff;
const ALARM = 0xffff_fffe;

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
  #epoll = -1;
  #doorbell = -1;
  #doorbellLent = false;
  #alarm: Alarm | undefined;
  #watch: WatchHandle | undefined;
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
    this.#openLoop();
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
    if (version === 6) check(this.#set(fd, SOL_IPV6, IPV6_V6ONLY, 0));
    if (options.reusePort === true) check(this.#set(fd, SOL_SOCKET, SO_REUSEPORT, 1));
    const wanted = options.bufferBytes ?? DEFAULT_BUFFER_BYTES;
    this.#set(fd, SOL_SOCKET, SO_RCVBUF, wanted);
    this.#set(fd, SOL_SOCKET, SO_SNDBUF, wanted);
    const local = kernelEndpoint(options, family);
    if (local === undefined) throw bindError(options, errnoName(check(-1)));
    check(this.libc.bind(fd, this.#name(local), local.length));
    let peer: KernelEndpoint | undefined;
    if (options.connect !== undefined) {
      const named = kernelEndpoint(options.connect, family);
      if (named === undefined) {
        this.libc.close(fd);
        this.#shutLoop();
        throw bindError(options, 'EINVAL', `${options.connect.address} is not an address for a socket on ${options.address}`);
      }
      peer = this.known(named.words, named.length);
      check(this.libc.connect(fd, this.#name(peer), peer.length));
    }
    const trains = options.trains === true && this.#takesTrains && this.#set(fd, SOL_UDP, UDP_GRO, 1) === 0;
    const wantsStamps = this.clock === 'kernel' && options.departures !== undefined && options.departures !== false;
    const stamps = wantsStamps ? Departures.of(this.libc, this.memory, this.#clock, fd) : undefined;
    if (stamps === undefined && this.clock === 'kernel') this.#set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    const bound = this.#localOf(fd);
    const socket = new BatchSocket(this, {
      fd,
      index: this.#freeIndexes.pop() ?? this.#sockets.length,
      local: { address: bound.address, port: bound.port },
      family,
      receiveBufferBytes: this.#get(fd, SOL_SOCKET, SO_RCVBUF) / 2,
      sendBufferBytes: this.#get(fd, SOL_SOCKET, SO_SNDBUF) / 2,
      peer,
      lane,
      shared: options.reusePort === true,
      trains,
      departures: options.departures === 'external' ? undefined : stamps,
      external: options.departures === 'external' ? stamps : undefined,
      reportsDepartures: options.departures === true,
    });
    // The first socket that wants stamps waits until they come, so that its first datagrams have theirs.
    if (this.#open === 0 && this.#awaitsStamps && this.clock === 'kernel') tryStamps(this.libc);
    this.#sockets[socket.index] = socket;
    this.#open += 1;
    return socket;
  }

  attach(socket: BatchSocket): void {
    if (this.#watchFor(socket.fd, socket.index) < 0) socket.failed(this.libc.errno(), 0);
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
    this.#set(socket.fd, SOL_SOCKET, SO_REUSEPORT, 1);
    try {
      lane = this.#bind({ address, port, connect: peer, reusePort: true, bufferBytes: socket.receiveBufferBytes }, true);
      this.#set(lane.fd, SOL_SOCKET, SO_REUSEPORT, 0);
    } catch (error) {
      // Too many open files, or a system that does not share: the one socket does for both.
      if (!(error instanceof RtplatError)) throw error;
    } finally {
      this.#set(socket.fd, SOL_SOCKET, SO_REUSEPORT, 0);
    }
    return lane;
  }

  known(words: Int32Array, length: number): KernelEndpoint {
    return this.#endpoints.find(words, 0, length);
  }

  /** Writing 8 bytes, a little-endian 1, to this descriptor ends the sleep of {@link serve}. Whoever asked for it closes it. */
  get doorbell(): number {
    this.#openLoop();
    this.#doorbellLent = true;
    return this.#doorbell;
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
    this.#openLoop();
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
    if (waitNs < WAIT_MS * NS_PER_MS) this.#openAlarm().set(atNs);
    return WAIT_MS;
  }

  #openAlarm(): Alarm {
    if (this.#alarm === undefined) {
      const alarm = new Alarm(this.libc, this.memory);
      this.#watchFor(this.#descriptor(alarm.fd), ALARM);
      this.#alarm = alarm;
    }
    return this.#alarm;
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
    const { scratch, words } = this.memory;
    words.fill(0, scratch >>> 2, (scratch >>> 2) + 4);
    words[(scratch >>> 2) + 2] = WAIT_MS * 1000;
    this.libc.setsockopt(socket.fd, SOL_SOCKET, SO_RCVTIMEO, this.memory.address(scratch), 16);
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
    const { events, words } = this.memory;
    const count = this.libc.epoll_wait(this.#epoll, this.memory.address(events), EPOLL_EVENTS, timeoutMs);
    for (let i = 0; i < count; i++) {
      const index = words[(events + i * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA) >>> 2] as number;
      if (index === DOORBELL) this.#answerDoor();
      else if (index === ALARM) this.#alarm?.rang();
      else {
        const socket = this.#sockets[index];
        if (socket !== undefined) this.#ready.add(socket);
      }
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

  #openLoop(): void {
    if (this.#epoll >= 0) return;
    this.#epoll = this.#descriptor(this.libc.epoll_create1(EPOLL_CLOEXEC));
    if (this.#ownThread) {
      this.#doorbell = this.#descriptor(this.libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      this.#watchFor(this.#doorbell, DOORBELL);
    } else this.#watch = this.libc.watch(this.#epoll, () => this.#readable());
  }

  #descriptor(fd: number): number {
    if (fd >= 0) return fd;
    const code = errnoName(this.libc.errno());
    this.#closeLoop();
    throw new RtplatError('bind', `cannot wait for packets: ${code}`, {
      hint: 'each socket and each engine is a file or two: raise ulimit -n',
    });
  }

  /** Called by the event loop. */
  #readable(): void {
    this.#again = undefined;
    if (this.#epoll < 0) return;
    this.#turn(0, ROUNDS, Number.POSITIVE_INFINITY);
    // What is on our own list raises no new event.
    if (this.#ready.size > 0) this.#again ??= setImmediate(() => this.#readable());
  }

  /** With the last socket its event loop handle goes, so that nothing keeps the process alive. */
  #shutLoop(): void {
    if (this.#open === 0 && !this.#ownThread) this.#closeLoop();
  }

  #closeLoop(): void {
    this.#watch?.close();
    this.#watch = undefined;
    clearImmediate(this.#again);
    this.#again = undefined;
    this.#alarm?.close();
    this.#alarm = undefined;
    if (this.#epoll >= 0) this.libc.close(this.#epoll);
    // One that was lent may be rung at this moment: closed here, its number could be another file by then.
    if (this.#doorbell >= 0 && !this.#doorbellLent) this.libc.close(this.#doorbell);
    this.#epoll = -1;
    this.#doorbell = -1;
  }

  #answerDoor(): void {
    this.libc.read(this.#doorbell, this.memory.address(this.memory.scratch), 8);
  }

  #watchFor(fd: number, name: number): number {
    const { scratch, words } = this.memory;
    words[scratch >>> 2] = EPOLLIN | EPOLLET;
    words[(scratch + EPOLL_EVENT_DATA) >>> 2] = name;
    return this.libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.memory.address(scratch));
  }

  #set(fd: number, level: number, name: number, value: number): number {
    this.memory.words[this.memory.scratch >>> 2] = value;
    return this.libc.setsockopt(fd, level, name, this.memory.address(this.memory.scratch), 4);
  }

  #get(fd: number, level: number, name: number): number {
    const { scratch, words } = this.memory;
    words[(scratch >>> 2) + 2] = 4;
    this.libc.getsockopt(fd, level, name, this.memory.address(scratch), this.memory.address(scratch + 8));
    return words[scratch >>> 2] as number;
  }

  /** Writes a sockaddr to the scratch memory. @returns its address. */
  #name({ words, length }: KernelEndpoint): number {
    const at = this.memory.scratch >>> 2;
    for (let i = 0; i < length >>> 2; i++) this.memory.signed[at + i] = words[i] as number;
    return this.memory.address(this.memory.scratch);
  }

  #localOf(fd: number): KernelEndpoint {
    const { scratch, words, signed } = this.memory;
    const size = (scratch + NAME_BYTES) >>> 2;
    words[size] = SOCKADDR_IN6_BYTES;
    this.libc.getsockname(fd, this.memory.address(scratch), this.memory.address(scratch + NAME_BYTES));
    return this.#endpoints.find(signed, scratch >>> 2, words[size]);
  }
}

const stampsGiven = new WeakMap<Libc, boolean>();

function givesStamps(libc: Libc): boolean {
  const known = stampsGiven.get(libc) ?? tryStamps(libc);
  stampsGiven.set(libc, known);
  return known;
}

/** The kernel begins to stamp a moment after the first socket asked for it; each try waits so long. */
const STAMP_WAIT_MS = 2;
const STAMP_TRIES = 50;

/**
 * Sends datagrams to ourselves until one has both of its stamps.
 *
 * @returns whether that came: some kernels and sandboxes accept the option and give none.
 */
function tryStamps(libc: Libc): boolean {
  const engine = new BatchEngine(libc, { ownThread: true, datagramBytes: 64, clock: 'kernel' });
  let arrived = true;
  let tries = 0;
  let turns = 0;
  let missing = -1;
  let given = false;
  try {
    const from = engine.bindNow({ address: '127.0.0.1', port: 0, departures: true });
    if (from.departures === undefined) return false;
    const to = engine.bindNow({ address: '127.0.0.1', port: 0 });
    to.receive({ packet: () => void (arrived = true), error: () => undefined });
    const goOn = (): boolean => {
      if (!arrived) return turns++ < STAMP_TRIES;
      given = from.unstamped + to.unstamped === missing;
      if (given || tries === STAMP_TRIES) return false;
      if (tries > 0) libc.poll(0, 0, STAMP_WAIT_MS);
      tries += 1;
      missing = from.unstamped + to.unstamped;
      arrived = false;
      from.send(new Uint8Array(1), 0, 1, to.local);
      return true;
    };
    engine.serve({ goOn });
    return given;
  } catch {
    // A host whose loopback is down cannot be asked; each socket counts what has no stamp.
    return true;
  } finally {
    engine.close();
  }
}
