/** The main thread's end of a thread that handles packets ({@link ServedThread}). */
import { closeSync, writeSync } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';
import type { EngineChoice } from './choices.ts';
import type { EngineSelection } from './select.ts';
import { STOP } from './served-thread.ts';
import type { ThreadSetup, ThreadUp } from './served-thread.ts';

export interface PacketThreadOptions<Answer> {
  /** The module that serves, next to `base`, without its extension. */
  readonly module: string;
  /** `import.meta.url` of the caller: a source, or built. */
  readonly base: string;
  readonly engine: EngineChoice;
  readonly busyPoll?: boolean;
  /** What the thread needs to know beside its {@link ThreadSetup}. */
  readonly data: object;
  readonly answer: (answer: Answer) => void;
}

/** eventfd(2): what is written is added to a 64-bit counter. */
const RING = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]);

export class PacketThread<Request, Answer> {
  /** Settles when the thread has ended: with the error that ended it, or undefined. */
  readonly ended: Promise<Error | undefined>;
  /** Settles with what ended the thread, should it end before {@link stop}. */
  readonly failed: Promise<Error>;
  readonly #worker: Worker;
  readonly #bell: Int32Array;
  readonly #port: MessageChannel['port1'];
  readonly #answer: (answer: Answer) => void;
  readonly #up = Promise.withResolvers<EngineSelection>();
  #doorbell: number | null = null;
  /** Of this turn of the event loop: they go together, for a message of their own costs more than most of what they ask for. */
  #requests: (Request | typeof STOP)[] = [];
  #stopping = false;

  constructor(options: PacketThreadOptions<Answer>) {
    const { port1, port2 } = new MessageChannel();
    const bell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const setup: ThreadSetup = { port: port2, bell, engine: options.engine, busyPoll: options.busyPoll === true };
    const file = new URL(`./${options.module}${options.base.endsWith('.ts') ? '.ts' : '.js'}`, options.base);
    this.#bell = new Int32Array(bell);
    this.#port = port1;
    this.#answer = options.answer;
    port1.on('message', (message: ThreadUp | readonly Answer[]) => this.#heard(message));
    this.#worker = new Worker(file, { workerData: { ...options.data, setup }, transferList: [port2] });
    this.ended = new Promise((resolve) => {
      this.#worker.once('error', (error) => resolve(revived(error)));
      this.#worker.once('exit', () => resolve(this.#stopping ? undefined : new Error('a packet thread ended by itself')));
    });
    this.failed = this.ended.then(async (error) => error ?? new Promise<never>(() => undefined));
    void this.#forget();
    // Whoever starts a thread asks for this; when it fails before that, `ended` says so too.
    this.#up.promise.catch(() => undefined);
  }

  /** Settles when the thread serves. Rejects with what kept it from doing so. */
  get up(): Promise<EngineSelection> {
    return this.#up.promise;
  }

  tell(request: Request | typeof STOP): void {
    if (this.#requests.push(request) === 1) setImmediate(this.#send);
  }

  readonly #send = (): void => {
    this.#port.postMessage(this.#requests, []);
    this.#requests = [];
    Atomics.add(this.#bell, 0, 1);
    if (this.#doorbell === null) return;
    try {
      writeSync(this.#doorbell, RING);
    } catch (error) {
      // Full means that it rings already.
      if (errnoOf(error) !== 'EAGAIN') throw error;
    }
  };

  /** Has it stop; settles when it has ended. May be called twice. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.tell(STOP);
    }
    await this.ended;
  }

  async #forget(): Promise<void> {
    const error = await this.ended;
    if (this.#doorbell !== null) closeSync(this.#doorbell);
    this.#doorbell = null;
    this.#port.close();
    if (error !== undefined) this.#up.reject(error);
  }

  #heard(message: ThreadUp | readonly Answer[]): void {
    if (isUp(message)) {
      this.#doorbell = message.doorbell;
      this.#up.resolve(message.selection);
    } else for (const answer of message) this.#answer(answer);
  }
}

/** An error crosses threads without its class. */
function revived(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (errnoOf(error) === 'ERR_WORKER_INIT_FAILED') {
    const hint = 'a thread takes some ten files: raise the limit with ulimit -n';
    return new RtplatError('bind', `cannot start a packet thread: ${messageOf(error)}`, { hint, cause: error });
  }
  if (!('hint' in error) || !('code' in error) || typeof error.hint !== 'string') return error;
  return new RtplatError(error.code as ErrorCode, error.message, { hint: error.hint });
}

function isUp(message: unknown): message is ThreadUp {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'up';
}
