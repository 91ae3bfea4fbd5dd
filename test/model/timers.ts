/**
 * The timers of the program under test: `setTimeout` of the whole process keeps them here, and the model says when which one is due.
 * The model itself goes on by `setImmediate`, which stays the real one.
 */

export class ModelTimer {
  readonly ms: number;
  readonly due: () => void;
  pending = true;

  constructor(ms: number, due: () => void) {
    this.ms = ms;
    this.due = due;
  }
}

/** Where timers go that are started now; undefined when nobody may start one. */
let sink: ModelTimer[] | undefined;

/** Timers that are started from now on go here. */
export function collectTimers(into: ModelTimer[] | undefined): void {
  sink = into;
}

/** For good: this process is the model's. */
export function takeTimers(): void {
  const start = (due: () => void, ms = 0): ModelTimer => {
    if (sink === undefined) throw new Error('a timer was started by a program that is dead');
    const timer = new ModelTimer(ms, due);
    sink.push(timer);
    return timer;
  };
  const clear = (timer: unknown): void => {
    if (timer instanceof ModelTimer) timer.pending = false;
  };
  Object.assign(globalThis, { setTimeout: start, clearTimeout: clear });
}

/** Settles when everything has gone on that needs nothing from outside. */
export async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
