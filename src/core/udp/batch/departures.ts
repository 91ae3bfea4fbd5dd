/**
 * When the datagrams of one socket left, by the kernel (SO_TIMESTAMPING, `Documentation/networking/timestamping.rst`). The stamp is
 * the one taken as a message enters the packet scheduler (SOF_TIMESTAMPING_TX_SCHED): by then our own process is done with it,
 * and what a queue of this host adds after that is part of the way. It is made within the send call, so that it can be read
 * from the error queue at once; the kernel numbers messages from 0 (OPT_ID) and returns no payload (OPT_TSONLY).
 */
import type { KernelClock } from './clock.ts';
import {
  CMSG_DATA,
  CMSG_LEVEL,
  CMSG_TYPE,
  EE_DATA,
  EE_ORIGIN,
  EE_ORIGIN_TIMESTAMPING,
  IP_RECVERR,
  IPV6_RECVERR,
  MMSGHDR_BYTES,
  MSG_CONTROLLEN,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  SO_TIMESTAMPING,
  SOF_OPT_ID,
  SOF_OPT_TSONLY,
  SOF_RX_SOFTWARE,
  SOF_SOFTWARE,
  SOF_TX_SCHED,
  SOL_IP,
  SOL_IPV6,
  SOL_SOCKET,
} from './layout.ts';
import type { Libc } from './libc.ts';
import { CONTROL_BYTES, ERROR_SLOTS, SEND_SLOTS } from './memory.ts';
import type { PacketMemory } from './memory.ts';

const FLAGS = SOF_TX_SCHED | SOF_SOFTWARE | SOF_RX_SOFTWARE | SOF_OPT_ID | SOF_OPT_TSONLY;

function ignore(): void {
  // A stamp that nobody waits for.
}

export class Departures {
  /** Datagrams that left without a stamp of the kernel. */
  unstamped = 0;
  readonly #libc: Libc;
  readonly #memory: PacketMemory;
  readonly #clock: KernelClock;
  readonly #stamps = new Float64Array(SEND_SLOTS);
  /** The kernel's number of the message that it takes next. */
  #next = 0;
  #wanted = 0;
  #departed: (id: number, atNs: number) => void = () => undefined;

  private constructor(libc: Libc, memory: PacketMemory, clock: KernelClock) {
    this.#libc = libc;
    this.#memory = memory;
    this.#clock = clock;
  }

  /** @returns undefined where the kernel gives no such stamps. */
  static of(libc: Libc, memory: PacketMemory, clock: KernelClock, fd: number): Departures | undefined {
    const departures = new Departures(libc, memory, clock);
    return departures.#ask(fd, FLAGS) ? departures : undefined;
  }

  /**
   * @param count of messages that the kernel has just taken.
   * @returns when each left, ns; NaN where the stamp is missing. Reused by the next call.
   */
  collect(fd: number, count: number): Float64Array {
    this.#stamps.fill(Number.NaN, 0, count);
    this.#wanted = count;
    this.read(fd, this.#keep);
    this.#next = (this.#next + count) >>> 0;
    return this.#stamps;
  }

  readonly #keep = (id: number, seconds: number, nanoseconds: number): void => {
    const i = (id - this.#next) >>> 0;
    if (i < this.#wanted) this.#stamps[i] = this.#clock.monotonic(seconds, nanoseconds);
  };

  /**
   * Hands out the stamps of datagrams that somebody else sent through `fd`.
   *
   * @param departed told the kernel's number of each and when it left, ns; NaN where its stamp cannot be relied on.
   */
  drain(fd: number, departed: (id: number, atNs: number) => void): void {
    this.#departed = departed;
    this.read(fd, this.#handOut);
  }

  readonly #handOut = (id: number, seconds: number, nanoseconds: number): void => {
    this.#departed(id, this.#clock.monotonic(seconds, nanoseconds));
  };

  /** Hands out all stamps on the error queue of `fd`. Other errors there are dropped: the socket has them pending as well. */
  read(fd: number, stamp: (id: number, seconds: number, nanoseconds: number) => void): void {
    const { errorHeaders, words } = this.#memory;
    for (;;) {
      const count = this.#libc.recvmmsg(fd, this.#memory.address(errorHeaders), ERROR_SLOTS, MSG_ERRQUEUE | MSG_DONTWAIT, 0);
      // A stamp is compared with a reading of the clock that is later than it is.
      if (count > 0) this.#clock.read();
      for (let i = 0; i < count; i++) {
        const controlLength = words[(errorHeaders + i * MMSGHDR_BYTES + MSG_CONTROLLEN) >>> 2] as number;
        this.#parse(this.#memory.errorControls + i * CONTROL_BYTES, controlLength, stamp);
        this.#memory.rearmError(i);
      }
      if (count < ERROR_SLOTS) return;
    }
  }

  /** Numbers messages from 0 again, when it is not certain which number comes next. */
  restart(fd: number): void {
    // The numbers start anew when the kernel is asked for them after it was not.
    this.#ask(fd, FLAGS & ~SOF_OPT_ID);
    this.#ask(fd, FLAGS);
    this.#next = 0;
    // What is still there has old numbers.
    this.read(fd, ignore);
  }

  #parse(control: number, length: number, stamp: (id: number, seconds: number, nanoseconds: number) => void): void {
    const { words, bytes } = this.#memory;
    let seconds = -1;
    let nanoseconds = 0;
    let id = -1;
    for (let at = control; at + CMSG_DATA <= control + length;) {
      const size = words[at >>> 2] as number;
      if (size < CMSG_DATA) break;
      const level = words[(at + CMSG_LEVEL) >>> 2] as number;
      const type = words[(at + CMSG_TYPE) >>> 2] as number;
      const data = (at + CMSG_DATA) >>> 2;
      if (level === SOL_SOCKET && type === SO_TIMESTAMPING) {
        seconds = (words[data] as number) + (words[data + 1] as number) * 2 ** 32;
        nanoseconds = words[data + 2] as number;
      } else if ((level === SOL_IP && type === IP_RECVERR) || (level === SOL_IPV6 && type === IPV6_RECVERR)) {
        if (bytes[at + CMSG_DATA + EE_ORIGIN] === EE_ORIGIN_TIMESTAMPING) id = words[data + EE_DATA / 4] as number;
      }
      at += (size + 7) & ~7;
    }
    if (id >= 0 && seconds >= 0) stamp(id, seconds, nanoseconds);
  }

  #ask(fd: number, flags: number): boolean {
    const { scratch, words } = this.#memory;
    words[scratch >>> 2] = flags;
    return this.#libc.setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPING, this.#memory.address(scratch), 4) === 0;
  }
}
