/** The main thread's end of a thread of the demo. */
import { Worker } from 'node:worker_threads';
import { RtplatError } from '../core/errors.ts';
import type { Endpoint } from '../core/udp/engine.ts';
import type { DemoAnswer, DemoRequest, DemoRole } from './demo-protocol.ts';

type AnswerOf<Kind extends DemoAnswer['kind']> = Extract<DemoAnswer, { readonly kind: Kind }>;

export class DemoThread {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** @returns the running thread and the addresses that it listens on. */
  static async start(role: DemoRole): Promise<{ readonly thread: DemoThread; readonly endpoints: readonly Endpoint[] }> {
    // Beside this file, as a source or built.
    const file = new URL(import.meta.url.endsWith('.ts') ? './demo-worker.ts' : './demo-worker.js', import.meta.url);
    const thread = new DemoThread(new Worker(file, { workerData: role }));
    const { endpoints } = await thread.#next('ready');
    return { thread, endpoints };
  }

  async pin(peers: readonly Endpoint[]): Promise<void> {
    await this.#ask({ kind: 'pin', peers }, 'pinned');
  }

  /** Has it report, close its sockets and end. */
  async finish(): Promise<AnswerOf<'finished'>> {
    return this.#ask({ kind: 'finish' }, 'finished');
  }

  /** Ends it at once, whatever it is doing; nothing happens to one that has ended. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  async #ask<Kind extends DemoAnswer['kind']>(request: DemoRequest, kind: Kind): Promise<AnswerOf<Kind>> {
    const answer = this.#next(kind);
    this.#worker.postMessage(request, []);
    return answer;
  }

  /** The next answer. @throws RtplatError what failed in the thread. */
  async #next<Kind extends DemoAnswer['kind']>(kind: Kind): Promise<AnswerOf<Kind>> {
    const { promise, resolve, reject } = Promise.withResolvers<DemoAnswer>();
    const ended = (): void => reject(new Error('a thread of the demo ended early'));
    this.#worker.once('message', resolve).once('error', reject).once('exit', ended);
    try {
      const answer = await promise;
      if (answer.kind === 'failed') {
        throw answer.code === null ? new Error(answer.message) : new RtplatError(answer.code, answer.message, { hint: answer.hint });
      }
      if (answer.kind !== kind) throw new Error(`a thread of the demo answered ${answer.kind} for ${kind}`);
      return answer as AnswerOf<Kind>;
    } finally {
      this.#worker.off('message', resolve).off('error', reject).off('exit', ended);
    }
  }
}
