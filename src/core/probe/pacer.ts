/** The main thread's end of the thread that keeps a probe's deadlines. */
import { Worker } from 'node:worker_threads';
import type { PacerMemory } from './pacer-memory.ts';
import type { PacerTask } from './pacer-thread.ts';
import type { ProbeOptions } from './result.ts';

export interface PacerOptions {
  readonly options: ProbeOptions;
  /** For these options. */
  readonly memory: PacerMemory;
  /** Called when packets are due for the main thread to send; without it the thread sends, through {@link PacerMemory.fds}. */
  readonly due?: () => void;
}

/** Keeps the deadlines of one probe. */
export interface Pacing {
  /** Settles when it has ended: with undefined when it was done or told to stop, else with what ended it. */
  readonly ended: Promise<Error | undefined>;
  /** Settles when it is ready to start. Rejects when it ended before. */
  up(): Promise<void>;
  /** @param startNs when the first packet is due, on the clock that all threads share. */
  start(startNs: number): void;
  /** No packet is sent after it has settled. May be called at any time, and twice. */
  stop(): Promise<void>;
}

/** A thread for one probe. */
export class Pacer implements Pacing {
  readonly ended: Promise<Error | undefined>;
  readonly #memory: PacerMemory;
  readonly #up = Promise.withResolvers<void>();
  readonly #due: (() => void) | undefined;
  #stopped = false;

  /** Starts the thread, which then waits for {@link start}. */
  constructor({ options, memory, due }: PacerOptions) {
    this.#memory = memory;
    this.#due = due;
    const task: PacerTask = { options, memory: memory.buffer, sends: due === undefined };
    // Beside this file, as a source or built.
    const file = new URL(import.meta.url.endsWith('.ts') ? './pacer-thread.ts' : './pacer-thread.js', import.meta.url);
    const worker = new Worker(file, { workerData: task });
    worker.once('message', () => this.#up.resolve());
    this.ended = new Promise((resolve) => {
      worker.once('error', (error) => resolve(error instanceof Error ? error : new Error(String(error))));
      worker.once('exit', () => resolve(undefined));
    });
    // Whoever waits for it hears of it; nobody has to.
    this.#up.promise.catch(() => undefined);
    void this.#seeToTheEnd();
  }

  async up(): Promise<void> {
    await this.#up.promise;
  }

  start(startNs: number): void {
    this.#memory.start(startNs);
    if (this.#due !== undefined) void announce(this.#memory, this.#due, () => this.#stopped);
  }

  /** The thread is gone when it has settled. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#memory.stop();
    await this.ended;
  }

  async #seeToTheEnd(): Promise<void> {
    const error = await this.ended;
    this.#stopped = true;
    this.#up.reject(error ?? new Error('the pacing thread ended before it was up'));
  }
}

/** Calls `due` whenever packets were announced, until it has `stopped`. */
export async function announce(memory: PacerMemory, due: () => void, stopped: () => boolean): Promise<void> {
  for (let heard = 0; !stopped();) {
    await memory.awaitAnnounced(heard);
    heard += memory.announcedBeyond(heard);
    due();
  }
}
