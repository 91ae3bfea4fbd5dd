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
/** What half of an address can tell apart. */
const HALF: number = 2 ** 32;

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
  /** The lower half of the base. The upper half is the same for all that lies in the memory. */
  readonly #low: number;
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
    this.bytes = within4GiB(libc, this.#size);
    this.words = new Uint32Array(this.bytes.buffer);
    this.signed = new Int32Array(this.bytes.buffer);
    this.#base = libc.addressOf(this.bytes);
    this.#low = (this.#base % HALF) | 0;
    const high = Math.floor(this.#base / HALF);
    const point = (at: number, offset: number): void => {
      this.#point(at, offset);
      this.words[(at >>> 2) + 1] = high;
    };
    for (let i = 0; i < RECEIVE_SLOTS; i++) {
      const header = this.receiveHeaders + i * MMSGHDR_BYTES;
      const piece = receivePieces + i * IOVEC_BYTES;
      point(header + MSG_NAME, this.receiveNames + i * NAME_BYTES);
      point(header + MSG_IOV, piece);
      this.#set(header + MSG_IOVLEN, 1);
      point(header + MSG_CONTROL, this.receiveControls + i * CONTROL_BYTES);
      point(piece, this.slots + i * this.slotStride);
      this.#set(piece + 8, slotBytes);
      this.rearm(i);
    }
    for (let i = 0; i < SEND_SLOTS; i++) {
      const header = this.sendHeaders + i * MMSGHDR_BYTES;
      const control = this.sendControls + i * SEND_CONTROL_BYTES;
      point(header + MSG_NAME, this.sendNames + i * NAME_BYTES);
      point(header + MSG_IOV, this.sendPieces);
      point(header + MSG_CONTROL, control);
      this.#set(control, SEGMENT_CMSG_LENGTH);
      this.#set(control + CMSG_LEVEL, SOL_UDP);
      this.#set(control + CMSG_TYPE, UDP_SEGMENT);
    }
    for (let i = 0; i < SEND_PIECES; i++) point(this.sendPieces + i * IOVEC_BYTES, this.slots);
    for (let i = 0; i < ERROR_SLOTS; i++) {
      const header = this.errorHeaders + i * MMSGHDR_BYTES;
      point(header + MSG_CONTROL, this.errorControls + i * CONTROL_BYTES);
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
    const name = this.sendNames + i * NAME_BYTES;
    for (let k = 0; k < length >>> 2; k++) this.signed[(name >>> 2) + k] = words[k] as number;
    this.referMessage(i, name, length);
  }

  /** Addresses message `i` by the sockaddr of `length` bytes at byte `name`, which has to stay there. */
  referMessage(i: number, name: number, length: number): void {
    const header = this.sendHeaders + i * MMSGHDR_BYTES;
    this.#point(header + MSG_NAME, name);
    this.words[(header + MSG_NAMELEN) >>> 2] = length;
  }

  /** Whether message `i` goes to that sockaddr; a `length` of 0 is that of a connected socket. */
  isNamed(i: number, words: Int32Array, at: number, length: number): boolean {
    const { signed } = this;
    const header = (this.sendHeaders + i * MMSGHDR_BYTES) >>> 2;
    if (signed[header + MSG_NAMELEN / 4] !== length) return false;
    const name = (((signed[header + MSG_NAME / 4] as number) - this.#low) | 0) >>> 2;
    for (let k = 0; k < length >>> 2; k++) if (signed[name + k] !== words[at + k]) return false;
    return true;
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

  /** Byte offset of what piece `piece` is of. */
  pieceOffset(piece: number): number {
    return ((this.signed[(this.sendPieces + piece * IOVEC_BYTES) >>> 2] as number) - this.#low) | 0;
  }

  pieceLength(piece: number): number {
    return this.signed[((this.sendPieces + piece * IOVEC_BYTES) >>> 2) + 2] as number;
  }

  #reserve(bytes: number): number {
    const at = this.#size;
    this.#size = align(at + bytes);
    return at;
  }

  /** Of a pointer that has its upper half. */
  #point(at: number, offset: number): void {
    this.signed[at >>> 2] = (this.#low + offset) | 0;
  }

  #set(at: number, value: number): void {
    this.words[at >>> 2] = value;
  }
}

/** Memory whose addresses all have the same upper half, so that nothing but the lower half is ever written again. */
function within4GiB(libc: Libc, size: number): Uint8Array<ArrayBuffer> {
  for (const passed: Uint8Array[] = []; ;) {
    const bytes = new Uint8Array(size);
    const base = libc.addressOf(bytes);
    if (Math.floor(base / HALF) === Math.floor((base + size - 1) / HALF)) return bytes;
    // Held until another is found: it would be given again.
    passed.push(bytes);
  }
}

function align(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
