/** Things to be done later, by an injected clock. Pure. */
import { TimerQueue } from './timer-queue.ts';
import type { Timed } from './timer-queue.ts';

export interface Timer {
  /** It will not be done. May be called at any time, and twice. */
  cancel(): void;
}

export class Scheduler {
  readonly #queue = new TimerQueue<Entry>();

  at(dueMs: number, run: (nowMs: number) => void): Timer {
    const entry = new Entry(this.#queue, run);
    this.#queue.schedule(entry, dueMs);
    return entry;
  }

  /** When {@link tick} has something to do next; Infinity when never. */
  get dueMs(): number {
    return this.#queue.dueMs;
  }

  /** Does what is due, and what that brings due. */
  tick(nowMs: number): void {
    for (let entry = this.#queue.takeDue(nowMs); entry !== undefined; entry = this.#queue.takeDue(nowMs)) entry.run(nowMs);
  }
}

class Entry implements Timed, Timer {
  dueMs = 0;
  queueIndex = -1;
  readonly run: (nowMs: number) => void;
  readonly #queue: TimerQueue<Entry>;

  constructor(queue: TimerQueue<Entry>, run: (nowMs: number) => void) {
    this.#queue = queue;
    this.run = run;
  }

  cancel(): void {
    this.#queue.cancel(this);
  }
}
