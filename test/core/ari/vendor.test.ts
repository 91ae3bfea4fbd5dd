/** The bundled ari-client keeps its promises whatever the server does. Needs `npm run build`. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isAriRequestError, loadAriClient } from '../../../src/core/ari/vendor.ts';
import type { AriClient, AriRawEvent } from '../../../src/core/ari/vendor.ts';

const library = await loadAriClient();
const globals = Object.getOwnPropertyNames(globalThis);

/** An API description of Swagger 1.1 as Asterisk publishes it, with the least that the client wants. */
const RESOURCES = {
  swaggerVersion: '1.1',
  basePath: '',
  apis: [{ path: '/api-docs/channels.{format}' }, { path: '/api-docs/events.{format}' }],
};
const operation = (httpMethod: string, nickname: string, responseClass: string): object => ({
  httpMethod,
  nickname,
  responseClass,
  parameters: [{ name: 'channelId', paramType: 'path', required: true, dataType: 'string' }],
});
const CHANNELS = {
  apis: [
    { path: '/channels', operations: [{ httpMethod: 'GET', nickname: 'list', responseClass: 'List[Channel]', parameters: [] }] },
    { path: '/channels/{channelId}', operations: [operation('GET', 'get', 'Channel'), operation('DELETE', 'hangup', 'void')] },
  ],
  models: { Channel: { id: 'Channel', properties: { id: { type: 'string' } } } },
};
const EVENTS = {
  apis: [{ path: '/events', operations: [{ httpMethod: 'GET', nickname: 'eventWebsocket', responseClass: 'Message', parameters: [] }] }],
  models: { StasisStart: { id: 'StasisStart', properties: { channel: { type: 'Channel' }, args: { type: 'List[string]' } } } },
};

/** A server with a scripted answer, and the event sockets that were opened. */
class FakeAri {
  readonly server: Server;
  readonly sockets: Duplex[] = [];
  readonly paths: string[] = [];
  /** Answers one request; false leaves it to the description of the API. */
  answer: (request: IncomingMessage, response: ServerResponse) => boolean = () => false;
  upgrades = true;

  constructor() {
    this.server = createServer((request, response) => {
      this.paths.push(`${request.method} ${request.url}`);
      if (this.answer(request, response)) return;
      const name = /^\/ari\/api-docs\/(\w+)\.json$/.exec(request.url ?? '')?.[1];
      const document = { resources: { ...RESOURCES, basePath: `${this.url}/ari` }, channels: CHANNELS, events: EVENTS }[name ?? ''];
      response.statusCode = document === undefined ? 404 : 200;
      response.setHeader('Content-Type', 'application/json');
      response.end(
        JSON.stringify(document === undefined ? { message: 'Channel not found' } : { basePath: `${this.url}/ari`, ...document }),
      );
    });
    this.server.on('upgrade', (request, socket) => {
      this.sockets.push(socket);
      socket.on('error', () => undefined);
      this.paths.push(`UPGRADE ${request.url}`);
      if (!this.upgrades) return;
      // RFC 6455 §4.2.2
      const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
      const accept = createHash('sha1').update(key).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Sends one text frame (RFC 6455 §5.2: a server does not mask) on the newest event socket. */
  send(text: string): void {
    const payload = Buffer.from(text);
    const head =
      payload.length < 126 ? Buffer.from([0x81, payload.length]) : Buffer.from([0x81, 126, payload.length >> 8, payload.length & 0xff]);
    this.sockets.at(-1)?.write(Buffer.concat([head, payload]));
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

let fake: FakeAri;
let client: AriClient | undefined;

beforeEach(async () => {
  fake = new FakeAri();
  fake.server.listen(0, '127.0.0.1');
  await once(fake.server, 'listening');
  library.settings.requestTimeoutMs = 10_000;
});

afterEach(async () => {
  client?.stop();
  client = undefined;
  await fake.close();
});

async function connected(): Promise<AriClient> {
  client = await library.connect(fake.url, 'user', 'secret');
  return client;
}

const rejection = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => expect.fail(`resolved to ${String(value)}`),
    (error: unknown) => error,
  );

describe('connect', () => {
  test('reads the description, says nothing on the console and leaves no global behind', async () => {
    const log = vi.spyOn(console, 'log');
    const ari = await connected();
    expect(await rejection(ari.channels.get({ channelId: 'x' }))).toMatchObject({ status: 404, message: 'Channel not found' });
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(globals);
  });

  test.each([
    [401, 'Authentication required', '{"message":"Authentication required"}'],
    [404, '404 Not Found', '<html>nothing here</html>'],
    [503, '503 Service Unavailable', ''],
    [302, '302 Found', ''],
  ])('%i rejects', async (status, message, body) => {
    fake.answer = (_request, response) => {
      response.statusCode = status;
      response.end(body);
      return true;
    };
    const error = await rejection(library.connect(fake.url, 'user', 'wrong'));
    expect(isAriRequestError(error)).toBe(true);
    expect(error).toMatchObject({ status, message, method: 'GET', path: '/ari/api-docs/resources.json' });
  });

  test.each(['<html>', '{}', 'null', '{"apis":[{}]}', '{"apis":[{"path":7}]}'])('an answer that is not ARI (%s) rejects', async (body) => {
    fake.answer = (_request, response) => {
      response.end(body);
      return true;
    };
    expect(await rejection(library.connect(fake.url, 'user', 'secret'))).toMatchObject({
      status: 0,
      message: expect.stringContaining('not ARI'),
    });
  });

  test('a resource that cannot be read rejects', async () => {
    fake.answer = (request, response) => {
      if (request.url !== '/ari/api-docs/channels.json') return false;
      response.statusCode = 503;
      response.end();
      return true;
    };
    expect(await rejection(library.connect(fake.url, 'user', 'secret'))).toMatchObject({
      status: 503,
      path: '/ari/api-docs/channels.json',
    });
  });

  test('nobody there, a reset, and an address that cannot be parsed reject', async () => {
    const closing = createTcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    closing.listen(0, '127.0.0.1');
    await once(closing, 'listening');
    const url = `http://127.0.0.1:${(closing.address() as AddressInfo).port}`;
    expect(await rejection(library.connect(url, 'user', 'secret'))).toMatchObject({ status: 0, code: 'ECONNRESET' });
    closing.close();
    await once(closing, 'close');
    expect(await rejection(library.connect(url, 'user', 'secret'))).toMatchObject({ status: 0, code: 'ECONNREFUSED' });
    expect(await rejection(library.connect('not an address', 'user', 'secret'))).toBeInstanceOf(TypeError);
  });

  test('a server that does not answer is given up', async () => {
    library.settings.requestTimeoutMs = 50;
    fake.answer = () => true;
    expect(await rejection(library.connect(fake.url, 'user', 'secret'))).toMatchObject({ status: 0, code: 'ETIMEDOUT' });
  });

  test('two clients keep their own credentials', async () => {
    const seen: string[] = [];
    fake.answer = (request) => {
      if (request.url === '/ari/channels') seen.push(Buffer.from(request.headers.authorization?.slice(6) ?? '', 'base64').toString());
      return false;
    };
    const first = await library.connect(fake.url, 'first', 'a:b');
    const second = await library.connect(fake.url, 'second', 'ü');
    await rejection(first.channels.list());
    await rejection(second.channels.list());
    expect(seen).toEqual(['first:a:b', 'second:ü']);
  });
});

describe('requests', () => {
  test('a missing parameter, and an answer that is no JSON, reject with an Error', async () => {
    const ari = await connected();
    expect(await rejection(ari.channels.get({} as { channelId: string }))).toBeInstanceOf(Error);
    fake.answer = (_request, response) => {
      response.end('{');
      return true;
    };
    expect(await rejection(ari.channels.get({ channelId: 'x' }))).toMatchObject({ message: expect.stringContaining('not ARI') });
  });

  test('an empty answer is none, and a name is data in a path', async () => {
    const ari = await connected();
    fake.answer = (_request, response) => {
      response.statusCode = 204;
      response.end();
      return true;
    };
    await ari.channels.hangup({ channelId: '../a b/c' });
    expect(fake.paths.at(-1)).toBe('DELETE /ari/channels/..%2Fa%20b%2Fc');
  });

  test('a kept connection that the server has closed is no failure of a GET', async () => {
    const ari = await connected();
    let calls = 0;
    fake.answer = (request, response) => {
      calls += 1;
      if (calls === 2) request.socket.resetAndDestroy();
      else response.end('[]');
      return true;
    };
    expect(await ari.channels.list()).toEqual([]);
    expect(await ari.channels.list()).toEqual([]);
    expect(calls).toBe(3);
  });
});

describe('events', () => {
  /** Starts the client and waits for as many events and protocol errors as are told. */
  async function listening(): Promise<{ ari: AriClient; events: AriRawEvent[]; errors: Error[]; until: (count: number) => Promise<void> }> {
    const ari = await connected();
    const events: AriRawEvent[] = [];
    const errors: Error[] = [];
    let wake = (): void => undefined;
    ari.on('*', (event) => {
      events.push(event);
      wake();
    });
    ari.on('rtplat:protocol-error', (error) => {
      errors.push(error);
      wake();
    });
    await ari.start('my app');
    const until = async (count: number): Promise<void> => {
      while (events.length + errors.length < count) {
        const woken = Promise.withResolvers<void>();
        wake = woken.resolve;
        // One after the other: this waits for the next.
        await woken.promise;
      }
    };
    return { ari, events, errors, until };
  }

  test('the application and the credentials are data in the address', async () => {
    await listening();
    expect(fake.paths.at(-1)).toBe('UPGRADE /ari/events?app=my%20app&api_key=user:secret');
  });

  test('known and unknown types are passed on', async () => {
    const { events, until } = await listening();
    fake.send('{"type":"StasisStart","channel":{"id":"c1"},"args":["a"]}');
    fake.send('{"type":"SomethingNew","answer":42}');
    fake.send('{"type":"StasisStart","channel":null}');
    await until(3);
    expect(events).toEqual([
      { type: 'StasisStart', channel: { id: 'c1' }, args: ['a'] },
      { type: 'SomethingNew', answer: 42 },
      { type: 'StasisStart', channel: null },
    ]);
  });

  test.each([
    '{',
    '',
    'null',
    '7',
    '[]',
    '{}',
    '{"type":"error"}',
    '{"type":"*"}',
    '{"type":"WebSocketConnected"}',
    '{"type":"APILoadError"}',
  ])('a message that is no event (%s) is told and not thrown', async (text) => {
    const { events, errors, until } = await listening();
    fake.send(text);
    fake.send('{"type":"StasisStart"}');
    await until(2);
    expect(errors).toHaveLength(1);
    expect(events).toEqual([{ type: 'StasisStart' }]);
  });

  test('a lost socket is opened again', async () => {
    const { ari } = await listening();
    const again = new Promise<void>((resolve) => {
      ari.on('WebSocketConnected', resolve);
    });
    fake.sockets[0]?.destroy();
    await again;
    expect(fake.sockets).toHaveLength(2);
  });

  test('a stopped client stays stopped, even with a reconnect due', async () => {
    const { ari } = await listening();
    const lost = new Promise<void>((resolve) => {
      ari.on('WebSocketReconnecting', () => resolve());
    });
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    try {
      fake.sockets[0]?.destroy();
      await lost;
      ari.stop();
      vi.advanceTimersByTime(60_000);
    } finally {
      vi.useRealTimers();
    }
    // Another client opens a socket after it, so that one of the first would have been seen before.
    const other = await library.connect(fake.url, 'user', 'secret');
    await other.start('other');
    expect(fake.paths.filter((line) => line.startsWith('UPGRADE'))).toEqual([
      'UPGRADE /ari/events?app=my%20app&api_key=user:secret',
      'UPGRADE /ari/events?app=other&api_key=user:secret',
    ]);
    other.stop();
  });

  test('a stop ends a start that waits, and a ping before the socket is open does nothing', async () => {
    fake.upgrades = false;
    const ari = await connected();
    const start = rejection(ari.start('my app'));
    ari.ping();
    ari.stop();
    expect(await start).toMatchObject({ message: 'stopped' });
  });

  test('an event socket that nobody answers is given up and tried again', async () => {
    fake.upgrades = false;
    const ari = await connected();
    library.settings.requestTimeoutMs = 50;
    const reconnecting = new Promise<Error | undefined>((resolve) => {
      ari.on('WebSocketReconnecting', resolve);
    });
    const start = rejection(ari.start('my app'));
    expect((await reconnecting)?.message).toContain('handshake');
    ari.stop();
    await start;
  });

  test('a ping is answered', async () => {
    const { ari } = await listening();
    const pong = new Promise<void>((resolve) => {
      ari.on('pong', resolve);
    });
    const asked = once(fake.sockets[0] as Duplex, 'data') as Promise<[Buffer]>;
    ari.ping();
    const [frame] = await asked;
    expect((frame[0] ?? 0) & 0x0f).toBe(9); // ping, RFC 6455 §5.5.2
    fake.sockets[0]?.write(Buffer.from([0x8a, 0]));
    await pong;
  });
});
