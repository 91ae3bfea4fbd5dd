/** The syslog of this host as a target: a datagram a line to the socket that rsyslog or journald listen on. */
import { messageOf } from '../../errors.ts';
import type { LogLine } from '../log.ts';
import { LineQueue } from './line-queue.ts';
import { Outage } from './outage.ts';
import { cut } from './syslog-message.ts';
import { QUEUE_BYTES, RETRY_MS } from './target.ts';
import type { LogTarget, Note } from './target.ts';
import { UnixDatagramSocket } from './unix-datagram.ts';

export interface LocalSyslogOptions {
  readonly path: string;
  readonly format: (line: LogLine) => string;
  readonly note: Note;
  /** Whether somebody named this socket: else it is no fault when nobody listens at the start. */
  readonly expected: boolean;
  readonly retryMs?: number;
}

/** rsyslog and journald take that much by default. */
const MOST_BYTES = 8_192;
/** Until the receiver, whose queue is full, has read some. */
const FULL_MS = 10;

export class LocalSyslog implements LogTarget {
  readonly #options: LocalSyslogOptions;
  readonly #retryMs: number;
  readonly #outage: Outage;
  readonly #queue = new LineQueue(QUEUE_BYTES);
  #socket: UnixDatagramSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** There is no syslog here, and none was asked for: lines do not wait for one. */
  #absent = false;
  #closed = false;

  constructor(options: LocalSyslogOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#outage = new Outage(`Syslog at ${options.path}`, options.note);
  }

  /** @returns why there is none, where nobody asked for one. */
  start(): string | undefined {
    const failure = this.#connect();
    if (typeof failure !== 'string') return undefined;
    this.#absent = !this.#options.expected;
    if (this.#absent) return `${this.#options.path}: ${failure}`;
    this.#fail(failure);
    return undefined;
  }

  write(line: LogLine): void {
    if (this.#absent || this.#closed) return;
    if (!this.#queue.push(cut(this.#options.format(line), MOST_BYTES))) {
      this.#outage.lost(1);
      this.#outage.begins('its reader does not read');
      return;
    }
    if (this.#timer === undefined) this.#drain();
  }

  reopen(): void {
    this.#socket?.close();
    this.#socket = undefined;
    if (this.#absent) this.start();
    else this.#drain();
  }

  flushSync(): void {
    if (this.#socket !== undefined) this.#drain();
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    if (!this.#absent) this.#drain();
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#outage.closes(this.#queue.length);
    this.#socket?.close();
    this.#socket = undefined;
    return Promise.resolve();
  }

  /** @returns why it failed, where it did. */
  #connect(): UnixDatagramSocket | string {
    try {
      const socket = UnixDatagramSocket.connect(this.#options.path, MOST_BYTES);
      if (typeof socket === 'string') return socket;
      this.#socket = socket;
      this.#absent = false;
      return socket;
    } catch (error) {
      return messageOf(error);
    }
  }

  #drain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let text = this.#queue.peek(); text !== undefined; text = this.#queue.peek()) {
      const failure = this.#send(text);
      if (failure === 'EAGAIN' || failure === 'ENOBUFS') return this.#later(FULL_MS);
      if (failure !== undefined) return this.#fail(failure);
      this.#queue.take(0);
    }
    this.#outage.ends();
    return undefined;
  }

  /** @returns why it failed. */
  #send(text: string): string | undefined {
    const failure = this.#socket?.send(text);
    if (this.#socket !== undefined && (failure === undefined || failure === 'EAGAIN' || failure === 'ENOBUFS')) return failure;
    this.#socket?.close();
    this.#socket = undefined;
    // A receiver that was started again has another socket under the same name.
    const again = this.#connect();
    return typeof again === 'string' ? again : again.send(text);
  }

  #fail(reason: string): void {
    this.#socket?.close();
    this.#socket = undefined;
    this.#later(this.#retryMs);
    this.#outage.begins(reason);
  }

  #later(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#drain(), ms).unref();
  }
}
