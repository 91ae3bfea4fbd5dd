/**
 * What is sent within a turn of the loop is gathered and leaves together: one sendmmsg for a run of messages of one socket, and
 * one message for a run of equal datagrams to one peer where the kernel cuts trains (UDP_SEGMENT). Nothing is copied that lies
 * in the engine's own memory.
 */
import { nowNs } from '../clock.ts';
import type { KernelEndpoint } from './endpoint.ts';
import {
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  EINTR,
  EINVAL,
  EIO,
  EMSGSIZE,
  ENOBUFS,
  MMSGHDR_BYTES,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_IOVLEN,
  POLLOUT,
  UDP_MAX_SEGMENTS,
  UDP_MAX_TRAIN_BYTES,
} from './layout.ts';
import type { Libc } from './libc.ts';
import { COPY_BYTES, SEND_PIECES, SEND_SLOTS } from './memory.ts';
import type { PacketMemory } from './memory.ts';
import type { Departures } from './departures.ts';

/** A socket as sending sees it. */
export interface SendingSocket {
  readonly fd: number;
  readonly closed: boolean;
  /** Whether the kernel cuts trains for it; withdrawn when it turns out that it does not on this path. */
  trains: boolean;
  /** Whether the receiver wants to know when datagrams left. */
  readonly reportsDepartures: boolean;
  /** The kernel's word on that; undefined where it gives none. */
  readonly departures: Departures | undefined;
  /** `count` datagrams were refused; none when the error is that of an earlier one. */
  failed(errno: number, count: number): void;
  departed(first: number, count: number, atNs: number, handedNs: number): void;
}

/** The name of whom a connected socket sends to. */
const NOBODY = new Int32Array(0);
/** A socket whose buffer is full is waited for this long before its datagrams are refused. */
const FULL_WAIT_MS = 5;
/** A pending error belongs to an earlier datagram: the send is tried again, but not for ever. */
const MOST_RETRIES = 8;
/** Of a message: its datagrams, the length of each but the last, of all together, and its first piece. */
const COUNT = 0;
const SEGMENT = 1;
const LENGTH = 2;
const FIRST_PIECE = 3;
const FACTS = 4;
/** How kernels say that they cannot cut a train on this path: no checksum offload, a tunnel, an MTU that is too small. */
const CANNOT_CUT: ReadonlySet<number> = new Set([EINVAL, EIO, EMSGSIZE]);

export class Sender {
  readonly #libc: Libc;
  readonly #memory: PacketMemory;
  readonly #sockets: SendingSocket[] = [];
  /** Number of the first datagram of each message. */
  readonly #first = new Float64Array(SEND_SLOTS);
  /** The rest of what is known of each message, side by side: one line of the cache holds that of four. */
  readonly #facts = new Int32Array(SEND_SLOTS * FACTS);
  #messages = 0;
  #pieces = 0;
  #copied = 0;
  #waited = false;
  #flushing = false;
  /** Of the run that is being sent: the first message whose departure has not been told, and when they were handed over. */
  #untold = 0;
  #handedNs = 0.5;

  constructor(libc: Libc, memory: PacketMemory) {
    this.#libc = libc;
    this.#memory = memory;
  }

  /**
   * Copies `length` bytes to where they stay until the next {@link flush}.
   *
   * @returns the offset of the copy; −1 when a flush that is under way has to end first.
   */
  copy(buffer: Uint8Array, offset: number, length: number): number {
    if (this.#copied + length > COPY_BYTES) {
      if (this.#flushing) return -1;
      this.flush();
    }
    const at = this.#memory.copies + this.#copied;
    this.#memory.bytes.set(offset === 0 && length === buffer.length ? buffer : buffer.subarray(offset, offset + length), at);
    this.#copied += length;
    return at;
  }

  /**
   * Adds datagrams to what the next {@link flush} sends.
   *
   * @param peer none where the socket is connected.
   * @param offset of the bytes in the engine's memory, which stay as they are until then.
   * @param segment length of each datagram in them but the last.
   * @param first number of the first of them.
   */
  add(socket: SendingSocket, peer: KernelEndpoint | undefined, offset: number, length: number, segment: number, first: number): void {
    const words = peer?.words ?? NOBODY;
    const nameLength = peer?.length ?? 0;
    if (length > segment && !socket.trains) this.#addEach(socket, peer, offset, length, segment, first);
    else if (!this.#join(socket, words, 0, nameLength, offset, length, segment)) {
      const i = this.#message(socket, offset, length, segment, first);
      if (i >= 0 && peer !== undefined) this.#memory.nameMessage(i, words, nameLength);
    }
  }

  #addEach(socket: SendingSocket, peer: KernelEndpoint | undefined, offset: number, length: number, segment: number, first: number): void {
    for (let at = 0; at < length; at += segment) {
      const part = Math.min(segment, length - at);
      const i = this.#message(socket, offset + at, part, part, first + at / segment);
      if (i >= 0 && peer !== undefined) this.#memory.nameMessage(i, peer.words, peer.length);
    }
  }

  /** The same to the sockaddr at byte `name` of the engine's memory, which stays there until then as well. */
  reply(socket: SendingSocket, name: number, nameLength: number, offset: number, length: number, segment: number, first: number): void {
    const { signed } = this.#memory;
    const together = length <= segment || socket.trains;
    if (together && this.#join(socket, signed, name >>> 2, nameLength, offset, length, segment)) return;
    const step = together ? length : segment;
    let at = 0;
    do {
      const part = Math.min(step, length - at);
      const i = this.#message(socket, offset + at, part, Math.min(segment, part), first + (at === 0 ? 0 : at / segment));
      if (i >= 0) this.#memory.referMessage(i, name, nameLength);
      at += step;
    } while (at < length);
  }

  /**
   * Sends all that was added. A receiver that is told of a departure or a refusal may send or close a socket: what it adds is sent
   * before this ends.
   */
  flush(): void {
    if (this.#messages === 0 || this.#flushing) return;
    this.#flushing = true;
    this.#waited = false;
    try {
      for (let from = 0; from < this.#messages;) {
        const socket = this.#sockets[from] as SendingSocket;
        let to = from + 1;
        while (to < this.#messages && this.#sockets[to] === socket) to += 1;
        this.#transmit(socket, from, to);
        from = to;
      }
    } finally {
      this.#flushing = false;
      this.#messages = 0;
      this.#pieces = 0;
      this.#copied = 0;
    }
  }

  /** Makes what would be a message of its own part of the last one, where the kernel cuts them apart again. @returns whether it did. */
  #join(
    socket: SendingSocket,
    words: Int32Array,
    name: number,
    nameLength: number,
    offset: number,
    length: number,
    segment: number,
  ): boolean {
    const last = this.#messages - 1;
    // What is being sent may have left already.
    if (this.#flushing || last < 0 || !socket.trains || this.#sockets[last] !== socket) return false;
    const facts = this.#facts;
    const at = last * FACTS;
    if (segment !== facts[at + SEGMENT] || length === 0) return false;
    if (!this.#memory.isNamed(last, words, name, nameLength)) return false;
    const before = facts[at + LENGTH] as number;
    // A shorter datagram ends a train.
    if (before % segment !== 0) return false;
    const count = facts[at + COUNT] as number;
    const datagrams = count + Math.ceil(length / segment);
    if (datagrams > UDP_MAX_SEGMENTS || before + length > UDP_MAX_TRAIN_BYTES) return false;
    const piece = this.#pieces - 1;
    const start = this.#memory.pieceOffset(piece);
    const pieceLength = this.#memory.pieceLength(piece);
    if (start + pieceLength === offset) this.#memory.setPiece(piece, start, pieceLength + length);
    else {
      if (this.#pieces === SEND_PIECES) return false;
      this.#memory.setPiece(this.#pieces, offset, length);
      this.#pieces += 1;
      const header = this.#memory.sendHeaders + last * MMSGHDR_BYTES;
      this.#memory.words[(header + MSG_IOVLEN) >>> 2] = this.#pieces - (facts[at + FIRST_PIECE] as number);
    }
    if (count === 1) this.#memory.segmentMessage(last, segment);
    facts[at + COUNT] = datagrams;
    facts[at + LENGTH] = before + length;
    return true;
  }

  /** @returns the number of the new message, which is to be named yet; −1 when it was refused. */
  #message(socket: SendingSocket, offset: number, length: number, segment: number, first: number): number {
    const datagrams = length > segment ? Math.ceil(length / segment) : 1;
    if (this.#messages === SEND_SLOTS || this.#pieces === SEND_PIECES) {
      if (this.#flushing) {
        refuse(socket, first, datagrams, ENOBUFS, nowNs());
        return -1;
      }
      this.#makeRoom();
    }
    const i = this.#messages;
    const piece = this.#pieces;
    this.#memory.startMessage(i, piece);
    this.#memory.setPiece(piece, offset, length);
    if (datagrams > 1) this.#memory.segmentMessage(i, segment);
    this.#sockets[i] = socket;
    this.#first[i] = first;
    const facts = this.#facts;
    const at = i * FACTS;
    facts[at + COUNT] = datagrams;
    facts[at + SEGMENT] = segment;
    facts[at + LENGTH] = length;
    facts[at + FIRST_PIECE] = piece;
    this.#pieces = piece + 1;
    this.#messages = i + 1;
    return i;
  }

  /** Sends what there is, but keeps the copies: one of them is being added. */
  #makeRoom(): void {
    const copied = this.#copied;
    this.flush();
    this.#copied = copied;
  }

  #transmit(socket: SendingSocket, from: number, to: number): void {
    this.#handedNs = socket.reportsDepartures ? nowNs() : 0;
    this.#untold = from;
    for (let next = from; next < to;) {
      const sent = this.#push(socket, next, to - next);
      if (sent > 0) {
        next += sent;
        continue;
      }
      if (this.#isTrain(next) && CANNOT_CUT.has(-sent)) this.#takeApart(socket, next);
      else refuse(socket, this.#first[next] as number, this.#fact(next, COUNT), -sent, this.#handedNs);
      next += 1;
      this.#untold = next;
    }
    this.#tell(socket, to);
  }

  /**
   * Hands messages `i … i+count)` to the kernel. Tries again where it is not the message that is refused.
   *
   * @returns how many it took; or −errno of message `i`, when the departures of those before it have been told.
   */
  #push(socket: SendingSocket, i: number, count: number): number {
    const headers = this.#memory.address(this.#memory.sendHeaders + i * MMSGHDR_BYTES);
    for (let retries = 0; !socket.closed;) {
      const sent = this.#libc.sendmmsg(socket.fd, headers, count, MSG_DONTWAIT);
      if (sent > 0) return sent;
      const errno = this.#libc.errno();
      if (errno === EINTR) continue;
      this.#tell(socket, i);
      // Whether the kernel numbered what it refused depends on its version.
      if (!socket.closed) socket.departures?.restart(socket.fd);
      if (errno === EAGAIN && this.#waitForRoom(socket.fd)) continue;
      if (errno !== ECONNREFUSED || retries === MOST_RETRIES) return -errno;
      retries += 1;
      socket.failed(errno, 0);
    }
    return -EBADF;
  }

  #fact(i: number, which: number): number {
    return this.#facts[i * FACTS + which] as number;
  }

  #isTrain(i: number): boolean {
    return (this.#memory.words[(this.#memory.sendHeaders + i * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2] as number) > 0;
  }

  /** Tells when the messages before `to`, all of which the kernel took, left. */
  #tell(socket: SendingSocket, to: number): void {
    const from = this.#untold;
    this.#untold = to;
    if (!socket.reportsDepartures || from === to) return;
    const stamps = this.#stampsOf(socket, to - from);
    for (let i = from; i < to; i++) this.#depart(socket, this.#first[i] as number, this.#fact(i, COUNT), stamps?.[i - from]);
  }

  /** @returns the kernel's stamps of the last `count` messages, where it gives them. */
  #stampsOf(socket: SendingSocket, count: number): Float64Array | undefined {
    return socket.closed ? undefined : socket.departures?.collect(socket.fd, count);
  }

  #depart(socket: SendingSocket, first: number, count: number, stampNs: number = Number.NaN): void {
    const stamped = !Number.isNaN(stampNs);
    if (!stamped && socket.departures !== undefined) socket.departures.unstamped += count;
    socket.departed(first, count, stamped ? stampNs : this.#handedNs, this.#handedNs);
  }

  /** Sends the datagrams of train `i` one by one, and has no more trains made for the socket. */
  #takeApart(socket: SendingSocket, i: number): void {
    socket.trains = false;
    const { words, sendHeaders } = this.#memory;
    const header = sendHeaders + i * MMSGHDR_BYTES;
    const pieces = words[(header + MSG_IOVLEN) >>> 2] as number;
    const first = this.#fact(i, FIRST_PIECE);
    const segment = this.#fact(i, SEGMENT);
    words[(header + MSG_CONTROLLEN) >>> 2] = 0;
    words[(header + MSG_IOVLEN) >>> 2] = 1;
    // Its place is where each datagram is put in turn.
    const firstOffset = this.#memory.pieceOffset(first);
    const firstLength = this.#memory.pieceLength(first);
    let number = this.#first[i] as number;
    for (let piece = first; piece < first + pieces; piece++) {
      const start = piece === first ? firstOffset : this.#memory.pieceOffset(piece);
      const end = start + (piece === first ? firstLength : this.#memory.pieceLength(piece));
      for (let offset = start; offset < end; offset += segment) {
        this.#memory.setPiece(first, offset, Math.min(segment, end - offset));
        const sent = this.#push(socket, i, 1);
        if (sent < 0) refuse(socket, number, 1, -sent, this.#handedNs);
        else if (socket.reportsDepartures) this.#depart(socket, number, 1, this.#stampsOf(socket, 1)?.[0]);
        number += 1;
      }
    }
  }

  /** Waits, once in a flush, for a socket whose buffer is full. @returns whether to try again. */
  #waitForRoom(fd: number): boolean {
    if (this.#waited) return false;
    this.#waited = true;
    const { scratch, words } = this.#memory;
    words[scratch >>> 2] = fd;
    words[(scratch >>> 2) + 1] = POLLOUT;
    this.#libc.poll(this.#memory.address(scratch), 1, FULL_WAIT_MS);
    return true;
  }
}

/** Tells that datagrams were refused: they count as departed when that is asked for, and as errors. */
function refuse(socket: SendingSocket, first: number, count: number, errno: number, handedNs: number): void {
  if (socket.reportsDepartures) socket.departed(first, count, handedNs, handedNs);
  socket.failed(errno, count);
}
