/** A response that is sent again and again until the peer acknowledges it (RFC 3261 §13.3.1.4, RFC 3262 §3). Pure. */
import type { Scheduler, Timer } from './scheduler.ts';

/** RFC 3261 §17.1.1.1. */
const T1_MS = 500;
export const T2_MS = 4000;
const GIVE_UP_MS = 64 * T1_MS;

export interface RepetitionOptions {
  readonly send: (nowMs: number) => void;
  /** The interval doubles up to it. */
  readonly mostMs: number;
  /** Nobody has acknowledged it within 64·T1. */
  readonly giveUp: (nowMs: number) => void;
}

export class Repetition {
  /** CSeq of its INVITE, or RSeq of a reliable provisional. */
  readonly number: number;
  readonly #scheduler: Scheduler;
  readonly #options: RepetitionOptions;
  readonly #untilMs: number;
  #intervalMs = T1_MS;
  #dueMs: number;
  #timer: Timer;

  /** It was sent for the first time at `nowMs`. */
  constructor(scheduler: Scheduler, number: number, options: RepetitionOptions, nowMs: number) {
    this.number = number;
    this.#scheduler = scheduler;
    this.#options = options;
    this.#untilMs = nowMs + GIVE_UP_MS;
    this.#dueMs = nowMs + T1_MS;
    this.#timer = this.#next();
  }

  /** It was acknowledged, or nobody is interested any more. */
  cancel(): void {
    this.#timer.cancel();
  }

  #next(): Timer {
    return this.#scheduler.at(this.#dueMs, (nowMs) => this.#again(nowMs));
  }

  #again(nowMs: number): void {
    if (nowMs >= this.#untilMs) {
      this.#options.giveUp(nowMs);
      return;
    }
    this.#options.send(nowMs);
    this.#intervalMs = Math.min(2 * this.#intervalMs, this.#options.mostMs);
    // Counted from when it was due, so that lateness does not add up.
    this.#dueMs = Math.min(this.#dueMs + this.#intervalMs, this.#untilMs);
    this.#timer = this.#next();
  }
}
