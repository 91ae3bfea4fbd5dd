import { connect } from 'node:net';
import { finished } from 'node:stream/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { json, startHttp } from '../../../src/core/service/http.ts';
import type { EventStream, HttpRequest, HttpService, HttpServiceOptions } from '../../../src/core/service/http.ts';
import { events, get, open } from './http-client.ts';

const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function start(options: Partial<HttpServiceOptions> = {}): Promise<HttpService & { readonly asked: HttpRequest[] }> {
  const asked: HttpRequest[] = [];
  const service = await startHttp({
    host: '127.0.0.1',
    port: 0,
    answer: (request) => {
      asked.push(request);
      return request.path === '/here' ? json(200, { here: true }) : undefined;
    },
    ...options,
  });
  closing.push(() => service.stop());
  return { ...service, asked };
}

describe('requests', () => {
  it('are answered with JSON that no cache keeps', async () => {
    const { port } = await start();
    const { status, headers, body } = await get(port, '/here?and=there');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'content-length': String(body.length),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(JSON.parse(body)).toEqual({ here: true });
  });

  it('of a page are answered with its policy, and of anything else with none', async () => {
    const page = { status: 200, contentType: 'text/html', body: '<p>', policy: "default-src 'none'" };
    const { port } = await start({ answer: ({ path }) => (path === '/' ? page : json(200, {})) });
    expect((await get(port, '/')).headers['content-security-policy']).toBe("default-src 'none'");
    expect((await get(port, '/metrics')).headers).not.toHaveProperty('content-security-policy');
  });

  it('reach the answer decoded, without their query, with their Accept header', async () => {
    const { port, asked } = await start();
    await get(port, '/channels/a%2Fb%20c?x=%zz', { accept: 'text/plain' });
    await get(port, '/');
    expect(asked).toEqual([
      { path: '/channels/a/b c', accept: 'text/plain' },
      { path: '/', accept: '' },
    ]);
  });

  it('for what is not there are 404', async () => {
    const { port } = await start();
    const { status, body } = await get(port, '/nowhere');
    expect([status, JSON.parse(body)]).toEqual([404, { error: 'nothing is served under this path' }]);
  });

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('of the method %s are 405', async (method) => {
    const { port, asked } = await start();
    const { status, headers } = await get(port, '/here', { method });
    expect([status, headers.allow, asked]).toEqual([405, 'GET, HEAD', []]);
  });

  it('with a path that is no percent-encoding are 400', async () => {
    const { port } = await start();
    expect((await get(port, '/%zz')).status).toBe(400);
    expect((await get(port, '/%ff')).status).toBe(400);
  });

  it('of the method HEAD get the headers of GET and no body', async () => {
    const { port } = await start();
    const [head, whole] = [await get(port, '/here', { method: 'HEAD' }), await get(port, '/here')];
    expect([head.status, head.body, head.headers['content-length']]).toEqual([200, '', whole.headers['content-length']]);
  });

  it('whose answer throws are 500, and the service goes on', async () => {
    const { port } = await start({
      answer: ({ path }) => {
        if (path === '/bad') throw new Error('no such thing');
        return json(200, {});
      },
    });
    const { status, body } = await get(port, '/bad');
    expect([status, JSON.parse(body)]).toEqual([500, { error: 'no such thing' }]);
    expect((await get(port, '/good')).status).toBe(200);
  });

  it('that are no HTTP are refused, and the service goes on', async () => {
    const { port } = await start();
    const socket = connect(port, '127.0.0.1');
    socket.end('\x16\x03\x01 nonsense\r\n\r\n');
    let answer = '';
    for await (const part of socket) answer += String(part);
    expect(answer).toContain('400 Bad Request');
    expect((await get(port, '/here')).status).toBe(200);
  });
});

describe('server-sent events', () => {
  it('reach a client, which is forgotten when it goes', async () => {
    const gone = Promise.withResolvers<void>();
    const streams: EventStream[] = [];
    const { port } = await start({
      events: (stream) => {
        streams.push(stream);
        stream.send('metrics', { n: 1 });
        return () => gone.resolve();
      },
    });
    const client = await open(port, '/events');
    expect(client.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(await events(client, 1)).toEqual([['metrics', { n: 1 }]]);
    streams[0]!.send('health', 'two\nlines');
    expect(await events(client, 1)).toEqual([['health', 'two\nlines']]);
    client.destroy();
    await gone.promise;
    streams[0]!.send('metrics', 'nobody');
    expect((await get(port, '/here')).status).toBe(200);
  });

  it('come with what the client asks for', async () => {
    const { port } = await start({
      events: (stream, asked) => {
        stream.send('asked', [...asked]);
        return () => {};
      },
    });
    const asked = async (path: string): Promise<unknown> => {
      const client = await open(port, path);
      const [[, data] = []] = await events(client, 1);
      client.destroy();
      return data;
    };
    expect(await asked('/events')).toEqual([]);
    expect(await asked('/events?charts')).toEqual([['charts', '']]);
    expect(await asked('/events?a=%zz&b=1')).toEqual([
      ['a', '%zz'],
      ['b', '1'],
    ]);
  });

  it('are left out for a client that does not read', async () => {
    const sent = Promise.withResolvers<void>();
    const gone = Promise.withResolvers<void>();
    let stream: EventStream | undefined;
    const { port, stop } = await start({
      events: (opened) => {
        stream = opened;
        sent.resolve();
        return () => gone.resolve();
      },
    });
    const client = await open(port, '/events');
    client.on('error', () => {});
    await sent.promise;
    const big = 'x'.repeat(64 * 1_024);
    const before = process.memoryUsage().external + process.memoryUsage().heapUsed;
    for (let i = 0; i < 4_000; i++) stream!.send('metrics', big);
    // 250 MB were offered; the client and the kernel between us took next to nothing of it.
    expect(process.memoryUsage().external + process.memoryUsage().heapUsed - before).toBeLessThan(150e6);
    await stop();
    await gone.promise;
  });

  it('are 404 where nobody serves them, and to HEAD', async () => {
    const { port } = await start();
    expect((await get(port, '/events')).status).toBe(404);
    const served = await start({ events: () => () => {} });
    expect((await get(served.port, '/events', { method: 'HEAD' })).status).toBe(404);
  });
});

describe('the service', () => {
  it('stops with clients on its events and on idle connections', async () => {
    let gone = 0;
    const { port, stop } = await start({
      events: (stream) => {
        stream.send('x', 1);
        return () => (gone += 1);
      },
    });
    const clients = await Promise.all([open(port, '/events'), open(port, '/events')]);
    for (const client of clients) client.on('error', () => {});
    const idle = connect(port, '127.0.0.1');
    idle.on('error', () => {});
    await new Promise((resolve) => idle.once('connect', resolve));
    await stop();
    await Promise.all(clients.map((client) => finished(client.resume()).catch(() => {})));
    expect(gone).toBe(2);
    await expect(get(port, '/here')).rejects.toThrow('ECONNREFUSED');
  });

  it('says what to do when its port is taken', async () => {
    const { port } = await start();
    await expect(startHttp({ host: '127.0.0.1', port, answer: () => undefined })).rejects.toMatchObject({
      code: 'bind',
      message: `cannot serve HTTP on 127.0.0.1:${port}: EADDRINUSE`,
      hint: expect.stringContaining('--http-port') as string,
    });
  });

  it('serves IPv6, and names it with brackets in its errors', async () => {
    const { port } = await start({ host: '::1' });
    await expect(startHttp({ host: '::1', port, answer: () => undefined })).rejects.toThrow(
      `cannot serve HTTP on [::1]:${port}: EADDRINUSE`,
    );
  });
});
