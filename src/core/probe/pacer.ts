/**
 * Wakes its owner at absolute deadlines. A timer of Node is a millisecond wide, so it carries only to shortly before the
 * deadline; from there every turn of the event loop looks at the clock, and what arrives meanwhile is taken in at once. That
 * costs one or two milliseconds of processor time a deadline, and brings the send error from about 400 µs to some tens.
 */
const TIMER_STEP_NS = 1e6;
/** Timers are a millisecond late at worst on a quiet host; with the rounding of the delay that makes two. */
const SPIN_FROM_NS = 2e6;

export interface PacerOptions {
  readonly nowNs: () => number;
  /** Called when the deadline has come; answers with the next one, or with null when there is none. A deadline in the past is due at once. */
  readonly due: (nowNs: number) => number | null;
}

export class Pacer {
  readonly #options: PacerOptions;
  #deadlineNs = 0;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;

  constructor(options: PacerOptions) {
    this.#options = options;
  }

  /** @param firstNs the first deadline, on the clock of `nowNs`. */
  start(firstNs: number): void {
    this.#deadlineNs = firstNs;
    this.#sleep(this.#options.nowNs());
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
  }

  #sleep(nowNs: number): void {
    const leftNs = this.#deadlineNs - nowNs;
    if (leftNs > SPIN_FROM_NS) {
      this.#timer = setTimeout(this.#wake, Math.max(1, Math.floor((leftNs - SPIN_FROM_NS) / TIMER_STEP_NS)));
    } else this.#immediate = setImmediate(this.#wake);
  }

  readonly #wake = (): void => {
    this.#timer = undefined;
    this.#immediate = undefined;
    const nowNs = this.#options.nowNs();
    if (nowNs < this.#deadlineNs) {
      this.#sleep(nowNs);
      return;
    }
    const next = this.#options.due(nowNs);
    if (next === null) return;
    this.#deadlineNs = next;
    this.#sleep(this.#options.nowNs());
  };
}
