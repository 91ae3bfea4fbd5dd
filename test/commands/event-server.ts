/** An HTTP server on loopback whose `/events` does what a test wants. */
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeMetrics } from '../core/report/make-metrics.ts';
import { callNumber, HEALTHY, LATENCY } from '../core/watch/make-snapshot.ts';

export interface EventServer {
  readonly url: string;
  readonly requests: readonly IncomingMessage[];
  stop(): Promise<void>;
}

/** @param answer each request, by its number, 1 for the first. @param tls PEM texts, for a server of HTTPS. */
export async function serveEvents(
  answer: (response: ServerResponse, request: number) => void,
  tls?: { readonly key: string; readonly cert: string },
): Promise<EventServer> {
  const requests: IncomingMessage[] = [];
  const listener: RequestListener = (request, response) => {
    requests.push(request);
    if (request.url?.endsWith('/events') === true) answer(response, requests.length);
    else response.writeHead(404).end();
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    requests,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
}

/** A second as a service tells it. */
export function second(uptimeSeconds: number): string {
  const metrics = { ...makeMetrics(LATENCY, 0), uptime_seconds: uptimeSeconds };
  const event = (name: string, data: unknown): string => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
  return event('metrics', metrics) + event('health', HEALTHY) + event('calls', [callNumber(1)]);
}
