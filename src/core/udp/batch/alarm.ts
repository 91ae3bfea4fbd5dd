/**
 * Wakes a thread that sleeps in epoll at an instant, where the time-out of epoll_wait only knows whole milliseconds: a timerfd(2) on
 * CLOCK_MONOTONIC, which is the clock of `nowNs`. Watched edge-triggered it need not be read: setting it anew forgets what expired.
 */
import { CLOCK_MONOTONIC, ITIMERSPEC_BYTES, ITIMERSPEC_VALUE, TFD_CLOEXEC, TFD_NONBLOCK, TFD_TIMER_ABSTIME } from './layout.ts';
import type { Libc } from './libc.ts';
import type { PacketMemory } from './memory.ts';

const NS_PER_SECOND = 1e9;

export class Alarm {
  /** Below 0 when there is none: then {@link Libc.errno} says why. */
  readonly fd: number;
  readonly #libc: Libc;
  readonly #memory: PacketMemory;
  #atNs = Number.NaN;

  constructor(libc: Libc, memory: PacketMemory) {
    this.#libc = libc;
    this.#memory = memory;
    this.fd = libc.timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  }

  /** @param atNs above 0. One that is past already goes off at once. */
  set(atNs: number): void {
    if (atNs === this.#atNs) return;
    this.#atNs = atNs;
    const { scratch, words } = this.#memory;
    const seconds = Math.floor(atNs / NS_PER_SECOND);
    words.fill(0, scratch >>> 2, (scratch + ITIMERSPEC_BYTES) >>> 2);
    const value = (scratch + ITIMERSPEC_VALUE) >>> 2;
    words[value] = seconds;
    // All zeros would switch it off.
    words[value + 2] = Math.max(1, Math.floor(atNs - seconds * NS_PER_SECOND));
    this.#libc.timerfd_settime(this.fd, TFD_TIMER_ABSTIME, this.#memory.address(scratch), 0);
  }

  /** It went off. Whoever finds that it did so a moment too early, by the difference of two clock readings, sets it again. */
  rang(): void {
    this.#atNs = Number.NaN;
  }

  close(): void {
    this.#libc.close(this.fd);
  }
}
