import { connect } from 'node:net';
import { startHttp, json } from '../../../src/core/service/http.ts';
import type { HttpService } from '../../../src/core/service/http.ts';
import { negotiate } from '../../../src/core/report/render/negotiate.ts';
import { bytesOf, must, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

/** What the server itself may say, and Node's reader of HTTP before it. */
const STATUSES: ReadonlySet<string> = new Set(['100', '200', '400', '403', '404', '405', '408', '413', '417', '421', '426', '431']);

/** A body may name the version, too. */
const STATUS_LINE = /HTTP\/1\.1 (\d+) /g;

let service: HttpService | undefined;

export const target: FuzzTarget = {
  name: 'http',
  what: 'bytes on a connection to the HTTP server of a service: every answer begins as one, none is 500, and the server goes on',
  code: ['service/http.ts', 'report/render/negotiate.ts'],
  mostBytes: 2_000,
  inputs: 40_000,
  seeds: () =>
    bytesOf(
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain;q=0.5, application/openmetrics-text; version=1.0.0, */*;q=0.1\r\n\r\n',
      'GET /channels/a%2Fb%20c?x=%zz HTTP/1.1\r\nHost: localhost\r\n\r\nHEAD /health HTTP/1.0\r\n\r\n',
      'GET /%zz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
      'POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabcGET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
      'GET /events?charts HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    ),
  async check(input) {
    service ??= await start();
    const text = await answersTo(service.port, input);
    for (const [, status = ''] of text.matchAll(STATUS_LINE)) must(STATUSES.has(status), 'an answer of', text.slice(0, 200));
    must(text === '' || text.startsWith('HTTP/1.1 '), 'no answer', text.slice(0, 200));
  },
  async close() {
    await service?.stop();
    service = undefined;
  },
};

function start(): Promise<HttpService> {
  return startHttp({
    host: '127.0.0.1',
    port: 0,
    answer: ({ path, accept }) => {
      must(typeof path === 'string' && typeof accept === 'string', 'a request without a path');
      if (path === '/metrics') return json(200, { format: negotiate(accept) });
      return path.startsWith('/channels/') ? json(404, { path }) : path === '/health' ? json(200, {}) : undefined;
    },
    events: (stream, asked) => {
      stream.send('metrics', { charts: asked.has('charts') });
      return () => undefined;
    },
  });
}

/** All that comes back until the connection is closed; a stream of events has no end, and is left. */
async function answersTo(port: number, input: Uint8Array): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const socket = connect({ host: '127.0.0.1', port });
  const done = (): void => resolve(textOf(Buffer.concat(chunks)));
  socket.on('data', (chunk) => {
    chunks.push(chunk);
    if (chunk.includes('text/event-stream')) socket.destroy();
  });
  socket.on('error', () => undefined);
  socket.on('close', done);
  socket.end(input);
  return promise;
}
