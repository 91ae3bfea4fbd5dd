/**
 * The inside of a thread that handles packets. With the batch engine it blocks in the kernel, so nothing of an event loop runs in
 * it: no promise, no timer, no `message` event. Messages are therefore announced by a bell in shared memory, which is looked at
 * after every turn, and by a doorbell descriptor that ends a sleep.
 */
import { receiveMessageOnPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import { BatchEngine } from './batch/engine.ts';
import type { BindOptions, UdpSocket } from './engine.ts';
import { selectEngine } from './select.ts';
import type { EngineChoice } from './choices.ts';
import type { EngineSelection, SelectedEngine } from './select.ts';

/** Part of the `workerData` of such a thread. */
export interface ThreadSetup {
  readonly port: MessagePort;
  /** One Int32 that grows with every message. */
  readonly bell: SharedArrayBuffer;
  readonly engine: EngineChoice;
  readonly busyPoll: boolean;
}

/** The first message of a thread. All others, both ways, are lists of what there was to tell in a turn. */
export interface ThreadUp {
  readonly kind: 'up';
  readonly selection: EngineSelection;
  /** Descriptor to write to after a message; null where messages are events. */
  readonly doorbell: number | null;
}

/** The last message to a thread. */
export const STOP = 'stop';

export interface ThreadHandlers<Message> {
  message(message: Message): void;
  /** Called very often; at least every 50 ms, and when {@link dueNs} says so. */
  tick(): void;
  /** When {@link tick} is to be called next, ns of the engine's clock; Infinity when nothing is due. */
  readonly dueNs?: () => number;
  /** The last thing. */
  stop(): void;
}

const TICK_MS = 50;
const NS_PER_MS = 1e6;

/** The engine of the thread, before it serves. */
export class ServedThread {
  readonly selected: SelectedEngine;
  readonly #setup: ThreadSetup;
  #told: unknown[] = [];

  private constructor(setup: ThreadSetup, selected: SelectedEngine) {
    this.#setup = setup;
    this.selected = selected;
  }

  /** @throws RtplatError `usage` when the engine that was asked for cannot be had. */
  static async start(setup: ThreadSetup): Promise<ServedThread> {
    return new ServedThread(setup, await selectEngine(setup.engine, { ownThread: true, busyPoll: setup.busyPoll }));
  }

  /** Binds at once where the thread will block. */
  bind(options: BindOptions): UdpSocket | Promise<UdpSocket> {
    const { engine } = this.selected;
    return engine instanceof BatchEngine ? engine.bindNow(options) : engine.bind(options);
  }

  /** Sends a message to the main thread, at the end of this turn. */
  tell(message: unknown): void {
    // Where there is an event loop, not everything is told within a turn of ours.
    if (this.#told.push(message) === 1 && !(this.selected.engine instanceof BatchEngine)) setImmediate(() => this.#send());
  }

  #send(): void {
    if (this.#told.length === 0) return;
    this.#setup.port.postMessage(this.#told, []);
    this.#told = [];
  }

  /** Tells that it is up and serves until it is told to stop. */
  async serve<Message>(handlers: ThreadHandlers<Message>): Promise<void> {
    const { engine, name, clock, reason } = this.selected;
    const { port } = this.#setup;
    const selection = { name, clock, reason };
    if (engine instanceof BatchEngine) {
      port.postMessage({ kind: 'up', selection, doorbell: engine.doorbell } satisfies ThreadUp, []);
      this.#block(engine, handlers);
    } else {
      port.postMessage({ kind: 'up', selection, doorbell: null } satisfies ThreadUp, []);
      await this.#listen(handlers);
    }
    this.#send();
    port.close();
  }

  #block<Message>(engine: BatchEngine, handlers: ThreadHandlers<Message>): void {
    const { port } = this.#setup;
    const bell = new Int32Array(this.#setup.bell);
    let heard = 0;
    let stopped = false;
    engine.serve({
      goOn: () => {
        if (Atomics.load(bell, 0) !== heard) {
          heard = Atomics.load(bell, 0);
          for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
            for (const message of next.message as readonly (Message | typeof STOP)[]) {
              if (message === STOP) stopped = true;
              else handlers.message(message);
            }
          }
        }
        handlers.tick();
        if (stopped) handlers.stop();
        this.#send();
        return !stopped;
      },
      ...(handlers.dueNs === undefined ? {} : { dueNs: handlers.dueNs }),
    });
  }

  async #listen<Message>(handlers: ThreadHandlers<Message>): Promise<void> {
    const { port } = this.#setup;
    const { promise, resolve } = Promise.withResolvers<void>();
    let timer: NodeJS.Timeout | undefined;
    const turn = (): void => {
      handlers.tick();
      clearTimeout(timer);
      timer = setTimeout(turn, this.#sleepMs(handlers.dueNs));
    };
    turn();
    port.on('message', (messages: readonly (Message | typeof STOP)[]) => {
      for (const message of messages) {
        if (message === STOP) return resolve();
        handlers.message(message);
      }
      // It may have made something due.
      return turn();
    });
    await promise;
    clearTimeout(timer);
    handlers.stop();
  }

  /** In whole milliseconds, rounded up: a timer that fires too early would only have to be set again. */
  #sleepMs(dueNs: (() => number) | undefined): number {
    if (dueNs === undefined) return TICK_MS;
    return Math.min(TICK_MS, Math.max(0, Math.ceil((dueNs() - this.selected.engine.nowNs()) / NS_PER_MS)));
  }
}
