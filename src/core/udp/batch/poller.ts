/** What a batch engine sleeps on: an epoll of its sockets, and in a thread of its own the doorbell and the alarm. */
import { RtplatError } from '../../errors.ts';
import { Alarm } from './alarm.ts';
import {
  EFD_CLOEXEC,
  EFD_NONBLOCK,
  EPOLL_CLOEXEC,
  EPOLL_CTL_ADD,
  EPOLL_EVENT_BYTES,
  EPOLL_EVENT_DATA,
  EPOLLET,
  EPOLLIN,
  errnoName,
} from './layout.ts';
import type { Libc, WatchHandle } from './libc.ts';
import { EPOLL_EVENTS } from './memory.ts';
import type { PacketMemory } from './memory.ts';

/** epoll's names for the doorbell and the alarm; sockets have theirs from 0. */
const DOORBELL = 0xffff_ffff;
const ALARM = 0xffff_fffe;

export class Poller {
  readonly #libc: Libc;
  readonly #memory: PacketMemory;
  /** Called by the event loop; undefined in a thread of its own. */
  readonly #readable: (() => void) | undefined;
  #epoll = -1;
  #doorbell = -1;
  #doorbellLent = false;
  #alarm: Alarm | undefined;
  #watch: WatchHandle | undefined;

  /** @param readable called by the event loop when something can be read; without it there is a doorbell instead. */
  constructor(libc: Libc, memory: PacketMemory, readable: (() => void) | undefined) {
    this.#libc = libc;
    this.#memory = memory;
    this.#readable = readable;
  }

  get isOpen(): boolean {
    return this.#epoll >= 0;
  }

  /** @throws RtplatError `bind` when there are no more files. */
  open(): void {
    if (this.isOpen) return;
    this.#epoll = this.#descriptor(this.#libc.epoll_create1(EPOLL_CLOEXEC));
    if (this.#readable === undefined) {
      this.#doorbell = this.#descriptor(this.#libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
      this.add(this.#doorbell, DOORBELL);
    } else this.#watch = this.#libc.watch(this.#epoll, this.#readable);
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#alarm?.close();
    this.#alarm = undefined;
    if (this.#epoll >= 0) this.#libc.close(this.#epoll);
    // One that was lent may be rung at this moment: closed here, its number could be another file by then.
    if (this.#doorbell >= 0 && !this.#doorbellLent) this.#libc.close(this.#doorbell);
    this.#epoll = -1;
    this.#doorbell = -1;
  }

  /** Writing 8 bytes, a little-endian 1, to it ends a {@link wait}. Whoever asked for it closes it. */
  lendDoorbell(): number {
    this.#doorbellLent = true;
    return this.#doorbell;
  }

  /** Ends a {@link wait} at that time. @param atNs monotonic. */
  setAlarm(atNs: number): void {
    if (this.#alarm === undefined) {
      const alarm = new Alarm(this.#libc, this.#memory);
      this.add(this.#descriptor(alarm.fd), ALARM);
      this.#alarm = alarm;
    }
    this.#alarm.set(atNs);
  }

  /** @param name what {@link nameAt} says of it. @returns less than 0 when the kernel refuses. */
  add(fd: number, name: number): number {
    const { scratch, words } = this.#memory;
    words[scratch >>> 2] = EPOLLIN | EPOLLET;
    words[(scratch + EPOLL_EVENT_DATA) >>> 2] = name;
    return this.#libc.epoll_ctl(this.#epoll, EPOLL_CTL_ADD, fd, this.#memory.address(scratch));
  }

  /** @returns how many have something; less than 1 when none has. */
  wait(timeoutMs: number): number {
    return this.#libc.epoll_wait(this.#epoll, this.#memory.address(this.#memory.events), EPOLL_EVENTS, timeoutMs);
  }

  /** The name of the i-th of those; −1 when it is none that was {@link add}ed by others. */
  nameAt(i: number): number {
    const { events, words } = this.#memory;
    const name = words[(events + i * EPOLL_EVENT_BYTES + EPOLL_EVENT_DATA) >>> 2] as number;
    if (name < ALARM) return name;
    if (name === DOORBELL) this.#libc.read(this.#doorbell, this.#memory.address(this.#memory.scratch), 8);
    else this.#alarm?.rang();
    return -1;
  }

  #descriptor(fd: number): number {
    if (fd >= 0) return fd;
    const code = errnoName(this.#libc.errno());
    this.close();
    throw new RtplatError('bind', `cannot wait for packets: ${code}`, {
      hint: 'each socket and each engine is a file or two: raise ulimit -n',
    });
  }
}
