/** A syslog receiver on the network as a target, over UDP: a datagram a line (RFC 5426). */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { errnoOf } from '../../errors.ts';
import { formatHostPort } from '../../values/address.ts';
import type { HostPort } from '../../values/address.ts';
import type { LogLine } from '../log.ts';
import { LineQueue } from './line-queue.ts';
import { LOSE, Outage } from './outage.ts';
import { cut } from './syslog-message.ts';
import { QUEUE_BYTES, RETRY_MS } from './target.ts';
import type { LogTarget, Note } from './target.ts';

export interface UdpSyslogOptions {
  readonly at: HostPort;
  readonly format: (line: LogLine) => string;
  readonly note: Note;
  readonly retryMs?: number;
}

/** What every receiver should take (RFC 5426 §3.2). */
const MOST_BYTES = 2_048;

export class UdpSyslog implements LogTarget {
  readonly #options: UdpSyslogOptions;
  readonly #retryMs: number;
  readonly #outage: Outage;
  readonly #queue = new LineQueue(QUEUE_BYTES);
  #socket: Socket | undefined;
  #connecting: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #sending = 0;
  #sent: (() => void) | undefined;
  #closed = false;

  constructor(options: UdpSyslogOptions) {
    this.#options = options;
    this.#retryMs = options.retryMs ?? RETRY_MS;
    this.#outage = new Outage(`Syslog at udp://${formatHostPort(options.at.host, options.at.port)}`, options.note);
  }

  write(line: LogLine): void {
    if (this.#closed) return;
    if (!this.#queue.push(cut(this.#options.format(line), MOST_BYTES))) {
      this.#outage.lost(1);
      this.#outage.begins('it takes lines slower than they come');
    } else if (this.#socket !== undefined) this.#drain(this.#socket);
    else if (this.#timer === undefined) void this.#connect();
  }

  /** The name may stand for another address now. */
  reopen(): void {
    this.#drop();
    void this.#connect();
  }

  flushSync(): void {}

  async close(): Promise<void> {
    if (this.#closed) return;
    if (this.#queue.length > 0 && this.#socket === undefined) await this.#connect();
    this.#closed = true;
    if (this.#sending > 0) await new Promise<void>((resolve) => (this.#sent = resolve));
    this.#outage.closes(this.#queue.length);
    this.#drop();
  }

  async #connect(): Promise<void> {
    this.#connecting ??= this.#open();
    await this.#connecting;
  }

  async #open(): Promise<void> {
    try {
      const { host, port } = this.#options.at;
      const { address, family } = await lookup(host);
      const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      socket.once('error', reject);
      socket.connect(port, address, resolve);
      await promise;
      socket.off('error', reject);
      // An ICMP message about a line that was sent: nobody listens. Which lines were lost, nobody can tell; one at least.
      socket.on('error', (error) => this.#failed(error));
      socket.unref();
      if (this.#closed) return void socket.close();
      this.#socket = socket;
      this.#drain(socket);
    } catch (error) {
      if (!this.#closed) {
        this.#timer = setTimeout(() => {
          this.#timer = undefined;
          void this.#connect();
        }, this.#retryMs).unref();
      }
      this.#outage.begins(errnoOf(error));
    } finally {
      this.#connecting = undefined;
    }
  }

  #drain(socket: Socket): void {
    while (this.#queue.length > 0) {
      if (socket.getSendQueueSize() > QUEUE_BYTES) return;
      this.#sending += 1;
      socket.send(this.#queue.take(0).text, (error) => {
        this.#sending -= 1;
        if (error !== null) this.#failed(error);
        else if (this.#outage.on) this.#recover();
        if (this.#sending === 0) this.#sent?.();
      });
    }
  }

  #failed(error: Error): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#outage.lost(1);
    this.#outage.begins(errnoOf(error), LOSE);
  }

  /** A line that went out proves little; one that no ICMP message came back for proves what UDP can. */
  #recover(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#outage.ends();
    }, this.#retryMs).unref();
  }

  #drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#socket?.close();
    this.#socket = undefined;
  }
}
