/**
 * What the pacing thread and the main thread share. The thread announces every packet here before it sends it, so that no echo
 * can arrive of a packet that the main thread does not know.
 */

/** Words of the control block. */
const STATE = 0;
/** Packets announced, modulo 2^32. */
const ANNOUNCED = 1;
/** Of those, packets that the main thread has taken note of, modulo 2^32. */
const TAKEN = 2;
/** Packets that the kernel refused, of all streams, and why it did so last. */
const REFUSED = 3;
const LAST_ERRNO = 4;
/** Sends that met the report of an earlier datagram's fate: ICMP port unreachable. */
const UNREACHABLE = 5;
const CONTROL_WORDS = 16;

/** States. */
const WAITING = 0;
const RUNNING = 1;
const STOPPED = 2;

/** A main thread that was held up this long still finds all that was sent meanwhile. */
const STALL_NS = 1e9;
const LEAST_RING = 1_024;
/** 32 MB. */
const MOST_RING = 2 ** 22;

export interface PacerMemoryOptions {
  readonly streams: number;
  /** Between two packets of one stream. */
  readonly intervalNs: number;
}

export class PacerMemory {
  readonly buffer: SharedArrayBuffer;
  /** When the first packet is due. */
  readonly #start: Float64Array;
  readonly #control: Int32Array;
  /** A ring: when each packet that was announced was handed to the kernel, ns. */
  readonly #sentNs: Float64Array;
  /** Descriptor of the socket of each stream. */
  readonly fds: Int32Array;
  /** Packets of each stream that the kernel refused. */
  readonly #refusedOf: Int32Array;
  /** The packet of each stream from which on the kernel's numbers are no longer ours, plus 1; 0 for none. */
  readonly #unnumbered: Int32Array;

  /** @param buffer of the other thread's memory with the same options; a new one is made when it is left out. */
  constructor({ streams, intervalNs }: PacerMemoryOptions, buffer?: SharedArrayBuffer) {
    let ring = LEAST_RING;
    while (ring < MOST_RING && ring < (streams * STALL_NS) / intervalNs) ring *= 2;
    const doubles = 8 * (1 + ring);
    this.buffer = buffer ?? new SharedArrayBuffer(doubles + 4 * (CONTROL_WORDS + 3 * streams));
    this.#start = new Float64Array(this.buffer, 0, 1);
    this.#sentNs = new Float64Array(this.buffer, 8, ring);
    this.#control = new Int32Array(this.buffer, doubles, CONTROL_WORDS);
    const perStream = doubles + 4 * CONTROL_WORDS;
    this.fds = new Int32Array(this.buffer, perStream, streams);
    this.#refusedOf = new Int32Array(this.buffer, perStream + 4 * streams, streams);
    this.#unnumbered = new Int32Array(this.buffer, perStream + 8 * streams, streams);
  }

  /** @param startNs when the first packet is due. */
  start(startNs: number): void {
    this.#start[0] = startNs;
    Atomics.compareExchange(this.#control, STATE, WAITING, RUNNING);
    Atomics.notify(this.#control, STATE);
  }

  /** For good. */
  stop(): void {
    Atomics.store(this.#control, STATE, STOPPED);
    Atomics.notify(this.#control, STATE);
    Atomics.notify(this.#control, ANNOUNCED);
  }

  get running(): boolean {
    return Atomics.load(this.#control, STATE) === RUNNING;
  }

  get stopped(): boolean {
    return Atomics.load(this.#control, STATE) === STOPPED;
  }

  get startNs(): number {
    return this.#start[0] as number;
  }

  /** Sleeps until {@link start} or {@link stop}. */
  awaitStart(): void {
    Atomics.wait(this.#control, STATE, WAITING);
  }

  /** Sleeps so long, or until {@link stop}. */
  sleep(ns: number): void {
    Atomics.wait(this.#control, STATE, RUNNING, ns / 1e6);
  }

  /** Whether packet `n` can be announced: the main thread has taken note of the one whose place it gets. */
  hasRoomFor(n: number): boolean {
    return ((n - Atomics.load(this.#control, TAKEN)) | 0) < this.#sentNs.length;
  }

  /** Packet `n`, the next one, is being handed to the kernel. */
  announceSent(n: number, sentNs: number): void {
    this.#sentNs[n & (this.#sentNs.length - 1)] = sentNs;
    Atomics.store(this.#control, ANNOUNCED, (n + 1) | 0);
  }

  /** Packet `n`, the next one, is to be sent by the main thread. */
  announceDue(n: number): void {
    Atomics.store(this.#control, ANNOUNCED, (n + 1) | 0);
    Atomics.notify(this.#control, ANNOUNCED);
  }

  /** @returns how many packets were announced beyond the first `taken`. */
  announcedBeyond(taken: number): number {
    return (Atomics.load(this.#control, ANNOUNCED) - taken) | 0;
  }

  /** Settles when more than `taken` packets are announced, or the pacing is stopped; true when that is so already. */
  awaitAnnounced(taken: number): Promise<unknown> | true {
    const { async, value } = Atomics.waitAsync(this.#control, ANNOUNCED, taken | 0);
    return async ? value : true;
  }

  /** When packet `n`, which was announced and not yet taken, was handed to the kernel, ns. */
  sentNs(n: number): number {
    return this.#sentNs[n & (this.#sentNs.length - 1)] as number;
  }

  /** Takes note of the first `count` packets: their places may be used again. */
  take(count: number): void {
    Atomics.store(this.#control, TAKEN, count | 0);
  }

  /** The kernel refused a packet of `stream`. */
  refuse(stream: number, errno: number): void {
    Atomics.store(this.#control, LAST_ERRNO, errno);
    Atomics.add(this.#refusedOf, stream, 1);
    Atomics.add(this.#control, REFUSED, 1);
  }

  /** A send met the report that an earlier datagram found nobody. */
  unreachable(): void {
    Atomics.add(this.#control, UNREACHABLE, 1);
  }

  /** A send of packet `index` of `stream` failed, and whether the kernel has numbered it is the kernel's version to know. */
  loseNumbers(stream: number, index: number): void {
    Atomics.compareExchange(this.#unnumbered, stream, 0, index + 1);
  }

  /** Whether the kernel numbers packet `index` of `stream` as we do. */
  isNumbered(stream: number, index: number): boolean {
    const from = Atomics.load(this.#unnumbered, stream);
    return from === 0 || index < from - 1;
  }

  /** Packets that the kernel refused, of all streams. */
  get refused(): number {
    return Atomics.load(this.#control, REFUSED);
  }

  refusedOf(stream: number): number {
    return Atomics.load(this.#refusedOf, stream);
  }

  get lastErrno(): number {
    return Atomics.load(this.#control, LAST_ERRNO);
  }

  get unreachables(): number {
    return Atomics.load(this.#control, UNREACHABLE);
  }
}
