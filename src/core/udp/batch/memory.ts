/**
 * All memory that the batch engine shares with the kernel: one buffer, laid out once, its address taken once. Headers point at
 * their names, vectors and packets from the start; receiving and sending only fill in lengths.
 */
import {
  CMSG_DATA,
  CMSG_LEVEL,
  CMSG_TYPE,
  IOVEC_BYTES,
  MMSGHDR_BYTES,
  MSG_CONTROL,
  MSG_CONTROLLEN,
  MSG_IOV,
  MSG_IOVLEN,
  MSG_NAME,
  MSG_NAMELEN,
  NAME_BYTES,
  SOCKADDR_IN6_BYTES,
  SOL_UDP,
  UDP_SEGMENT,
} from './layout.ts';
import type { Libc } from './libc.ts';

/** Datagrams, or trains, received before what was received must be handed on. */
export const RECEIVE_SLOTS = 64;
/** Messages to send that are gathered. */
export const SEND_SLOTS = 256;
/** Pieces that these messages may consist of, all told. */
export const SEND_PIECES = 1024;
/** Error-queue messages read at once. */
export const ERROR_SLOTS = 64;
export const EPOLL_EVENTS = 256;
/** The longest UDP datagram, and the longest train. */
export const LONGEST_DATAGRAM = 65_536;
/** Copies of what is sent from memory that the caller may reuse. */
export const COPY_BYTES: number = 4 * LONGEST_DATAGRAM;
/** Room for SCM_TIMESTAMPING (64 bytes), UDP_GRO (24), and an extended error with an offender's address (64). */
export const CONTROL_BYTES = 192;
const SEND_CONTROL_BYTES = 32;
/** CMSG_SPACE and CMSG_LEN of the u16 that UDP_SEGMENT takes. */
export const SEGMENT_CONTROL_BYTES = 24;
const SEGMENT_CMSG_LENGTH = CMSG_DATA + 2;
const SCRATCH_BYTES = 256;
const ALIGNMENT = 64;
/** Slots a power of two apart would fall into the same lines of the cache. */
const STAGGER = 320;

export class PacketMemory {
  /** The bytes of everything; what receivers are handed. */
  readonly bytes: Uint8Array;
  readonly words: Uint32Array;
  readonly signed: Int32Array;
  /** Byte offsets into the buffer. */
  readonly receiveHeaders: number;
  readonly receiveNames: number;
  readonly receiveControls: number;
  readonly slots: number;
  readonly slotStride: number;
  readonly sendHeaders: number;
  readonly sendNames: number;
  readonly sendPieces: number;
  readonly sendControls: number;
  readonly errorHeaders: number;
  readonly errorControls: number;
  readonly events: number;
  readonly scratch: number;
  readonly copies: number;
  readonly #base: number;
  #size = 0;

  /** @param slotBytes capacity for one datagram; what is longer is cut, and not delivered. */
  constructor(libc: Libc, slotBytes: number) {
    this.slotStride = align(slotBytes) + STAGGER;
    this.receiveHeaders = this.#reserve(RECEIVE_SLOTS * MMSGHDR_BYTES);
    const receivePieces = this.#reserve(RECEIVE_SLOTS * IOVEC_BYTES);
    this.receiveNames = this.#reserve(RECEIVE_SLOTS * NAME_BYTES);
    this.receiveControls = this.#reserve(RECEIVE_SLOTS * CONTROL_BYTES);
    this.sendHeaders = this.#reserve(SEND_SLOTS * MMSGHDR_BYTES);
    this.sendNames = this.#reserve(SEND_SLOTS * NAME_BYTES);
    this.sendPieces = this.#reserve(SEND_PIECES * IOVEC_BYTES);
    this.sendControls = this.#reserve(SEND_SLOTS * SEND_CONTROL_BYTES);
    this.errorHeaders = this.#reserve(ERROR_SLOTS * MMSGHDR_BYTES);
    this.errorControls = this.#reserve(ERROR_SLOTS * CONTROL_BYTES);
    this.events = this.#reserve(EPOLL_EVENTS * 16);
    this.scratch = this.#reserve(SCRATCH_BYTES);
    this.copies = this.#reserve(COPY_BYTES);
    this.slots = this.#reserve(RECEIVE_SLOTS * this.slotStride);
    const buffer = new ArrayBuffer(this.#size);
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
    this.signed = new Int32Array(buffer);
    this.#base = libc.addressOf(this.bytes);
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      const header = this.receiveHeaders + i * MMSGHDR_BYTES;
      const piece = receivePieces + i * IOVEC_BYTES;
      this.#point(header + MSG_NAME, this.receiveNames + i * NAME_BYTES);
      this.#point(header + MSG_IOV, piece);
      this.#set(header + MSG_IOVLEN, 1);
      this.#point(header + MSG_CONTROL, this.receiveControls + i * CONTROL_BYTES);
      this.#point(piece, this.slots + i * this.slotStride);
      this.#set(piece + 8, slotBytes);
      this.rearm(i);
    }
    for (let i = 0; i < SEND_SLOTS; i++) {
      const header = this.sendHeaders + i * MMSGHDR_BYTES;
      const control = this.sendControls + i * SEND_CONTROL_BYTES;
      this.#point(header + MSG_NAME, this.sendNames + i * NAME_BYTES);
      this.#point(header + MSG_CONTROL, control);
      this.#set(control, SEGMENT_CMSG_LENGTH);
      this.#set(control + CMSG_LEVEL, SOL_UDP);
      this.#set(control + CMSG_TYPE, UDP_SEGMENT);
    }
    for (let i = 0; i < ERROR_SLOTS; i++) {
      const header = this.errorHeaders + i * MMSGHDR_BYTES;
      this.#point(header + MSG_CONTROL, this.errorControls + i * CONTROL_BYTES);
      this.rearmError(i);
    }
  }

  /** The address of what lies at byte `offset`. */
  address(offset: number): number {
    return this.#base + offset;
  }

  /** Gives receive header `i` back its capacities, which the kernel overwrites. */
  rearm(i: number): void {
    const word = (this.receiveHeaders + i * MMSGHDR_BYTES) >>> 2;
    this.words[word + MSG_NAMELEN / 4] = SOCKADDR_IN6_BYTES;
    this.words[word + MSG_CONTROLLEN / 4] = CONTROL_BYTES;
  }

  rearmError(i: number): void {
    this.#set(this.errorHeaders + i * MMSGHDR_BYTES + MSG_CONTROLLEN, CONTROL_BYTES);
  }

  /** Starts message `i` to send: its pieces from `piece`, to nobody yet, without control. */
  startMessage(i: number, piece: number): void {
    const header = this.sendHeaders + i * MMSGHDR_BYTES;
    this.#point(header + MSG_IOV, this.sendPieces + piece * IOVEC_BYTES);
    const word = header >>> 2;
    this.words[word + MSG_NAMELEN / 4] = 0;
    this.words[word + MSG_IOVLEN / 4] = 1;
    this.words[word + MSG_CONTROLLEN / 4] = 0;
  }

  /** Addresses message `i`. @param words of a sockaddr of `length` bytes. */
  nameMessage(i: number, words: Int32Array, length: number): void {
    const name = (this.sendNames + i * NAME_BYTES) >>> 2;
    for (let k = 0; k < length >>> 2; k++) this.signed[name + k] = words[k] as number;
    this.words[(this.sendHeaders + i * MMSGHDR_BYTES + MSG_NAMELEN) >>> 2] = length;
  }

  /** Makes message `i` a train of datagrams of `segment` bytes. */
  segmentMessage(i: number, segment: number): void {
    this.words[(this.sendHeaders + i * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2] = SEGMENT_CONTROL_BYTES;
    this.words[(this.sendControls + i * SEND_CONTROL_BYTES + CMSG_DATA) >>> 2] = segment;
  }

  /** Sets piece `piece` to the bytes at `offset`. */
  setPiece(piece: number, offset: number, length: number): void {
    const at = this.sendPieces + piece * IOVEC_BYTES;
    this.#point(at, offset);
    this.words[(at >>> 2) + 2] = length;
  }

  #reserve(bytes: number): number {
    const at = this.#size;
    this.#size = align(at + bytes);
    return at;
  }

  #point(at: number, offset: number): void {
    const address = this.#base + offset;
    this.words[at >>> 2] = address % 2 ** 32;
    this.words[(at >>> 2) + 1] = Math.floor(address / 2 ** 32);
  }

  #set(at: number, value: number): void {
    this.words[at >>> 2] = value;
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
