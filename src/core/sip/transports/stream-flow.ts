/** One connection: what comes is cut into messages, what is sent is written as long as the peer reads. */
import type { Socket } from 'node:net';
import type { Endpoint } from '../../values/address.ts';
import { SipStream } from '../framing.ts';
import type { SipFlow } from '../transactions.ts';
import type { TransportCounts, TransportUser } from './transport.ts';

/** What a peer that does not read may leave unread. */
const MAX_UNREAD_BYTES = 256 * 1024;
/** What was written has so long to leave when the service ends. */
const LAST_MS = 1000;
const PONG = new Uint8Array([13, 10]);

/** A message has so long, from its first byte to its last: whoever sends it byte by byte is not to hold a connection. */
const MESSAGE_MS = 30_000;

export interface StreamFlowParts {
  readonly transport: 'TCP' | 'TLS';
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly socket: Socket;
  readonly counts: TransportCounts;
  readonly user: TransportUser;
  /** Has a message so long to come, ms; {@link MESSAGE_MS} unless given. */
  readonly messageMs?: number;
  /** The socket is no more; before the user is told. */
  readonly ended: (flow: StreamFlow) => void;
}

export class StreamFlow implements SipFlow {
  readonly transport: 'TCP' | 'TLS';
  readonly reliable = true;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly #socket: Socket;
  readonly #counts: TransportCounts;
  readonly #user: TransportUser;
  readonly #stream = new SipStream();
  readonly #closed = Promise.withResolvers<void>();
  readonly #messageMs: number;
  /** Runs while a part of a message is there. */
  #unfinished: NodeJS.Timeout | undefined;
  /** Why it was closed by us. */
  #reason: string | undefined;

  constructor({ transport, local, remote, socket, counts, user, messageMs = MESSAGE_MS, ended }: StreamFlowParts) {
    this.transport = transport;
    this.local = local;
    this.remote = remote;
    this.#socket = socket;
    this.#counts = counts;
    this.#user = user;
    this.#messageMs = messageMs;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Uint8Array) => this.#take(chunk));
    socket.on('error', (error) => this.close(error.message));
    socket.once('close', () => {
      clearTimeout(this.#unfinished);
      ended(this);
      user.failed(this, this.#why);
      this.#closed.resolve();
    });
  }

  /** Settles when the socket is no more. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get #why(): string {
    return this.#reason ?? 'closed by the peer';
  }

  #take(chunk: Uint8Array): void {
    const items = this.#stream.push(chunk);
    this.#watch(items.length > 0);
    for (const item of items) {
      if (this.#reason !== undefined) return;
      if (item.kind === 'message') {
        this.#counts.received += 1;
        if (this.#user.admits(this.remote.address)) this.#user.message(item.bytes, this);
      } else if (item.kind === 'ping') this.#write(PONG);
      else if (item.kind === 'error') this.close(item.problem);
    }
  }

  /** @param progressed something is complete: what is left is of a message that has just begun. */
  #watch(progressed: boolean): void {
    const { holds } = this.#stream;
    if (this.#unfinished !== undefined && (progressed || !holds)) {
      clearTimeout(this.#unfinished);
      this.#unfinished = undefined;
    }
    if (holds) this.#unfinished ??= setTimeout(() => this.close('a message takes too long'), this.#messageMs);
  }

  send(bytes: Uint8Array): void {
    this.#counts.sent += 1;
    this.#write(bytes);
  }

  #write(bytes: Uint8Array): void {
    if (this.#socket.destroyed) {
      this.#counts.sendErrors += 1;
      // Whoever sends hears of it later, never within the call.
      setImmediate(() => this.#user.failed(this, this.#why));
    } else if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.close('the peer does not read');
    else this.#socket.write(bytes);
  }

  closeWhenSilent(ms: number): void {
    this.#socket.removeAllListeners('timeout');
    this.#socket.setTimeout(ms, () => this.close('silent for too long'));
  }

  close(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  /** After what was written is out, and in any case soon. */
  end(): void {
    this.#reason ??= 'the service stops';
    this.#socket.end(() => this.#socket.destroy());
    this.#socket.setTimeout(LAST_MS, () => this.#socket.destroy());
  }
}
