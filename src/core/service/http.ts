/** The small HTTP server of the services: GET only, bounded in every direction, JSON by default. */
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { errnoOf, messageOf, RtplatError } from '../errors.ts';
import { renderJson } from '../report/render/json.ts';
import { formatHostPort } from '../values/address.ts';

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
}

export interface HttpService {
  readonly host: string;
  readonly port: number;
  stop(): Promise<void>;
}

const LIMITS = { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000, connectionsCheckingInterval: 2_000 } as const;
const MAX_CONNECTIONS = 128;
/** What a slow reader of events may leave unread before events are left out for it. */
const MAX_UNREAD_BYTES = 256 * 1024;

export function json(status: number, document: object): HttpAnswer {
  return { status, contentType: 'application/json; charset=utf-8', body: renderJson(document) };
}

/** @throws RtplatError `bind`. */
export async function startHttp(options: HttpServiceOptions): Promise<HttpService> {
  const streams = new Set<ServerResponse>();
  const server = createServer(LIMITS, (request, response) => serve(request, response, options, streams));
  server.maxConnections = MAX_CONNECTIONS;
  await listen(server, options);
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return {
    host: options.host,
    port,
    stop: () =>
      new Promise((resolve) => {
        for (const response of streams) response.end();
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

function serve(request: IncomingMessage, response: ServerResponse, options: HttpServiceOptions, streams: Set<ServerResponse>): void {
  response.on('error', () => response.destroy());
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(request, response, json(405, { error: 'only GET is served here' }));
  }
  const path = pathOf(request.url ?? '/');
  if (path === undefined) return send(request, response, json(400, { error: 'the path is not valid percent-encoding' }));
  if (path === '/events' && options.events !== undefined && request.method === 'GET') {
    return stream(request, response, options.events, streams);
  }
  let answer: HttpAnswer | undefined;
  try {
    answer = options.answer({ path, accept: request.headers.accept ?? '' });
  } catch (error) {
    answer = json(500, { error: messageOf(error) });
  }
  return send(request, response, answer ?? json(404, { error: 'nothing is served under this path' }));
}

function pathOf(url: string): string | undefined {
  const query = url.indexOf('?');
  try {
    return decodeURIComponent(query < 0 ? url : url.slice(0, query));
  } catch {
    return undefined;
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: HttpAnswer): void {
  response.writeHead(answer.status, {
    'Content-Type': answer.contentType,
    'Content-Length': Buffer.byteLength(answer.body),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    ...(answer.policy === undefined ? {} : { 'Content-Security-Policy': answer.policy }),
  });
  response.end(request.method === 'HEAD' ? undefined : answer.body);
}

function stream(request: IncomingMessage, response: ServerResponse, events: EventTeller, streams: Set<ServerResponse>): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-store' });
  // A client is to know that it is connected before the first event.
  response.flushHeaders();
  streams.add(response);
  const url = request.url ?? '';
  const query = url.indexOf('?');
  const told: EventStream = {
    send: (event, data) => {
      if (response.writableLength < MAX_UNREAD_BYTES) response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    },
    get unread() {
      return response.writableLength;
    },
  };
  const gone = events(told, new URLSearchParams(query < 0 ? '' : url.slice(query)));
  response.on('close', () => {
    streams.delete(response);
    gone();
  });
}
