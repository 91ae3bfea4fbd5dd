/** TCP and TLS on real sockets of the loopback interface: framing, and what a peer may cost (RFC 3261 §18.3). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { StreamTransport } from '../../../../src/core/sip/transports/stream.ts';
import type { StreamOptions } from '../../../../src/core/sip/transports/stream.ts';
import { makeCertificate } from '../../../../src/core/sip-server/certificate.ts';
import { Heard, message } from './heard.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const undo of cleanup.splice(0).toReversed()) await undo();
});

const TLS = makeCertificate('localhost', ['127.0.0.1'], new Date());
const PLAIN: TlsOptions | undefined = undefined;

interface Bench {
  readonly transport: StreamTransport;
  readonly heard: Heard;
  readonly port: number;
}

async function start(options: Partial<StreamOptions> = {}): Promise<Bench> {
  const heard = new Heard();
  const transport = await StreamTransport.start({ local: { address: '127.0.0.1', port: 0 }, ...options }, heard);
  cleanup.push(() => transport.stop());
  return { transport, heard, port: transport.local.port };
}

/** A connection, plain or TLS. */
async function dial(port: number, tls = false, host = '127.0.0.1'): Promise<Socket> {
  const socket = tls ? connectTls({ host, port, rejectUnauthorized: false }) : connect(port, host);
  cleanup.push(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, tls ? 'secureConnect' : 'connect');
  return socket;
}

/** Settles with everything that came, when the peer has closed, be it by a reset. */
function closed(socket: Socket): Promise<string> {
  let got = '';
  socket.on('data', (chunk) => (got += chunk.toString('latin1')));
  return new Promise((resolve) => {
    if (socket.closed) resolve(got);
    else socket.once('close', () => resolve(got));
  });
}

async function tick(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe.each([
  ['TCP', PLAIN],
  ['TLS', TLS],
] as const)('%s', (kind, tls) => {
  const secured = tls === undefined ? {} : { tls };
  const isTls = tls !== undefined;

  test('a message byte by byte, then several in one write', async () => {
    const { heard, port, transport } = await start(secured);
    const socket = await dial(port, isTls);
    socket.setNoDelay(true);
    for (const byte of message(1, 5)) {
      socket.write(byte);
      await tick();
    }
    expect(await heard.got(1)).toEqual([message(1, 5)]);
    socket.write(message(2) + message(3, 7) + message(4));
    expect(await heard.got(4)).toEqual([message(1, 5), message(2), message(3, 7), message(4)]);
    expect(transport.counts).toEqual({ received: 4, sent: 0, sendErrors: 0 });
    expect(heard.messages[0]?.flow).toMatchObject({
      ...{ transport: kind, reliable: true },
      remote: { address: '127.0.0.1', port: socket.localPort },
      local: { address: '127.0.0.1', port },
    });
  });

  test('a double CRLF is answered by one, between messages too (RFC 5626 §3.5.1)', async () => {
    const { heard, port } = await start(secured);
    heard.answer = new TextEncoder().encode('answer');
    const socket = await dial(port, isTls);
    const all = closed(socket);
    socket.end(`\r\n\r\n${message(1)}\r\n\r\n${message(2)}`);
    expect(await all).toBe('\r\nanswer\r\nanswer');
  });

  test.each([
    ['no Content-Length', 'OPTIONS sip:a@b SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n', 'no Content-Length'],
    ['two of them', 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 0\r\nl: 0\r\n\r\n', 'Content-Length twice'],
    ['one that is no number', 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: -1\r\n\r\n', 'Content-Length is no number'],
    ['a header without an end', `OPTIONS sip:a@b SIP/2.0\r\nX: ${'x'.repeat(17_000)}`, 'headers of more than 16384 bytes'],
    ['a body too long', 'OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 70000\r\n\r\n', 'a message of more than 65536 bytes'],
    ['no SIP', 'GET / HTTP/1.1\nHost: a\n\n'.repeat(800), 'headers of more than 16384 bytes'],
  ])('%s: the connection is closed, and nothing after it is taken', async (_, text, reason) => {
    const { transport, heard, port } = await start(secured);
    const socket = await dial(port, isTls);
    socket.write(`${message(1)}${text}${message(2)}`);
    await closed(socket);
    expect(await heard.lost(1)).toEqual([reason]);
    expect(heard.messages.map(({ text }) => text)).toEqual([message(1)]);
    expect(transport.connections).toBe(0);
  });

  test('a silent connection is closed, one that pings is not', async () => {
    const { heard, port, transport } = await start({ ...secured, idleMs: 800 });
    const silent = await dial(port, isTls);
    const lively = await dial(port, isTls);
    lively.on('data', () => undefined);
    const ping = setInterval(() => lively.write('\r\n\r\n'), 20);
    cleanup.push(() => clearInterval(ping));
    await closed(silent);
    expect(await heard.lost(1)).toEqual(['silent for too long']);
    expect([heard.failures[0]?.flow.remote.port, transport.connections]).toEqual([
      silent.localPort ?? heard.failures[0]?.flow.remote.port,
      1,
    ]);
    expect(lively.closed).toBe(false);
  });

  test('a message that comes byte by byte has an end, and one behind another its own time', async () => {
    const { heard, port } = await start({ ...secured, messageMs: 400 });
    const slow = await dial(port, isTls);
    slow.on('data', () => undefined);
    const bytes = message(1, 60_000);
    let at = 0;
    const dribble = setInterval(() => slow.write(bytes.slice(at, ++at)), 20);
    cleanup.push(() => clearInterval(dribble));
    await closed(slow);
    expect(await heard.lost(1)).toEqual(['a message takes too long']);
    const steady = await dial(port, isTls);
    // Each whole message begins the time of the next one anew.
    for (let n = 0; n < 8; n++) {
      steady.write(message(n) + message(n + 1).slice(0, 9));
      await heard.got(2 * n + 1);
      steady.write(message(n + 1).slice(9));
      await heard.got(2 * n + 2);
    }
    expect([heard.messages.length, steady.closed]).toEqual([16, false]);
  });

  test('above the bound of one source, and of all, connections are closed at once', async () => {
    const { port, transport } = await start({ ...secured, maxPerSource: 2, maxConnections: 4 });
    const sockets = [await dial(port, isTls), await dial(port, isTls)];
    await closed(connect(port, '127.0.0.1').on('error', () => undefined));
    expect([transport.connections, transport.refused]).toEqual([2, 1]);
    // Another source is not concerned, as long as there is room.
    const others = await Promise.all(
      ['127.0.0.2', '127.0.0.3'].map(async (localAddress) => {
        const way = { port, host: '127.0.0.1', localAddress };
        const socket = isTls ? connectTls({ ...way, rejectUnauthorized: false }) : connect(way);
        cleanup.push(() => socket.destroy());
        await once(socket, isTls ? 'secureConnect' : 'connect');
        return socket;
      }),
    );
    await closed(connect({ port, host: '127.0.0.1', localAddress: '127.0.0.4' }).on('error', () => undefined));
    while (transport.connections < 4) await tick();
    expect(transport.refused).toBe(2);
    // A place that is given back can be taken.
    sockets[0]?.destroy();
    others[0]?.destroy();
    while (transport.connections > 2) await tick();
    await dial(port, isTls);
    expect(transport.refused).toBe(2);
  });

  test('a peer that does not read is closed', async () => {
    const { heard, port } = await start(secured);
    heard.answer = new Uint8Array(60_000);
    const socket = await dial(port, isTls);
    socket.pause();
    let sent = 0;
    while (heard.failures.length === 0) {
      socket.write(message((sent += 1)));
      await tick();
    }
    expect(await heard.lost(1)).toEqual(['the peer does not read']);
  });

  test('a half-closed connection is closed when its messages are answered', async () => {
    const { heard, port, transport } = await start(secured);
    heard.answer = new TextEncoder().encode('answer');
    const socket = await dial(port, isTls);
    const all = closed(socket);
    socket.end(message(1));
    expect(await all).toBe('answer');
    expect(await heard.lost(1)).toEqual(['closed by the peer']);
    expect(transport.connections).toBe(0);
  });

  test('a reset is told, and what is sent later fails later', async () => {
    const { heard, port, transport } = await start(secured);
    const raw = await dial(port);
    const socket = isTls ? connectTls({ socket: raw, rejectUnauthorized: false }).on('error', () => undefined) : raw;
    socket.write(message(1));
    await heard.got(1);
    const { flow } = heard.messages[0]!;
    expect(transport.carries(flow)).toBe(true);
    raw.resetAndDestroy();
    expect(await heard.lost(1)).toEqual([expect.stringMatching(/ECONNRESET|closed by the peer/)]);
    expect(transport.carries(flow)).toBe(false);
    flow.send(new Uint8Array(1));
    expect(heard.failures).toHaveLength(1);
    await heard.lost(2);
    expect(heard.failures[1]?.flow).toBe(flow);
    expect(transport.counts).toMatchObject({ sent: 1, sendErrors: 1 });
  });

  test('a stop lets out what was sent, waits for nobody, and frees the port', async () => {
    // Whoever waited for the handshake would wait for ever.
    const { heard, port, transport } = await start({ ...secured, setUpMs: 2 ** 30 });
    heard.answer = new TextEncoder().encode('answer');
    const talking = await dial(port, isTls);
    const all = closed(talking);
    talking.write(message(1));
    await heard.got(1);
    // Neither speaks SIP, nor TLS.
    const mute = connect(port, '127.0.0.1').on('error', () => undefined);
    await once(mute, 'connect');
    const gone = closed(mute);
    await transport.stop();
    expect([await all, await gone]).toEqual(['answer', '']);
    const again = await StreamTransport.start({ local: { address: '127.0.0.1', port } }, heard);
    await again.stop();
  });

  test('IPv6, and an IPv4 peer of a socket on ::', async () => {
    const { heard, port } = await start({ ...secured, local: { address: '::', port: 0 } });
    const sockets = [await dial(port, isTls, '127.0.0.1'), await dial(port, isTls, '::1')];
    for (const [index, socket] of sockets.entries()) {
      socket.write(message(index));
      await heard.got(index + 1);
    }
    const ends = heard.messages.map(({ flow }) => [flow.local, flow.remote]);
    expect(ends).toEqual([
      [
        { address: '127.0.0.1', port },
        { address: '127.0.0.1', port: sockets[0]?.localPort },
      ],
      [
        { address: '::1', port },
        { address: '::1', port: sockets[1]?.localPort },
      ],
    ]);
  });

  test('the address to show stands in for that of the socket', async () => {
    const { heard, port, transport } = await start({ ...secured, advertise: '198.51.100.1' });
    const socket = await dial(port, isTls);
    socket.write(message(1));
    await heard.got(1);
    const shown = { address: '198.51.100.1', port };
    expect(heard.messages[0]?.flow.local).toEqual(shown);
    const flow = transport.flowTo({ address: '127.0.0.1', port: 9 }, '198.51.100.1');
    expect(flow?.local).toEqual(shown);
  });

  test('a port that is taken', async () => {
    const { port } = await start(secured);
    const second = StreamTransport.start({ ...secured, local: { address: '127.0.0.1', port } }, new Heard());
    await expect(second).rejects.toMatchObject({ code: 'bind', message: `cannot bind 127.0.0.1:${port}/${kind}: EADDRINUSE` });
  });
});

describe('TLS handshakes', () => {
  test('garbage, and one that never ends, cost their connection alone', async () => {
    const { heard, port, transport } = await start({ tls: TLS });
    const garbage = connect(port, '127.0.0.1').on('error', () => undefined);
    garbage.write('INVITE sip:bob@127.0.0.1 SIP/2.0\r\n\r\n');
    await closed(garbage);
    const hasty = await start({ tls: TLS, setUpMs: 50 });
    await closed(connect(hasty.port, '127.0.0.1').on('error', () => undefined));
    expect([transport.connections, heard.failures, hasty.heard.failures]).toEqual([0, [], []]);
    const socket = await dial(port, true);
    socket.write(message(1));
    expect(await heard.got(1)).toEqual([message(1)]);
  });

  test('count for their source before they are done', async () => {
    const { port, transport } = await start({ tls: TLS, maxPerSource: 2 });
    for (let n = 0; n < 2; n++) {
      const mute = connect(port, '127.0.0.1').on('error', () => undefined);
      cleanup.push(() => mute.destroy());
      await once(mute, 'connect');
    }
    await closed(connect(port, '127.0.0.1').on('error', () => undefined));
    expect([transport.connections, transport.refused]).toEqual([0, 1]);
  });

  test('an old version of TLS is refused', async () => {
    const { port } = await start({ tls: { ...TLS, minVersion: 'TLSv1.2' } });
    const way = { host: '127.0.0.1', port, rejectUnauthorized: false, ciphers: 'DEFAULT@SECLEVEL=0' };
    const old = connectTls({ ...way, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' });
    cleanup.push(() => old.destroy());
    const [error] = (await once(old, 'error')) as [Error & { code?: string }];
    expect(error.code).toMatch(/PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL/);
  });

  test('a renewed certificate is for those who come later', async () => {
    const { port, transport } = await start({ tls: TLS });
    const fingerprint = async (): Promise<string> => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false });
      cleanup.push(() => socket.destroy());
      await once(socket, 'secureConnect');
      return socket.getPeerCertificate().fingerprint256;
    };
    const before = await fingerprint();
    transport.renewCertificate(makeCertificate('localhost', [], new Date()));
    expect(await fingerprint()).not.toBe(before);
    while (transport.connections < 2) await tick();
  });
});

describe('connections of ours', () => {
  /** A peer that keeps what it got, and is answered by `answer`. */
  async function peer(
    tls?: TlsOptions,
  ): Promise<{ readonly server: Server; readonly port: number; readonly sockets: Socket[]; got: string }> {
    const sockets: Socket[] = [];
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const raw: Socket[] = [];
    server.on('connection', (socket: Socket) => raw.push(socket));
    const at = { server, port: 0, sockets, got: '' };
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => (at.got += chunk.toString('latin1')));
    });
    server.on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    at.port = typeof address === 'object' && address !== null ? address.port : 0;
    cleanup.push(async () => {
      for (const socket of raw) socket.destroy();
      server.close();
      await once(server, 'close');
    });
    return at;
  }
  const remote = (port: number): { readonly address: string; readonly port: number } => ({ address: '127.0.0.1', port });
  const trust = (name: string, ca?: string, verify = true) => ({ name, ca, verify });
  const unheard = (): void => undefined;

  test('leave from the address that the peer knows, and name it from the first message on', async () => {
    const { transport, heard } = await start({ local: { address: '0.0.0.0', port: 0 } });
    const at = await peer();
    const flow = transport.flowTo(remote(at.port), '127.0.0.7');
    expect(flow?.local).toEqual({ address: '127.0.0.7', port: transport.local.port });
    flow?.send(new TextEncoder().encode('hello'));
    while (at.got !== 'hello') await tick();
    expect(at.sockets[0]?.remoteAddress).toBe('127.0.0.7');
    at.sockets[0]?.write(message(1));
    await heard.got(1);
    expect(heard.messages[0]?.flow).toBe(flow);
    // The same one, as long as it is there.
    expect(transport.flowTo(remote(at.port), '127.0.0.7')).toBe(flow);
    at.sockets[0]?.destroy();
    await heard.lost(1);
    expect(transport.flowTo(remote(at.port), '127.0.0.7')).not.toBe(flow);
  });

  test('are not made where no address of ours can be named', async () => {
    const everywhere = await start({ local: { address: '0.0.0.0', port: 0 } });
    expect(everywhere.transport.flowTo(remote(9), '0.0.0.0')).toBeUndefined();
    expect(everywhere.transport.flowTo({ address: '::1', port: 9 }, '127.0.0.1')).toBeUndefined();
  });

  test('that nobody takes fail', async () => {
    const { transport, heard } = await start();
    const at = await peer();
    const { port } = at;
    at.server.close();
    await once(at.server, 'close');
    cleanup.pop();
    transport.flowTo(remote(port), '127.0.0.1')?.send(new Uint8Array(1));
    expect(await heard.lost(1)).toEqual([expect.stringContaining('ECONNREFUSED')]);
    await expect(transport.reach(remote(port), { trust: trust(''), lost: unheard })).rejects.toThrow('ECONNREFUSED');
  });

  test('that are kept open tell of their loss', async () => {
    const { transport, heard } = await start({ idleMs: 50 });
    const at = await peer();
    const lost = Promise.withResolvers<void>();
    const flow = await transport.reach(remote(at.port), { trust: trust(''), lost: lost.resolve });
    expect(flow.local).toEqual(transport.local);
    // Silence does not end it; once released it does.
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect(transport.carries(flow)).toBe(true);
    transport.release(flow);
    await lost.promise;
    expect(await heard.lost(1)).toEqual(['silent for too long']);
  });

  test.each([
    ['for its name, by its authority', 'localhost', TLS.cert, undefined],
    ['for its address', '127.0.0.1', TLS.cert, undefined],
    ['for another name', 'pbx.example.org', TLS.cert, /^its certificate is refused: .*pbx\.example\.org/],
    ['of an authority that is not known', 'localhost', undefined, /^its certificate is refused: self-signed certificate/],
  ])('verify a certificate %s, and say nothing before', async (_, name, ca, refusal) => {
    const { transport } = await start({ tls: TLS });
    const at = await peer(TLS);
    const reached = transport.reach(remote(at.port), { trust: trust(name, ca), lost: unheard });
    if (refusal === undefined) {
      (await reached).send(new TextEncoder().encode('secret'));
      while (at.got !== 'secret') await tick();
      return;
    }
    await expect(reached).rejects.toThrow(refusal);
    expect([at.got, transport.connections]).toEqual(['', 0]);
  });

  test('need not verify', async () => {
    const { transport } = await start({ tls: TLS });
    const at = await peer(TLS);
    const flow = await transport.reach(remote(at.port), { trust: trust('pbx.example.org', undefined, false), lost: unheard });
    expect(flow).toMatchObject({ transport: 'TLS', remote: remote(at.port) });
  });

  test('that are not answered are given up, and end with a stop', async () => {
    const { transport } = await start({ tls: TLS, setUpMs: 100 });
    const mute = await peer();
    await expect(transport.reach(remote(mute.port), { trust: trust('localhost'), lost: unheard })).rejects.toThrow(
      'no connection within 0.1 s',
    );
    const patient = await start({ tls: TLS });
    const reached = patient.transport.reach(remote(mute.port), { trust: trust('localhost'), lost: unheard });
    patient.transport.flowTo(remote(mute.port), '127.0.0.1')?.send(new Uint8Array(1));
    while (mute.sockets.length < 3) await tick();
    await Promise.all([expect(reached).rejects.toThrow('the connection was closed'), patient.transport.stop()]);
    await expect(patient.transport.reach(remote(9), { trust: trust(''), lost: unheard })).rejects.toThrow('the service stops');
    expect(patient.transport.flowTo(remote(mute.port), '127.0.0.1')).toBeUndefined();
  });
});

test('too many open files cost connections, and nothing else', async () => {
  const fixture = fileURLToPath(new URL('few-files.ts', import.meta.url));
  const child = spawn('sh', ['-c', `ulimit -n 40; exec "${process.execPath}" "${fixture}"`], { stdio: ['ignore', 'pipe', 'inherit'] });
  cleanup.push(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  const many = Array.from({ length: 80 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  // The kernel takes all of them; those that the process has no descriptor for are closed.
  await Promise.race(many.map(closed));
  for (const socket of many) socket.destroy();
  for (;;) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    const all = closed(socket);
    socket.end(message(1));
    if ((await all) === 'answer') break;
  }
  expect(child.exitCode).toBeNull();
});
