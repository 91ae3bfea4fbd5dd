import { afterEach, describe, expect, it } from 'vitest';
import { json, startHttp } from '../../../src/core/service/http.ts';
import type { HttpService } from '../../../src/core/service/http.ts';
import { HttpCounts } from '../../../src/core/service/http-counts.ts';
import type { HttpAccess } from '../../../src/core/service/http-gate.ts';
import { say, statusesOf } from './raw-http.ts';

const TOKEN = 'd41a0c7b9be24f86';
let service: HttpService | undefined;
let counts = new HttpCounts();

afterEach(async () => service?.stop());

async function start(access: Partial<HttpAccess> = {}): Promise<number> {
  counts = new HttpCounts();
  service = await startHttp({
    host: '127.0.0.1',
    port: 0,
    access: { token: undefined, hosts: [], ...access },
    counts,
    answer: ({ path }) => (path === '/health' ? json(200, { well: true }) : undefined),
    events: (stream) => {
      stream.send('x', 1);
      return () => {};
    },
  });
  return service.port;
}

/** @returns the answer to a GET with these headers, and its status. */
async function ask(
  port: number,
  headers: readonly string[],
  target = '/health',
): Promise<{ readonly status: number | undefined; readonly text: string }> {
  const text = await say(port, [`GET ${target} HTTP/1.1`, ...headers, 'Connection: close', '', ''].join('\r\n'));
  return { status: statusesOf(text)[0], text };
}

const HERE = 'Host: 127.0.0.1:9090';

describe('the name that is asked for', () => {
  it.each([
    '127.0.0.1:9090',
    '127.0.0.1',
    'localhost:1',
    'LOCALHOST',
    'localhost.',
    'a.localhost:9090',
    '[::1]:9090',
    '[2001:db8::1]',
    '192.0.2.7:80',
    'rtplat.example.org',
    'RTPLAT.example.ORG.:8443',
  ])('%s is ours', async (host) => {
    const port = await start({ hosts: ['rtplat.example.org'] });
    expect(await ask(port, [`Host: ${host}`])).toMatchObject({ status: 200 });
    expect(counts.count('host')).toBe(0);
  });

  it.each([
    'evil.example',
    'evil.example:9090',
    'rtplat.example.org.evil.example',
    'xrtplat.example.org',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    '127.0.0.1@evil.example',
    '[::1].evil.example',
    '[evil.example]',
    '0x7f.1',
    '127.1',
    '127.0.0.1:80:90',
    '127.0.0.1:port',
    '::1',
  ])('%s is not: a page that was led here by DNS gets nothing', async (host) => {
    const port = await start({ hosts: ['rtplat.example.org'] });
    const { status, text } = await ask(port, [`Host: ${host}`]);
    expect(status).toBe(421);
    expect(text).toContain('--http-host NAME');
    expect(text).not.toContain('well');
    expect(counts.count('host')).toBe(1);
  });

  it('stands once in a request', async () => {
    const port = await start();
    expect(await ask(port, [HERE, 'Host: evil.example'])).toMatchObject({ status: 400 });
    expect(await ask(port, ['Host: evil.example', HERE])).toMatchObject({ status: 400 });
    expect(await ask(port, [])).toMatchObject({ status: 400 });
    expect(counts.count('malformed')).toBe(3);
  });

  it('of an absolute target counts beside the header', async () => {
    const port = await start();
    expect(await ask(port, [HERE], 'http://127.0.0.1:9090/health?x')).toMatchObject({ status: 200 });
    expect(await ask(port, [HERE], 'http://evil.example/health')).toMatchObject({ status: 421 });
    expect(await ask(port, ['Host: evil.example'], 'http://127.0.0.1/health')).toMatchObject({ status: 421 });
    expect(await ask(port, [HERE], 'ftp://127.0.0.1/health')).toMatchObject({ status: 400 });
    expect(await ask(port, [HERE], 'http://me:secret@127.0.0.1/health')).toMatchObject({ status: 400 });
  });
});

describe('pages of browsers', () => {
  it.each([
    ['of the service itself', [HERE, 'Origin: http://127.0.0.1:9090', 'Sec-Fetch-Site: same-origin'], 200],
    ['behind a proxy with TLS', ['Host: localhost', 'Origin: https://localhost'], 200],
    ['that a user opens', [HERE, 'Sec-Fetch-Site: none', 'Sec-Fetch-Mode: navigate'], 200],
    ['that a link leads to', [HERE, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: document'], 200],
    ['of others', [HERE, 'Origin: http://evil.example'], 403],
    ['of another port', [HERE, 'Origin: http://127.0.0.1:3000'], 403],
    ['from files, and in sandboxes', [HERE, 'Origin: null'], 403],
    ['of others, without Origin', [HERE, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: script'], 403],
    ['of the same site', [HERE, 'Sec-Fetch-Site: same-site', 'Sec-Fetch-Mode: cors', 'Sec-Fetch-Dest: empty'], 403],
    ['that have it in a frame', [HERE, 'Sec-Fetch-Site: cross-site', 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe'], 403],
  ])('%s', async (_what, headers, status) => {
    const port = await start();
    expect(await ask(port, headers)).toMatchObject({ status });
    expect(counts.count('origin')).toBe(status === 403 ? 1 : 0);
  });

  it('of others can make nothing of an answer that they come by', async () => {
    const port = await start();
    expect((await ask(port, [HERE])).text).toContain('Cross-Origin-Resource-Policy: same-origin');
  });
});

describe('the token', () => {
  const basic = (pair: string): string => `Authorization: Basic ${Buffer.from(pair).toString('base64')}`;

  it.each([
    ['as Bearer', `Authorization: Bearer ${TOKEN}`],
    ['whatever the case of the scheme', `authorization: bEARER   ${TOKEN}`],
    ['as the password of any user', basic(`me:${TOKEN}`)],
    ['as the password of nobody', basic(`:${TOKEN}`)],
  ])('is taken %s', async (_how, header) => {
    const port = await start({ token: TOKEN });
    expect(await ask(port, [HERE, header])).toMatchObject({ status: 200 });
    expect(counts.count('token')).toBe(0);
  });

  it.each([
    ['none', 'X: y'],
    ['another', `Authorization: Bearer ${TOKEN}0`],
    ['the beginning of it', `Authorization: Bearer ${TOKEN.slice(0, -1)}`],
    ['an empty one', 'Authorization: Bearer '],
    ['a scheme alone', 'Authorization: Bearer'],
    ['another scheme', `Authorization: Digest ${TOKEN}`],
    ['it as the user', basic(`${TOKEN}:`)],
    ['a pair without a colon', basic(TOKEN)],
    ['nonsense', 'Authorization: \x01\x02'.replaceAll('\x01', '!').replaceAll('\x02', '=')],
  ])('is missed in who sends %s', async (_what, header) => {
    const port = await start({ token: TOKEN });
    const { status, text } = await ask(port, [HERE, header]);
    expect(status).toBe(401);
    expect(text).toContain('WWW-Authenticate: Bearer realm="rtplat"\r\n');
    expect(text).toContain('WWW-Authenticate: Basic realm="rtplat", charset="UTF-8"\r\n');
    expect(text).not.toContain(TOKEN);
    expect(counts.count('token')).toBe(1);
  });

  it('is wanted for every path, before anything is told of it', async () => {
    const port = await start({ token: TOKEN });
    for (const path of ['/', '/events', '/metrics', '/nowhere', `/health?token=${TOKEN}`]) {
      expect(await ask(port, [HERE], path), path).toMatchObject({ status: 401 });
    }
    expect(statusesOf(await say(port, `POST /health HTTP/1.1\r\n${HERE}\r\n\r\n`))).toEqual([401]);
  });
});
