/** The check that containers are asked by, against services that answer well, badly, or not at all. */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../docs/markdown.ts';

interface Checked {
  readonly status: number | null;
  readonly said: string;
}

function check(...args: readonly string[]): Promise<Checked> {
  return checkWith({}, ...args);
}

async function checkWith(more: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Checked> {
  const env = { ...process.env, ...more };
  const child = spawn(process.execPath, [join(ROOT, 'scripts/healthcheck.ts'), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, said };
}

async function service(status: number, body: object): Promise<number> {
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }).listen(0, '127.0.0.1');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function udp(answer: (message: Buffer) => Buffer): Promise<number> {
  const socket = createSocket('udp4');
  onTestFinished(() => {
    socket.close();
  });
  socket.on('message', (message, { address, port }) => socket.send(answer(message), port, address));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return socket.address().port;
}

test('a healthy service, and one that says why it is not', async () => {
  const well = await service(200, { status: 'healthy', reason: null });
  expect(await check(`http:${well}`)).toEqual({ status: 0, said: `http://127.0.0.1:${well}/health: healthy\n` });
  const ill = await service(503, { status: 'unhealthy', reason: 'the echo server does not answer' });
  expect(await check(`http:${ill}`)).toEqual({
    status: 1,
    said: `http://127.0.0.1:${ill}/health: unhealthy: the echo server does not answer\n`,
  });
});

test('an echo, and what only answers', async () => {
  const echo = await udp((message) => message);
  expect(await check(`echo:${echo}`)).toEqual({ status: 0, said: `port ${echo} echoes\n` });
  const liar = await udp((message) => message.subarray(1));
  expect(await check(`echo:${liar}`)).toMatchObject({ status: 1, said: expect.stringContaining('no echo') as string });
});

test('nothing listens: at once, and the next one is asked', async () => {
  const free = await udp((message) => message);
  const closed = createSocket('udp4').bind(0, '127.0.0.1');
  await once(closed, 'listening');
  const { port } = closed.address();
  closed.close();
  expect(await check(`echo:${port}`)).toEqual({ status: 1, said: `port ${port}: ECONNREFUSED\n` });
  expect(await check(`http:${port}`, `echo:${port}`, `echo:${free}`)).toEqual({ status: 0, said: `port ${free} echoes\n` });
});

test('an argument that is none', async () => {
  expect(await check('tcp:1')).toEqual({ status: 1, said: 'not http:PORT or echo:PORT: tcp:1\n' });
});

test('a service that wants a token gets that of the environment', async () => {
  const server = createServer((request, response) => {
    const isFriend = request.headers.authorization === 'Bearer from-file';
    response.writeHead(isFriend ? 200 : 401, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ status: 'healthy', reason: null }));
  }).listen(0, '127.0.0.2');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const folder = mkdtempSync(join(tmpdir(), 'rtplat-healthcheck-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'token');
  writeFileSync(file, 'from-file\n');
  const env = { RTPLAT_HTTP_BIND: '127.0.0.2', RTPLAT_HTTP_TOKEN_FILE: file };
  expect(await checkWith(env, `http:${port}`)).toEqual({ status: 0, said: `http://127.0.0.2:${port}/health: healthy\n` });
  expect(await checkWith({ RTPLAT_HTTP_BIND: '127.0.0.2', RTPLAT_HTTP_TOKEN: 'another' }, `http:${port}`)).toEqual({
    status: 1,
    said: `http://127.0.0.2:${port}/health: it wants another token\n`,
  });
});
