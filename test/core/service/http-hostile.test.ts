/** What a stranger can send: it is answered or the connection is closed, and the service goes on. */
import { once } from 'node:events';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { json, startHttp } from '../../../src/core/service/http.ts';
import type { EventStream, HttpService, HttpServiceOptions } from '../../../src/core/service/http.ts';
import { HttpCounts } from '../../../src/core/service/http-counts.ts';
import type { HttpRefusal } from '../../../src/core/service/http-counts.ts';
import { get, open } from './http-client.ts';
import { dial, say, statusesOf, untilClosed } from './raw-http.ts';

let service: HttpService | undefined;
let counts = new HttpCounts();
let paths: string[] = [];
const HOST = 'Host: localhost\r\n';

afterEach(async () => service?.stop());

async function start(options: Partial<HttpServiceOptions> = {}): Promise<number> {
  counts = new HttpCounts();
  paths = [];
  const answer: HttpServiceOptions['answer'] = ({ path }) => {
    paths.push(path);
    return path === '/health' ? json(200, { well: true }) : undefined;
  };
  service = await startHttp({ host: '127.0.0.1', port: 0, counts, answer, ...options });
  return service.port;
}

async function isWell(port: number): Promise<void> {
  expect((await get(port, '/health')).status).toBe(200);
}

describe('a request', () => {
  it.each<[string, string, number, HttpRefusal]>([
    ['that is none', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n', 400, 'malformed'],
    ['of HTTP/0.9', 'GET /health\r\n\r\n', 400, 'malformed'],
    ['of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'malformed'],
    ['for no path', `GET health HTTP/1.1\r\n${HOST}\r\n`, 400, 'malformed'],
    ['for *', `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, 400, 'malformed'],
    ['with a line of half a megabyte', `GET /${'x'.repeat(500_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, 'header_size'],
    ['with a header of half a megabyte', `GET /health HTTP/1.1\r\n${HOST}X: ${'x'.repeat(500_000)}\r\n\r\n`, 431, 'header_size'],
    ['with 10,000 headers', `GET /health HTTP/1.1\r\n${HOST}${'x:y\r\n'.repeat(10_000)}\r\n`, 431, 'header_size'],
    ['with a header that has none', `GET /health HTTP/1.1\r\n${HOST}no colon\r\n\r\n`, 400, 'malformed'],
    ['with NUL in a header', `GET /health HTTP/1.1\r\n${HOST}X: \0\r\n\r\n`, 400, 'malformed'],
    ['with a bare CR in a header', `GET /health HTTP/1.1\r\n${HOST}X: a\rY: b\r\n\r\n`, 400, 'malformed'],
    ['with two lengths', `GET /health HTTP/1.1\r\n${HOST}Content-Length: 1\r\nContent-Length: 2\r\n\r\nx`, 400, 'malformed'],
    [
      'with a length and chunks',
      `GET /health HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
      'malformed',
    ],
    ['with a body', `GET /health HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`, 413, 'body'],
    ['with a body to come', `GET /health HTTP/1.1\r\n${HOST}Content-Length: 1000000000\r\nExpect: 100-continue\r\n\r\n`, 413, 'body'],
    ['in chunks', `GET /health HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n`, 413, 'body'],
    ['with a body that is posted', `POST /health HTTP/1.1\r\n${HOST}Content-Length: 1000000000\r\n\r\nx`, 405, 'method'],
    ['of a method of one letter more', `GETT /health HTTP/1.1\r\n${HOST}\r\n`, 400, 'malformed'],
  ])('%s is refused, counted, and the connection closed', async (_what, bytes, status, why) => {
    const port = await start();
    expect(statusesOf(await say(port, Buffer.from(bytes, 'latin1')))).toEqual([status]);
    expect(counts.count(why)).toBe(1);
    expect(paths).toEqual([]);
    await isWell(port);
  });

  it('for a tunnel is not answered', async () => {
    const port = await start();
    expect(await say(port, `CONNECT evil.example:443 HTTP/1.1\r\n${HOST}\r\n`)).toBe('');
    await isWell(port);
  });

  it('for another protocol is answered in this one', async () => {
    const port = await start();
    const upgrade = 'Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    const text = await say(port, `GET /health HTTP/1.1\r\n${HOST}${upgrade}\r\n`);
    expect(statusesOf(text)).toEqual([200]);
  });

  it('for a path that leads elsewhere finds nothing, and says nothing of it', async () => {
    const port = await start();
    for (const path of [
      '/../../etc/passwd',
      '/%2e%2e/%2e%2e/etc/passwd',
      '/health%00',
      '/%0d%0aSet-Cookie:%20a=b',
      '//evil.example',
      '/%1b[2J',
    ]) {
      const text = await say(port, `GET ${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
      expect(statusesOf(text), path).toEqual([404]);
      expect(text).not.toMatch(/Set-Cookie|passwd|evil|\u001b/);
    }
    await isWell(port);
  });

  it('after another is answered after it, however many come at once', async () => {
    const port = await start();
    const one = `GET /health HTTP/1.1\r\n${HOST}\r\n`;
    const text = await say(port, `${one.repeat(500)}GET /health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    expect(statusesOf(text)).toEqual(Array.from({ length: 501 }, () => 200));
  });

  it('behind a refused one is not looked at', async () => {
    const port = await start();
    const text = await say(port, `POST /x HTTP/1.1\r\n${HOST}Content-Length: 40\r\n\r\nGET /health HTTP/1.1\r\n${HOST}\r\n`);
    expect(statusesOf(text)).toEqual([405]);
    expect(paths).toEqual([]);
  });

  it('of any bytes is answered or closed', async () => {
    const port = await start();
    const word = fc.constantFrom(
      'GET',
      'HEAD',
      'POST',
      ' ',
      '/',
      '/health',
      '%',
      '%00',
      'HTTP/1.1',
      '\r\n',
      '\n',
      '\r',
      'Host:',
      'localhost',
      ':',
      '\0',
      ';',
      '?',
      '..',
    );
    const bytes = fc.array(fc.oneof(word, fc.string({ unit: 'binary', maxLength: 20 })), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(bytes, async (parts) => {
        const socket = await dial(port);
        const closed = untilClosed(socket);
        socket.end(Buffer.from(parts.join(''), 'utf8'));
        for (const status of statusesOf(await closed)) expect(status).toBeLessThan(500);
      }),
      { numRuns: 300, seed: 8 },
    );
    await isWell(port);
  });
});

describe('a client that takes its time', () => {
  const QUICK = { headerMs: 200, lookMs: 50, readMs: 200 };

  it.each([
    ['says nothing', ''],
    ['does not end its line', 'GET /hea'],
    ['does not end its header', `GET /health HTTP/1.1\r\n${HOST}X:`],
  ])('and %s is sent away', async (_what, bytes) => {
    const port = await start({ limits: QUICK });
    expect(statusesOf(await say(port, bytes))).toEqual([408]);
    expect(counts.count('time_out')).toBe(1);
    await isWell(port);
  });

  it('and sends a byte now and then is sent away as well', async () => {
    const port = await start({ limits: QUICK });
    const socket = await dial(port);
    const closed = untilClosed(socket);
    socket.write(`GET /health HTTP/1.1\r\n${HOST}`);
    const drip = setInterval(() => socket.write('X: y\r\n'), 20);
    const text = await closed;
    clearInterval(drip);
    expect(statusesOf(text)).toEqual([408]);
  });

  it('and reads nothing of a large answer is cut off', async () => {
    const large = 'x'.repeat(64 * 2 ** 20);
    const port = await start({ limits: QUICK, answer: () => ({ status: 200, contentType: 'text/plain', body: large }) });
    const socket = await dial(port);
    socket.pause();
    socket.write(`GET / HTTP/1.1\r\n${HOST}\r\n`);
    await expect.poll(() => counts.count('time_out'), { timeout: 20_000 }).toBe(1);
    socket.destroy();
  });

  it('and reads nothing of its events is cut off, and forgotten', async () => {
    const gone = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<EventStream>();
    const port = await start({
      limits: QUICK,
      events: (stream) => {
        opened.resolve(stream);
        return () => gone.resolve();
      },
    });
    const client = await open(port, '/events');
    client.on('error', () => {});
    const stream = await opened.promise;
    const big = 'x'.repeat(200_000);
    // The kernel takes some megabytes first.
    while (counts.count('time_out') === 0) {
      stream.send('metrics', big);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await gone.promise;
    expect(counts.count('time_out')).toBe(1);
    client.destroy();
  });
});

describe('too many', () => {
  it('connections of one address leave room for others', async () => {
    const port = await start({ limits: { connections: 10, connectionsOfOne: 4 } });
    const held = await Promise.all(Array.from({ length: 4 }, () => dial(port)));
    expect(await say(port, `GET /health HTTP/1.1\r\n${HOST}\r\n`)).toBe('');
    expect(counts.count('connections')).toBe(1);
    const other = await dial(port, '127.0.0.1', '127.0.0.2');
    other.write(`GET /health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`);
    expect(statusesOf(await untilClosed(other))).toEqual([200]);
    const closed = held.map((socket) => once(socket, 'close'));
    for (const socket of held) socket.destroy();
    await Promise.all(closed);
    // They are forgotten when the server has seen them go.
    await expect.poll(async () => statusesOf(await say(port, `GET /health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`))).toEqual([200]);
  });

  it('connections in all are closed at once', async () => {
    const port = await start({ limits: { connections: 3, connectionsOfOne: 3 } });
    const held = await Promise.all(Array.from({ length: 3 }, () => dial(port)));
    const other = await dial(port, '127.0.0.1', '127.0.0.3');
    expect(await untilClosed(other)).toBe('');
    expect(counts.count('connections')).toBe(1);
    for (const socket of held) socket.destroy();
    await expect.poll(async () => statusesOf(await say(port, `GET /health HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`))).toEqual([200]);
  });

  it('who read events are asked to come later, and the rest is served', async () => {
    const port = await start({ limits: { streams: 2 }, events: () => () => {} });
    const readers = [await open(port, '/events'), await open(port, '/events')];
    const { status, headers } = await get(port, '/events');
    expect([status, headers['retry-after']]).toEqual([503, '5']);
    expect(counts.count('streams')).toBe(1);
    await isWell(port);
    for (const reader of readers) reader.destroy();
    await expect
      .poll(async () => {
        const reader = await open(port, '/events');
        reader.destroy();
        return reader.statusCode;
      })
      .toBe(200);
  });
});

it('nonsense behind a stream of events ends it, and is not answered into it', async () => {
  const port = await start({
    events: (stream) => {
      stream.send('x', 1);
      return () => {};
    },
  });
  const text = await say(port, `GET /events HTTP/1.1\r\n${HOST}\r\n\x01\x02 nonsense\r\n\r\n`);
  expect(statusesOf(text).filter((status) => status !== 200)).toEqual([]);
  expect(counts.count('malformed')).toBe(1);
});

it('what is refused is told to who watches', async () => {
  const port = await start();
  await get(port, '/health', { method: 'PUT' });
  const [family] = counts.families();
  expect(family).toMatchObject({ name: 'rtplat_http_refused', type: 'counter' });
  expect(family !== undefined && 'points' in family ? family.points : []).toContainEqual({ value: 1, labels: { reason: 'method' } });
});
