/** The small HTTP server of the services: GET only, bounded in every direction, JSON by default. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import { renderJson } from '../report/render/json.ts';
import { formatHostPort } from '../values/address.ts';
import { endSlowReader, limitConnections, ReaderPatience } from './http-connections.ts';
import { HttpCounts } from './http-counts.ts';
import type { HttpRefusal } from './http-counts.ts';
import { HttpGate, NO_TOKEN } from './http-gate.ts';
import type { HttpAccess } from './http-gate.ts';
import { parseTarget } from './http-target.ts';
import type { Target } from './http-target.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string | Uint8Array;
  /** Content-Security-Policy of a page. */
  readonly policy?: string;
}

export interface HttpRequest {
  /** Decoded path without the query, starting with `/`. */
  readonly path: string;
  /** The Accept header; empty when there was none. */
  readonly accept: string;
}

/** A stream of server-sent events, open until the client goes or the service stops. */
export interface EventStream {
  /** Sends one event; a client that does not read fast enough misses some. */
  send(event: string, data: unknown): void;
  /** Bytes that the client has not taken yet. */
  readonly unread: number;
}

/**
 * Called for each client of `GET /events`; the returned function is called when it is gone.
 *
 * @param asked the query of its URL.
 */
export type EventTeller = (stream: EventStream, asked: URLSearchParams) => () => void;

export interface HttpServiceOptions {
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
  /** undefined is 404. */
  readonly answer: (request: HttpRequest) => HttpAnswer | undefined;
  readonly events?: EventTeller;
  /** Without: no token, and no name but `localhost`. */
  readonly access?: HttpAccess;
  /** Gets what is refused. */
  readonly counts?: HttpCounts;
  readonly limits?: Partial<HttpLimits>;
}

export interface HttpService {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

export interface HttpLimits {
  /** From the connection, or the end of the last answer, to the end of the header. */
  readonly headerMs: number;
  readonly idleMs: number;
  /** How long a client may take to read, or not to read of a stream. */
  readonly readMs: number;
  /** How often it is looked for those who take too long. */
  readonly lookMs: number;
  readonly headerBytes: number;
  readonly connections: number;
  readonly connectionsOfOne: number;
  readonly streams: number;
}

const LIMITS: HttpLimits = {
  headerMs: 5_000,
  idleMs: 5_000,
  readMs: 30_000,
  lookMs: 2_000,
  headerBytes: 8_192,
  connections: 128,
  connectionsOfOne: 64,
  streams: 32,
};
/** What a slow reader of events may leave unread before events are left out for it. */
const MAX_UNREAD_BYTES = 256 * 1024;
/** What browsers and other clients are told of the token: both take it. */
const CHALLENGES = ['Bearer realm="rtplat"', 'Basic realm="rtplat", charset="UTF-8"'];

export function json(status: number, document: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: renderJson(document) };
}

/** @throws RtplatError `bind`. */
export async function startHttp(options: HttpServiceOptions): Promise<HttpService> {
  const limits = { ...LIMITS, ...options.limits };
  const site = new Site(options, limits);
  const server = createServer(
    {
      headersTimeout: limits.headerMs,
      requestTimeout: limits.headerMs,
      keepAliveTimeout: limits.idleMs,
      connectionsCheckingInterval: limits.lookMs,
      maxHeaderSize: limits.headerBytes,
      // It is looked for with the rest, and counted.
      requireHostHeader: false,
    },
    (request, response) => site.serve(request, response),
  );
  // Who waits for leave to send a body gets the answer to what has one.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => site.serve(request, response));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => site.nonsense(error.code ?? '', socket));
  limitConnections(server, { most: limits.connections, mostOfOne: limits.connectionsOfOne }, site.counts);
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    host: options.host,
    port,
    stop: () =>
      new Promise((resolve) => {
        site.endStreams();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, { host, port }: HttpServiceOptions): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const hint = errnoOf(error) === 'EADDRINUSE' ? `choose another with --http-port, or see who holds it: ss -ltnp 'sport = :${port}'` : '';
    throw new RtplatError('bind', `cannot serve HTTP on ${formatHostPort(host, port)}: ${errnoOf(error)}`, { hint, cause: error });
  }
  server.on('error', () => {
    // Whatever becomes of one client, the server goes on. Of files that are used up nothing is heard here: libuv closes such connections.
  });
}

/** What clients see of the service. */
class Site {
  readonly counts: HttpCounts;
  readonly #options: HttpServiceOptions;
  readonly #limits: HttpLimits;
  readonly #gate: HttpGate;
  readonly #streams = new Set<ServerResponse>();
  /** On which an answer is under way: nothing else may be written there. */
  readonly #answering = new WeakSet<Socket>();
  readonly #ended = new WeakSet<Socket>();

  constructor(options: HttpServiceOptions, limits: HttpLimits) {
    this.#options = options;
    this.#limits = limits;
    this.counts = options.counts ?? new HttpCounts();
    this.#gate = new HttpGate(options.access ?? NO_TOKEN);
  }

  serve(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#answering.add(socket);
    response.on('error', () => response.destroy());
    response.once('close', () => this.#answering.delete(socket));
    const target = parseTarget(request.url ?? '');
    const { method } = request;
    if (request.httpVersionMajor !== 1)
      return this.#refuse(request, response, 'malformed', 400, 'only HTTP/1.1 and HTTP/1.0 are spoken here');
    if (target === undefined) return this.#refuse(request, response, 'malformed', 400, 'the target is no path in valid percent-encoding');
    const turned = this.#gate.turned(request, target);
    if (turned !== undefined) {
      if (turned.status === 401) response.setHeader('WWW-Authenticate', CHALLENGES);
      return this.#refuse(request, response, turned.why, turned.status, turned.error);
    }
    if (method !== 'GET' && method !== 'HEAD') {
      response.setHeader('Allow', 'GET, HEAD');
      return this.#refuse(request, response, 'method', 405, 'only GET is served here');
    }
    if (hasBody(request)) return this.#refuse(request, response, 'body', 413, 'a request has no body here');
    const { events } = this.#options;
    if (target.path === '/events' && events !== undefined && method === 'GET') {
      if (this.#streams.size < this.#limits.streams) return this.#stream(response, events, target);
      response.setHeader('Retry-After', '5');
      return this.#refuse(request, response, 'streams', 503, 'too many read the events already');
    }
    this.#send(request, response, this.#answerTo(target, request.headers.accept ?? ''));
  }

  /** What is no HTTP, or came too slowly (RFC 9110 §15.5, RFC 6585 §5). */
  nonsense(code: string, socket: Socket): void {
    // What is on its way may be found wrong once more.
    if (this.#ended.has(socket)) return;
    this.#ended.add(socket);
    const late = code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const large = code === 'HPE_HEADER_OVERFLOW';
    if (code !== 'ECONNRESET') this.counts.refused(late ? 'time_out' : large ? 'header_size' : 'malformed');
    if (!socket.writable || code === 'ECONNRESET' || this.#answering.has(socket)) return void socket.destroy();
    const status = late ? '408 Request Timeout' : large ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.write(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon();
  }

  endStreams(): void {
    for (const response of this.#streams) response.end();
  }

  #answerTo({ path }: Target, accept: string): HttpAnswer {
    try {
      return this.#options.answer({ path, accept }) ?? json(404, { error: 'nothing is served under this path' });
    } catch (error) {
      return json(500, { error: messageOf(error) });
    }
  }

  /** What follows on the connection is not looked at: a body that nobody wants, or a client that cannot know better. */
  #refuse(request: IncomingMessage, response: ServerResponse, why: HttpRefusal, status: number, error: string): void {
    this.counts.refused(why);
    response.setHeader('Connection', 'close');
    this.#send(request, response, json(status, { error }));
  }

  #send(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
    endSlowReader(response, this.#limits.readMs, this.counts);
    response.writeHead(answer.status, {
      ...HEADERS,
      'Content-Type': answer.contentType,
      'Content-Length': Buffer.byteLength(answer.body),
      ...(answer.policy === undefined ? {} : { 'Content-Security-Policy': answer.policy }),
    });
    response.end(request.method === 'HEAD' ? undefined : answer.body);
  }

  #stream(response: ServerResponse, events: EventTeller, { query }: Target): void {
    response.writeHead(200, { ...HEADERS, 'Content-Type': 'text/event-stream; charset=utf-8' });
    // A client is to know that it is connected before the first event.
    response.flushHeaders();
    this.#streams.add(response);
    const patience = new ReaderPatience(response, this.#limits.readMs, this.counts);
    const told: EventStream = {
      send: (event, data) => {
        if (response.writableLength >= MAX_UNREAD_BYTES) return;
        if (!response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) patience.behind();
      },
      get unread() {
        return response.writableLength;
      },
    };
    const gone = events(told, new URLSearchParams(query));
    response.on('close', () => {
      this.#streams.delete(response);
      gone();
    });
  }
}

/** Of every answer: not kept, taken for nothing else, and of no use to pages of others. */
const HEADERS = {
  'Cache-Control': 'no-store',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
} as const;

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}
