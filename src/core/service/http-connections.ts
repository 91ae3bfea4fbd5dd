/** How many connections there may be, and how long a client may take to read. */
import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { parseAddressWords, ADDRESS_WORDS, MAPPED } from '../values/networks.ts';
import type { HttpCounts } from './http-counts.ts';

export interface ConnectionLimits {
  readonly most: number;
  /** Of one IPv4 address, or one IPv6 /64. */
  readonly mostOfOne: number;
}

export function limitConnections(server: Server, { most, mostOfOne }: ConnectionLimits, counts: HttpCounts): void {
  const bySource = new Map<string, number>();
  server.maxConnections = most;
  server.on('drop', () => counts.refused('connections'));
  server.on('connection', (socket: Socket) => {
    const source = sourceOf(socket.remoteAddress ?? '');
    const open = bySource.get(source) ?? 0;
    if (open >= mostOfOne) {
      counts.refused('connections');
      socket.destroy();
      return;
    }
    bySource.set(source, open + 1);
    socket.once('close', () => {
      const left = (bySource.get(source) ?? 1) - 1;
      if (left === 0) bySource.delete(source);
      else bySource.set(source, left);
    });
  });
}

function sourceOf(address: string): string {
  const words = new Int32Array(ADDRESS_WORDS);
  if (!parseAddressWords(address, words)) return address;
  const isMapped = words[0] === 0 && words[1] === 0 && words[2] === MAPPED;
  return isMapped ? `${words[3]}` : `${words[0]}:${words[1]}`;
}

/** Ends the connection of who has not taken all of an answer in time: it would be kept in memory for as long as that pleases. */
export function endSlowReader(response: ServerResponse, ms: number, counts: HttpCounts): void {
  const timer = setTimeout(() => {
    counts.refused('time_out');
    response.destroy();
  }, ms);
  response.once('close', () => clearTimeout(timer));
  response.once('finish', () => clearTimeout(timer));
}

/** The same for a stream of events: the end of who takes nothing for so long. Who is slow only misses some. */
export class ReaderPatience {
  readonly #response: ServerResponse;
  readonly #ms: number;
  readonly #counts: HttpCounts;
  #timer: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, ms: number, counts: HttpCounts) {
    this.#response = response;
    this.#ms = ms;
    this.#counts = counts;
    response.on('drain', () => this.#clear());
    response.once('close', () => this.#clear());
  }

  /** Something was written that the kernel did not take. */
  behind(): void {
    this.#timer ??= this.#wait();
  }

  #wait(): NodeJS.Timeout {
    const before = this.#taken();
    return setTimeout(() => {
      if (this.#taken() > before) return void (this.#timer = this.#wait());
      this.#counts.refused('time_out');
      this.#response.destroy();
    }, this.#ms);
  }

  /** Bytes that the kernel took. */
  #taken(): number {
    const { socket } = this.#response;
    return socket === null ? 0 : socket.bytesWritten - socket.writableLength;
  }

  #clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
