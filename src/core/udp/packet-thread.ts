/** The main thread's end of a thread that handles packets ({@link ServedThread}). */
import { closeSync, write } from 'node:fs';
import { MessageChannel, Worker } from 'node:worker_threads';
import { RtplatError } from '../errors.ts';
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
  /** Rings under way. */
  #ringing = 0;
  #gone = false;
  #stopping = false;

  constructor(options: PacketThreadOptions<Answer>) {
    const { port1, port2 } = new MessageChannel();
    const bell = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const setup: ThreadSetup = { port: port2, bell, engine: options.engine, busyPoll: options.busyPoll === true };
    const file = new URL(`./${options.module}${options.base.endsWith('.ts') ? '.ts' : '.js'}`, options.base);
    this.#bell = new Int32Array(bell);
    this.#port = port1;
    this.#answer = options.answer;
    port1.on('message', (message: ThreadUp | Answer) => this.#heard(message));
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
    this.#port.postMessage(request, []);
    Atomics.add(this.#bell, 0, 1);
    // Full means that it rings already.
    if (this.#doorbell !== null && !this.#gone) {
      this.#ringing += 1;
      write(this.#doorbell, RING, this.#rung);
    }
  }

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
    this.#gone = true;
    this.#closeDoorbell();
    this.#port.close();
    if (error !== undefined) this.#up.reject(error);
  }

  readonly #rung = (): void => {
    this.#ringing -= 1;
    this.#closeDoorbell();
  };

  /** Once the thread has gone and nobody rings any more. */
  #closeDoorbell(): void {
    if (!this.#gone || this.#ringing > 0 || this.#doorbell === null) return;
    closeSync(this.#doorbell);
    this.#doorbell = null;
  }

  #heard(message: ThreadUp | Answer): void {
    if (isUp(message)) {
      this.#doorbell = message.doorbell;
      this.#up.resolve(message.selection);
    } else this.#answer(message);
  }
}

/** An error crosses threads without its class. */
function revived(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (!('hint' in error) || !('code' in error) || typeof error.hint !== 'string') return error;
  return new RtplatError(error.code as ErrorCode, error.message, { hint: error.hint });
}

function isUp(message: unknown): message is ThreadUp {
  return typeof message === 'object' && message !== null && 'kind' in message && message.kind === 'up';
}
