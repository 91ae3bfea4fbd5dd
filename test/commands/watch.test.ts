import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { watchCommand } from '../../src/commands/watch.ts';
import { makeCertificate } from '../../src/core/sip-server/certificate.ts';
import { capturedIo } from './captured-io.ts';
import type { CapturedIo, CapturedIoOptions } from './captured-io.ts';
import { beginEvents, second, serveEvents } from './event-server.ts';
import type { EventServer } from './event-server.ts';

let server: EventServer | undefined;
let folder = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rtplat-watch-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await server?.stop();
  server = undefined;
});

async function watch(args: readonly string[], options: CapturedIoOptions = {}): Promise<CapturedIo> {
  const io = capturedIo(options);
  await watchCommand(io).parseAsync([...args], { from: 'user' });
  return io;
}

/** A service that tells three seconds at once, and then nothing. */
async function service(seconds = 3): Promise<string> {
  server = await serveEvents((response) => {
    beginEvents(response);
    for (let i = 1; i <= seconds; i++) response.write(second(i));
  });
  return server.url;
}

function linesOf(io: CapturedIo): string[] {
  return io.out().trimEnd().split('\n');
}

describe('without a terminal', () => {
  it('is a line a second, and ends after as many as asked for', async () => {
    const io = await watch([await service(), '--count', '2']);
    const line = /^\d{4}-\d\d-\d\dT\S+Z healthy; calls 1; SLA pass; p50 2.429 ms, .*; ports 1 of 101$/;
    expect(linesOf(io)).toEqual([expect.stringMatching(line), expect.stringMatching(line)]);
    expect({ err: io.err(), status: io.status() }).toEqual({ err: '', status: 0 });
  });

  it('finds the service as report does', async () => {
    const io = await watch(['--count', '1', '--service', await service()]);
    expect(linesOf(io)).toHaveLength(1);
  });

  it('is JSON with --json: a document a line', async () => {
    const io = await watch([`${await service()}/`, '--json', '--count', '3']);
    const documents = linesOf(io).map((line) => JSON.parse(line) as { metrics: { uptime_seconds: number }; connected: boolean });
    expect(documents.map(({ metrics, connected }) => [metrics.uptime_seconds, connected])).toEqual([
      [1, true],
      [2, true],
      [3, true],
    ]);
  });

  it('is a picture of what is now with --once, in colour where there are colours', async () => {
    const url = await service();
    const plain = await watch([url, '--once'], { columns: 90, env: { LANG: 'C.UTF-8' } });
    expect(linesOf(plain).slice(0, 3)).toEqual([`${url}  live, up 1.0 s`, 'health  healthy', 'SLA     pass for 2 channels']);
    expect(plain.out()).toContain('PJSIP/alice-00000001  up ');
    const colourful = await watch([url, '--once'], { columns: 90, colour: true });
    expect(colourful.out()).toContain('\u001B[32mhealthy\u001B[39m');
    expect((await watch([url, '--once', '--no-color'], { columns: 90, colour: true })).out()).not.toContain('\u001B');
  });

  it('keeps to ASCII where the locale is not UTF-8', async () => {
    server = await serveEvents((response) => {
      beginEvents(response);
      response.write(second(1).replace('"p95_latency":3', '"p95_latency":null,"x":3').replace('alice-00000001', 'Zoë'));
    });
    for (const env of [{}, { LANG: 'C' }, { LANG: 'C.UTF-8', LC_ALL: 'POSIX' }]) {
      expect((await watch([server.url, '--once'], { columns: 90, env })).out()).toMatch(/^[\n -~]*$/);
    }
    expect((await watch([server.url, '--once'], { columns: 90, env: { LC_CTYPE: 'de_DE.utf8' } })).out()).toContain('PJSIP/Zoë');
  });
});

describe('a connection that ends', () => {
  it('is made again, and meanwhile no numbers are shown', async () => {
    server = await serveEvents((response, request) => {
      beginEvents(response);
      response.write(second(request));
      if (request < 3) response.end();
    });
    const io = await watch([server.url, '--json', '--count', '3']);
    const documents = linesOf(io).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents.map(({ connected }) => connected)).toEqual([true, false, true, false, true]);
    expect(documents[1]).toMatchObject({ problem: `${server.url}/events ended`, metrics: null, health: null, sla: null, calls: null });
    expect(server.requests).toHaveLength(3);
  });

  it('is made again whatever answers in between', async () => {
    server = await serveEvents((response, request) => {
      if (request === 2) response.writeHead(502).end();
      else {
        beginEvents(response);
        response.end(second(request));
      }
    });
    const io = await watch([server.url, '--count', '2']);
    expect(linesOf(io)).toEqual([
      expect.stringContaining('healthy'),
      expect.stringMatching(/ no connection: http:\S+\/events ended; trying again$/),
      expect.stringMatching(/ no connection: http:\S+\/events answered 502, not 200; trying again$/),
      expect.stringContaining('healthy'),
    ]);
  });

  it('is given up when nothing comes for too long', async () => {
    const url = await service();
    const watching = watch([url, '--json', '--timeout', '3s', '--count', '4']);
    const documents = linesOf(await watching).map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(documents.map(({ problem }) => problem)).toEqual([null, null, null, `${url}/events told nothing for 3 s`, null]);
  });

  it('is a failure when it is so in the end', async () => {
    server = await serveEvents((response, request) => {
      if (request > 1) return void response.destroy();
      beginEvents(response);
      response.end(second(1));
    });
    await expect(watch([server.url, '--duration', '4s'])).rejects.toMatchObject({ code: 'network' });
    expect(server.requests.length).toBeGreaterThan(1);
  });
});

describe('a service that cannot be watched', () => {
  const html = (response: ServerResponse): void => void response.writeHead(200, { 'Content-Type': 'text/html' }).end('<html>');
  const events =
    (text: string) =>
    (response: ServerResponse): void => {
      beginEvents(response);
      response.write(text);
    };
  const status =
    (code: number) =>
    (response: ServerResponse): void =>
      void response.writeHead(code, { Location: '/login' }).end();

  it.each<[string, (response: ServerResponse) => void, string, string]>([
    ['serves pages', html, 'format', 'did not answer the events of an rtplat service: its answer is text/html'],
    ['has no such path', status(404), 'network', 'answered 404, not 200'],
    ['is behind a login', status(302), 'network', 'answered 302, not 200'],
    ['wants a token', status(401), 'credentials', 'answered 401: it wants other credentials'],
    [
      'tells of other things',
      events('event: metrics\ndata: {"cpu":1}\n\n'),
      'format',
      'did not answer the metrics document of an rtplat service',
    ],
    ['tells nothing', events(''), 'timeout', 'told nothing for 0.2 s'],
    ['is silent', () => {}, 'timeout', 'told nothing for 0.2 s'],
    ['goes away at once', (response) => response.destroy(), 'network', 'cannot be reached: ECONNRESET'],
    [
      'breaks off',
      (response) => void (beginEvents(response), response.write(': \n', () => response.destroy())),
      'network',
      'broke off: ECONNRESET',
    ],
    ['ends without a word', (response) => void (beginEvents(response), response.end()), 'network', 'ended'],
  ])('because it %s: one clear line', async (_what, answer, code, said) => {
    server = await serveEvents(answer);
    const patience = code === 'timeout' ? '200ms' : '20s';
    await expect(watch([server.url, '--timeout', patience])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`${server.url}/events`) as string,
    });
    await expect(watch([server.url, '--timeout', patience])).rejects.toThrow(said);
  });

  it('because it keeps a connection alive and tells nothing', async () => {
    const timers: NodeJS.Timeout[] = [];
    server = await serveEvents((response) => {
      beginEvents(response);
      timers.push(setInterval(() => response.write(': still here\n\n'), 5));
    });
    await expect(watch([server.url, '--timeout', '300ms'])).rejects.toThrow('told nothing for 0.3 s');
    for (const timer of timers) clearInterval(timer);
  });

  it('because nobody listens', async () => {
    // tcpmux is a service of the past.
    await expect(watch(['http://127.0.0.1:1'])).rejects.toMatchObject({
      code: 'network',
      message: 'http://127.0.0.1:1/events cannot be reached: ECONNREFUSED',
      hint: expect.stringContaining('is the service up') as string,
    });
  });

  it('because its certificate is nobody’s', async () => {
    server = await serveEvents((response) => response.end(), makeCertificate('127.0.0.1', [], new Date()));
    await expect(watch([server.url])).rejects.toMatchObject({
      code: 'network',
      message: `${server.url}/events cannot be reached: DEPTH_ZERO_SELF_SIGNED_CERT`,
      hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') as string,
    });
  });

  it('because it does not speak TLS', async () => {
    const url = (await service()).replace('http:', 'https:');
    await expect(watch([url])).rejects.toThrow(`${url}/events cannot be reached: TLS failed (`);
  });

  it('in the time that there is', async () => {
    server = await serveEvents(() => {});
    await expect(watch([server.url, '--duration', '50ms'])).rejects.toMatchObject({ code: 'timeout' });
  });

  it.each(['127.0.0.1:9090', 'localhost', 'ftp://127.0.0.1', 'http://127.0.0.1:9090/?x=1', 'http://:80', 'run.json'])(
    'because %s is no address of one',
    async (name) => {
      await expect(watch([name])).rejects.toMatchObject({ code: 'usage', hint: 'write http://HOST:PORT' });
    },
  );
});

describe('credentials', () => {
  const authorization = (): string | undefined => server?.requests.at(-1)?.headers.authorization;

  it('come from the environment or a file', async () => {
    const url = await service();
    await watch([url, '--once']);
    expect(authorization()).toBeUndefined();
    await watch([url, '--once'], { env: { RTPLAT_SERVICE_TOKEN: 's3cret' } });
    expect(authorization()).toBe('Bearer s3cret');
    const file = join(folder, 'token');
    writeFileSync(file, 'from-file\n');
    await watch([url, '--once', '--service-token-file', file], { env: { RTPLAT_SERVICE_TOKEN: 's3cret' } });
    expect(authorization()).toBe('Bearer from-file');
  });

  it('of an address are used, and not shown', async () => {
    const url = (await service()).replace('http://', 'http://me:s3cret@');
    const io = await watch([`${url}/rtplat`, '--once']);
    expect(server?.requests.at(-1)?.url).toBe('/rtplat/events');
    expect(authorization()).toBe(`Basic ${Buffer.from('me:s3cret').toString('base64')}`);
    expect(io.out()).not.toContain('s3cret');
    await expect(watch(['http://me:s3cret@127.0.0.1:1'])).rejects.toThrow(/^http:\/\/127.0.0.1:1\/events cannot/);
  });

  it('that no header may have are refused', async () => {
    await expect(watch(['http://127.0.0.1:1'], { env: { RTPLAT_SERVICE_TOKEN: 'a\nb' } })).rejects.toMatchObject({ code: 'usage' });
    await expect(watch(['http://127.0.0.1:1', '--service-token-file', join(folder, 'none')])).rejects.toMatchObject({ code: 'usage' });
  });
});
