/** One thread that keeps the deadlines of many probes which begin and end at different times: the calls of a load. */
import { Worker } from 'node:worker_threads';
import { announce } from './pacer.ts';
import type { PacerOptions, Pacing } from './pacer.ts';
import type { PacerMemory } from './pacer-memory.ts';
import type { PoolMessage, PoolNews } from './pacer-pool-thread.ts';

export class PacerPool {
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #worker: Worker;
  readonly #pacings = new Map<number, PooledPacing>();
  readonly #up = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<Error | undefined>();
  #serial = 0;

  constructor() {
    // Beside this file, as a source or built.
    const file = new URL(import.meta.url.endsWith('.ts') ? './pacer-pool-thread.ts' : './pacer-pool-thread.js', import.meta.url);
    this.#worker = new Worker(file, { workerData: this.#bell.buffer });
    this.#worker.on('message', (news: PoolNews) => {
      if (news.kind === 'up') this.#up.resolve();
      else this.#pacings.get(news.id)?.over(undefined);
    });
    this.#worker.once('error', (error) => this.#ended.resolve(error instanceof Error ? error : new Error(String(error))));
    this.#worker.once('exit', () => this.#ended.resolve(undefined));
    this.#up.promise.catch(() => undefined);
    void this.#seeToTheEnd();
  }

  /** Settles when the thread runs. Rejects when it ended before. */
  up(): Promise<void> {
    return this.#up.promise;
  }

  /** The deadlines of one probe. */
  add({ options, memory, due }: PacerOptions): Pacing {
    const id = this.#serial++;
    const pacing = new PooledPacing({
      memory,
      due,
      up: this.#up.promise,
      ring: () => this.#ring(),
      gone: () => this.#pacings.delete(id),
    });
    this.#pacings.set(id, pacing);
    this.#tell({ kind: 'add', id, options, memory: memory.buffer, sends: due === undefined });
    return pacing;
  }

  /** The thread is gone when it has settled, and with it all that it kept. */
  async close(): Promise<void> {
    this.#tell({ kind: 'close' });
    await this.#ended.promise;
  }

  #tell(message: PoolMessage): void {
    this.#worker.postMessage(message, []);
    this.#ring();
  }

  #ring(): void {
    Atomics.add(this.#bell, 0, 1);
    Atomics.notify(this.#bell, 0);
  }

  async #seeToTheEnd(): Promise<void> {
    const error = await this.#ended.promise;
    this.#up.reject(error ?? new Error('the pacing thread ended before it was up'));
    for (const pacing of this.#pacings.values()) pacing.over(error);
  }
}

interface PooledParts {
  readonly memory: PacerMemory;
  readonly due: (() => void) | undefined;
  readonly up: Promise<void>;
  readonly ring: () => void;
  readonly gone: () => void;
}

class PooledPacing implements Pacing {
  readonly ended: Promise<Error | undefined>;
  readonly #parts: PooledParts;
  readonly #over = Promise.withResolvers<Error | undefined>();
  #stopped = false;

  constructor(parts: PooledParts) {
    this.#parts = parts;
    this.ended = this.#over.promise;
  }

  up(): Promise<void> {
    return this.#parts.up;
  }

  start(startNs: number): void {
    const { memory, due, ring } = this.#parts;
    memory.start(startNs);
    ring();
    if (due !== undefined) void announce(memory, due, () => this.#stopped);
  }

  async stop(): Promise<void> {
    this.#parts.memory.stop();
    this.#parts.ring();
    await this.ended;
  }

  /** The thread has nothing more to do with it. */
  over(error: Error | undefined): void {
    this.#stopped = true;
    this.#parts.gone();
    this.#over.resolve(error);
  }
}
