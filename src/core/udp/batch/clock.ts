/**
 * Brings the kernel's packet stamps, which are CLOCK_REALTIME, onto the monotonic clock. Both clocks are read whenever packets are:
 * adjusting the time (at most 500 ppm) is followed, and a step of the clock is noticed before it can pass for a latency.
 */
import { nowNs } from '../clock.ts';
import { CLOCK_REALTIME } from './layout.ts';
import type { Libc } from './libc.ts';

const NS_PER_SECOND = 1e9;
/** The two readings around the third are this close unless we were interrupted. */
const TIGHT_NS = 3_000;
const TRIES = 3;
/** A difference beyond what reading and adjusting explain is a step. */
const NOISE_NS = 20_000;
const ADJUSTMENT = 600e-6;
/** After a step, stamps from before it may still be on their way. */
const DISTRUST_NS = 200e6;
/** A stamp may lie this far in the future by the error of the readings, and be this old. */
const FUTURE_NS = 20_000;
const OLDEST_NS = 30 * NS_PER_SECOND;

export class KernelClock {
  readonly #libc: Libc;
  readonly #timespec = new Uint32Array(4);
  readonly #address: number;
  /** Seconds of CLOCK_REALTIME that stamps are counted from, to stay exact in a double. */
  readonly #epoch: number;
  #offsetNs = Number.NaN;
  #offsetAtNs = 0;
  #distrustUntilNs = Number.NEGATIVE_INFINITY;
  #readNs = 0;
  #steps = 0;

  constructor(libc: Libc) {
    this.#libc = libc;
    this.#address = libc.addressOf(new Uint8Array(this.#timespec.buffer));
    libc.clock_gettime(CLOCK_REALTIME, this.#address);
    this.#epoch = this.#seconds();
    this.read();
  }

  /** Reads both clocks. @returns the monotonic time, ns; kept as {@link readNs}. */
  read(): number {
    for (let i = 0; i < TRIES; i++) {
      const before = nowNs();
      this.#libc.clock_gettime(CLOCK_REALTIME, this.#address);
      const after = nowNs();
      this.#readNs = after;
      if (after - before > TIGHT_NS) continue;
      this.#compare((this.#seconds() - this.#epoch) * NS_PER_SECOND + (this.#timespec[2] as number) - (before + after) / 2, after);
      break;
    }
    return this.#readNs;
  }

  /** When {@link read} was called last. */
  get readNs(): number {
    return this.#readNs;
  }

  /** Steps of the wall clock noticed so far. */
  get steps(): number {
    return this.#steps;
  }

  /**
   * @param seconds of the stamp, CLOCK_REALTIME.
   * @returns the stamp on the monotonic clock, ns; NaN when it cannot be relied on.
   */
  monotonic(seconds: number, nanoseconds: number): number {
    const atNs = (seconds - this.#epoch) * NS_PER_SECOND + nanoseconds - this.#offsetNs;
    const ageNs = this.#readNs - atNs;
    if (ageNs >= 0 && ageNs < OLDEST_NS && this.#readNs > this.#distrustUntilNs) return atNs;
    return ageNs < 0 && ageNs > -FUTURE_NS && this.#readNs > this.#distrustUntilNs ? this.#readNs : Number.NaN;
  }

  #seconds(): number {
    return (this.#timespec[0] as number) + (this.#timespec[1] as number) * 2 ** 32;
  }

  #compare(offsetNs: number, atNs: number): void {
    const allowedNs = NOISE_NS + (atNs - this.#offsetAtNs) * ADJUSTMENT;
    if (Math.abs(offsetNs - this.#offsetNs) > allowedNs) {
      this.#steps += 1;
      this.#distrustUntilNs = atNs + DISTRUST_NS;
    }
    this.#offsetNs = offsetNs;
    this.#offsetAtNs = atNs;
  }
}
