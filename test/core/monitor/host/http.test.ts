// Questions and messages over HTTP, to a server of the test.
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { checkHttp } from '../../../../src/core/monitor/host/http-check.ts';
import { portInUse } from '../../../../src/core/monitor/host/ports.ts';
import { postWebhook } from '../../../../src/core/monitor/host/webhook.ts';
import { judgeHttp } from '../../../../src/core/monitor/health-answer.ts';
import type { HttpReply } from '../../../../src/core/monitor/health-answer.ts';
import { passed } from '../../../../src/core/monitor/verdict.ts';
import type { Verdict } from '../../../../src/core/monitor/verdict.ts';

const servers: Server[] = [];
const LONG_MS = 20_000;

afterEach(async () => {
  for (const server of servers.splice(0)) {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }
});

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('a GET', () => {
  it('hands over status, body and time', async () => {
    const url = await serve((_, response) => response.writeHead(503).end('{"a":1}'));
    let body = '';
    const verdict = await checkHttp({ url, timeoutMs: LONG_MS }, (reply) => {
      body = `${reply.status} ${reply.body}`;
      return passed(reply.tookMs);
    });
    expect(body).toBe('503 {"a":1}');
    expect(verdict).toMatchObject({ ok: true, tookMs: expect.any(Number) });
  });

  it('has no patience beyond its time, with the body too', async () => {
    const silent = await serve(() => {});
    const slow = await serve((_, response) => void response.writeHead(200).write('{'));
    for (const url of [silent, slow]) {
      const text = `no answer from ${url} within 50 ms`;
      expect(await checkHttp({ url, timeoutMs: 50 }, () => passed(0))).toEqual({ ok: false, reason: 'timeout', text, gone: false });
    }
  });

  it('reads no more than it needs', async () => {
    const url = await serve((_, response) => {
      response.end(Buffer.alloc(10 * 65_536, 'x'));
    });
    let length = 0;
    await checkHttp({ url, timeoutMs: LONG_MS }, (reply) => {
      length = reply.body.length;
      return passed(0);
    });
    expect(length).toBe(65_536);
  });

  it('knows that nobody listens, and that somebody hangs up', async () => {
    const url = await serve((request) => request.socket.destroy());
    expect(await checkHttp({ url, timeoutMs: LONG_MS }, () => passed(0))).toMatchObject({
      reason: 'wrong_answer',
      text: `no answer from ${url}: ECONNRESET`,
    });
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    expect(await checkHttp({ url, timeoutMs: LONG_MS }, () => passed(0))).toMatchObject({
      reason: 'refused',
      text: `nothing listens on ${url}`,
    });
  });
});

describe('the token of a service', () => {
  it('is sent, and who refuses us all the same is up', async () => {
    const url = await serve((request, response) => response.writeHead(request.headers.authorization === 'Bearer a' ? 200 : 401).end());
    const asking = { url, timeoutMs: LONG_MS };
    const seen: number[] = [];
    const see = (reply: HttpReply): Verdict => {
      seen.push(reply.status);
      return judgeHttp(url, reply);
    };
    expect(await checkHttp({ ...asking, token: 'a' }, see)).toMatchObject({ ok: true, notReady: null });
    expect(await checkHttp(asking, see)).toMatchObject({ ok: true, notReady: expect.stringContaining('token_file') as string });
    expect(seen).toEqual([200, 401]);
  });
});

describe('the webhook', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rtplat-webhook-'));
  const tokenFile = join(folder, 'token');
  const hook = (url: string): Parameters<typeof postWebhook>[0] => ({ url, token_file: tokenFile, timeout_ms: LONG_MS });

  afterEach(() => rmSync(tokenFile, { force: true }));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is a POST of JSON with the token of the file', async () => {
    writeFileSync(tokenFile, 'secret-1\n');
    const got = Promise.withResolvers<unknown>();
    const url = await serve((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (text: string) => (body += text));
      request.on('end', () => {
        got.resolve({ method: request.method, authorization: request.headers.authorization, body: JSON.parse(body) as unknown });
        response.writeHead(204).end();
      });
    });
    await postWebhook(hook(`${url}/x`), { service: 'écho' }, {});
    expect(await got.promise).toEqual({ method: 'POST', authorization: 'Bearer secret-1', body: { service: 'écho' } });
  });

  it('is not sent after a redirect, which would hand the token to somebody else', async () => {
    writeFileSync(tokenFile, 'secret-1\n');
    let asked = 0;
    const other = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    const url = await serve((_, response) => response.writeHead(307, { location: other }).end());
    await expect(postWebhook(hook(url), {}, {})).rejects.toThrow('the webhook answered 307');
    expect(asked).toBe(0);
  });

  it('has a time of its own, and says what went wrong', async () => {
    const url = await serve(() => {});
    await expect(postWebhook({ url, timeout_ms: 50 }, {}, {})).rejects.toThrow('the webhook did not answer within 50 ms');
    await expect(postWebhook(hook(url), {}, {})).rejects.toThrow(/cannot read webhook\.token_file .*token: ENOENT/);
    const server = servers.pop();
    server?.closeAllConnections();
    await new Promise((resolve) => server?.close(resolve));
    await expect(postWebhook({ url, timeout_ms: LONG_MS }, {}, {})).rejects.toThrow('the webhook cannot be reached: ECONNREFUSED');
  });
});

describe('a port', () => {
  it('is in use when somebody listens, and free when not', async () => {
    const url = new URL(await serve(() => {}));
    const place = { host: '127.0.0.1', port: Number(url.port) };
    expect(await portInUse([{ transport: 'UDP', ...place }])).toBeUndefined();
    expect(await portInUse([{ transport: 'TCP', ...place }])).toBe(
      `TCP port 127.0.0.1:${url.port} is in use (see who holds it: ss -ltnp 'sport = :${url.port}')`,
    );
    // Asking has left nothing behind.
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    expect(await portInUse([{ transport: 'TCP', ...place }])).toBeUndefined();
  });

  it('of another host is none of ours', async () => {
    expect(await portInUse([{ transport: 'UDP', host: '192.0.2.1', port: 4_000 }])).toBeUndefined();
  });
});
