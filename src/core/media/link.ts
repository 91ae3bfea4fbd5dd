/** The main thread's end of the thread that has the media of calls: orders and their answers. */
import { RtplatError } from '../errors.ts';
import type { EngineChoice } from '../udp/choices.ts';
import { PacketThread } from '../udp/packet-thread.ts';
import type { EngineSelection } from '../udp/select.ts';
import type { MediaMessage, MediaOrder, MediaRequest } from './orders.ts';
import { failureOf } from '../values/failure.ts';
import type { Failure } from '../values/failure.ts';
import type { MediaThreadData } from './plane-thread.ts';

export type MediaTold = Exclude<MediaMessage, { readonly kind: 'done' | 'failed' }>;

/** The RTP port for `open`, else null. */
export type MediaAnswer = { readonly ok: true; readonly port: number | null } | { readonly ok: false; readonly failure: Failure };

export class MediaLink {
  readonly selection: EngineSelection;
  /** Settles with what ended the thread, should it end before {@link stop}. */
  readonly failed: Promise<Error>;
  readonly #thread: PacketThread<MediaOrder, MediaMessage>;
  readonly #waiting: Map<number, (answer: MediaAnswer) => void>;
  #serial = 0;
  #gone: Error | undefined;

  private constructor(
    thread: PacketThread<MediaOrder, MediaMessage>,
    waiting: Map<number, (answer: MediaAnswer) => void>,
    selection: EngineSelection,
  ) {
    this.#thread = thread;
    this.#waiting = waiting;
    this.selection = selection;
    this.failed = thread.failed;
    void this.#forget();
  }

  /** @throws RtplatError `usage` when the engine that was asked for cannot be had. */
  static async start(engine: EngineChoice, data: MediaThreadData, told: (message: MediaTold) => void): Promise<MediaLink> {
    const waiting = new Map<number, (answer: MediaAnswer) => void>();
    const answered = (serial: number, answer: MediaAnswer): void => {
      const resolve = waiting.get(serial);
      waiting.delete(serial);
      resolve?.(answer);
    };
    const thread = new PacketThread<MediaOrder, MediaMessage>({
      module: 'plane-thread',
      base: import.meta.url,
      engine,
      data,
      answer: (message) => {
        if (message.kind === 'done') answered(message.serial, { ok: true, port: message.port });
        else if (message.kind === 'failed') answered(message.serial, { ok: false, failure: message.failure });
        else told(message);
      },
    });
    return new MediaLink(thread, waiting, await thread.up);
  }

  /** Settles when the order has been carried out, or cannot be any more. */
  async ask(request: MediaRequest): Promise<MediaAnswer> {
    if (this.#gone !== undefined) return { ok: false, failure: failureOf(this.#gone) };
    const serial = this.#serial++;
    const { promise, resolve } = Promise.withResolvers<MediaAnswer>();
    this.#waiting.set(serial, resolve);
    this.#thread.tell({ serial, request });
    return promise;
  }

  /** Has something done that nobody waits for. */
  tell(request: MediaRequest): void {
    if (this.#gone === undefined) this.#thread.tell({ serial: null, request });
  }

  async stop(): Promise<void> {
    await this.#thread.stop();
  }

  /** Once the thread has ended nobody answers any more. */
  async #forget(): Promise<void> {
    this.#gone = (await this.#thread.ended) ?? new RtplatError('network', 'the media have stopped');
    const failure = failureOf(this.#gone);
    for (const resolve of this.#waiting.values()) resolve({ ok: false, failure });
    this.#waiting.clear();
  }
}
