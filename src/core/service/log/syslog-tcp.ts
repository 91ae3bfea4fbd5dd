/**
 * A syslog receiver on the network as a target, over TCP: each line behind its length (RFC 6587 §3.4.1). Syslog has no acknowledgements:
 * lines that the kernel had taken when a connection broke may be lost without anybody's knowledge.
 */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { errnoOf } from '../../errors.ts';
import { formatHostPort } from '../../values/address.ts';
import type { HostPort } from '../../values/address.ts';
import type { LogLine } from '../log.ts';
import { LineQueue } from './line-queue.ts';
import type { Batch } from './line-queue.ts';
import { Outage } from './outage.ts';
import { cut } from './syslog-message.ts';
import { QUEUE_BYTES } from './target.ts';
import type { LogTarget, Note } from './target.ts';

export interface TcpSyslogOptions {
  readonly at: HostPort;
  readonly format: (line: LogLine) => string;
  readonly note: Note;
  /** Before the first try again; then twice as long each time. */
  readonly retryMs?: number;
}

/** What rsyslog takes by default. */
const MOST_BYTES = 8_192;
const BATCH_BYTES = 65_536;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
const CONNECT_MS = 10_000;
/** Time for what waits when we end. */
const LAST_MS = 1_000;

export class TcpSyslog implements LogTarget {
  readonly #options: TcpSyslogOptions;
  readonly #firstRetryMs: number;
  readonly #outage: Outage;
  readonly #queue = new LineQueue(QUEUE_BYTES);
  #socket: Socket | undefined;
  #connected = false;
  /** Handed to a connection, which has not taken it yet. */
  #batch: Batch | undefined;
  /** That connection. */
  #writer: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryMs: number;
  #emptied: () => void = () => {};
  #closed = false;

  constructor(options: TcpSyslogOptions) {
    this.#options = options;
    this.#firstRetryMs = options.retryMs ?? FIRST_RETRY_MS;
    this.#retryMs = this.#firstRetryMs;
    this.#outage = new Outage(`Syslog at tcp://${formatHostPort(options.at.host, options.at.port)}`, options.note);
  }

  /** Connects, so that a receiver that is not there is known before the first line. */
  start(): void {
    this.#connect();
  }

  write(line: LogLine): void {
    if (this.#closed) return;
    const message = cut(this.#options.format(line), MOST_BYTES);
    if (!this.#queue.push(`${Buffer.byteLength(message)} ${message}`)) {
      this.#outage.lost(1);
      this.#outage.begins('it takes lines slower than they come');
    } else this.#drain();
  }

  reopen(): void {
    this.#retryMs = this.#firstRetryMs;
    this.#again();
  }

  flushSync(): void {}

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#waiting > 0) await this.#empty();
    clearTimeout(this.#timer);
    this.#outage.closes(this.#waiting);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroySoon();
  }

  get #waiting(): number {
    return this.#queue.length + (this.#batch?.lines ?? 0);
  }

  async #empty(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    // Not unref()ed: it keeps the process until then.
    const timer = setTimeout(resolve, LAST_MS);
    this.#emptied = resolve;
    this.#again();
    await promise;
    clearTimeout(timer);
  }

  #again(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#socket === undefined) this.#connect();
  }

  #connect(): void {
    const { host, port } = this.#options.at;
    const socket = connect({ host, port, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS });
    this.#socket = socket;
    let reason = 'the receiver closed the connection';
    socket.setTimeout(CONNECT_MS, () => {
      reason = 'ETIMEDOUT';
      socket.destroy();
    });
    socket.on('connect', () => {
      socket.setTimeout(0);
      this.#connected = true;
      this.#retryMs = this.#firstRetryMs;
      this.#drain();
    });
    socket.on('error', (error) => {
      reason = errnoOf(error);
    });
    socket.on('close', () => this.#lose(socket, reason));
    // Receivers say nothing, but without a reader their end would not be noticed.
    socket.resume();
    socket.unref();
  }

  #lose(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#connected = false;
    if (this.#closed) return this.#emptied();
    this.#timer = setTimeout(() => this.#again(), this.#retryMs).unref();
    this.#retryMs = Math.min(2 * this.#retryMs, LONGEST_RETRY_MS);
    this.#outage.begins(reason);
  }

  #drain(): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#connected || this.#writer === socket) return;
    if (this.#batch === undefined && this.#queue.length > 0) this.#batch = this.#queue.take(BATCH_BYTES);
    if (this.#batch === undefined) {
      this.#outage.ends();
      return this.#emptied();
    }
    this.#writer = socket;
    socket.write(this.#batch.text, (error) => {
      if (this.#writer === socket) this.#writer = undefined;
      // What a connection did not take goes over the next one, from the first line of the batch on.
      if (error !== undefined && error !== null) return;
      this.#batch = undefined;
      this.#drain();
    });
  }
}
