import { createSocket } from 'node:dgram';
import type { RemoteInfo, Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { checkEcho, checkSip } from '../../../../src/core/monitor/host/udp-check.ts';
import { createResponse, serialize } from '../../../../src/core/sip/message.ts';
import type { SipRequest } from '../../../../src/core/sip/message.ts';
import { parseMessage } from '../../../../src/core/sip/parse.ts';

const sockets: Socket[] = [];
/** Longer than any answer of this host takes, and never waited for by a test that expects one. */
const LONG_MS = 20_000;
/** Of tests in which nobody answers. */
const SHORT_MS = 30;

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close();
});

type Answering = (reply: (bytes: Uint8Array) => void, bytes: Buffer, from: RemoteInfo) => void;

async function peer(answer: Answering, host = '127.0.0.1'): Promise<{ readonly host: string; readonly port: number }> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  sockets.push(socket);
  socket.on('message', (bytes, from) => answer((reply) => socket.send(reply, from.port, from.address), bytes, from));
  socket.bind(0, host);
  await once(socket, 'listening');
  return { host, port: socket.address().port };
}

async function nobody(): Promise<{ readonly host: string; readonly port: number }> {
  const place = await peer(() => {});
  const socket = sockets.pop();
  const closed = new Promise<void>((resolve) => socket?.close(resolve));
  await closed;
  return place;
}

describe('the echo probe', () => {
  it.each(['127.0.0.1', '::1', 'localhost'])('passes when its packet comes back, on %s', async (host) => {
    const { port } = await peer((reply, bytes) => reply(bytes), host === 'localhost' ? '127.0.0.1' : host);
    const target = host === 'localhost' ? '127.0.0.1' : host;
    expect(await checkEcho({ host: target, port }, LONG_MS)).toEqual({ ok: true, tookMs: expect.any(Number), notReady: null });
  });

  it('sends RTP, each time another packet', async () => {
    const seen: Buffer[] = [];
    const place = await peer((reply, bytes) => {
      seen.push(Buffer.from(bytes));
      reply(bytes);
    });
    await checkEcho(place, LONG_MS);
    await checkEcho(place, LONG_MS);
    expect(seen.map((bytes) => [bytes.length, (bytes[0] ?? 0) >> 6])).toEqual([
      [172, 2],
      [172, 2],
    ]);
    expect(seen[0]?.equals(seen[1] as Buffer)).toBe(false);
  });

  it('fails when a byte of it has changed', async () => {
    const place = await peer((reply, bytes) => {
      bytes[171] = (bytes[171] ?? 0) ^ 1;
      reply(bytes);
    });
    expect(await checkEcho(place, SHORT_MS)).toMatchObject({ ok: false, reason: 'wrong_answer' });
  });

  it('passes when something else comes before it', async () => {
    const place = await peer((reply, bytes) => {
      reply(Buffer.from('an echo of yesterday'));
      reply(bytes);
    });
    expect(await checkEcho(place, LONG_MS)).toMatchObject({ ok: true });
  });

  it('fails when nothing comes', async () => {
    const { host, port } = await peer(() => {});
    const text = `no answer to the probe of 127.0.0.1:${port} within ${SHORT_MS} ms`;
    expect(await checkEcho({ host, port }, SHORT_MS)).toEqual({ ok: false, reason: 'timeout', text, gone: false });
  });

  it('knows at once that nobody listens', async () => {
    const { host, port } = await nobody();
    const text = `nothing listens on 127.0.0.1:${port}`;
    expect(await checkEcho({ host, port }, LONG_MS)).toEqual({ ok: false, reason: 'refused', text, gone: false });
  });
});

function optionsIn(bytes: Buffer): SipRequest {
  const parsed = parseMessage(bytes);
  if (!('message' in parsed) || parsed.message.kind !== 'request') throw new Error('not a request');
  return parsed.message;
}

describe('the SIP probe', () => {
  it.each([200, 404, 486, 503])('passes with a final answer, %i', async (status) => {
    let method = '';
    const place = await peer((reply, bytes) => {
      const request = optionsIn(bytes);
      method = request.method;
      reply(serialize(createResponse(request, 100)));
      reply(serialize(createResponse(request, status, { toTag: 'x' })));
    });
    expect(await checkSip(place, LONG_MS)).toMatchObject({ ok: true });
    expect(method).toBe('OPTIONS');
  });

  it('asks again when a datagram is lost', async () => {
    let asked = 0;
    const place = await peer((reply, bytes) => {
      if (++asked === 2) reply(serialize(createResponse(optionsIn(bytes), 200, { toTag: 'x' })));
    });
    expect(await checkSip(place, LONG_MS)).toMatchObject({ ok: true });
    expect(asked).toBe(2);
  });

  it.each([
    ['noise', (): Uint8Array => Buffer.from('SIP/2.0 200 OK')],
    [
      'the answer to another question',
      (request: SipRequest): Uint8Array => {
        request.headers.set('Via', 'SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKother');
        return serialize(createResponse(request, 200, { toTag: 'x' }));
      },
    ],
    ['no final one', (request: SipRequest): Uint8Array => serialize(createResponse(request, 100))],
  ])('fails with %s', async (_, made) => {
    const place = await peer((reply, bytes) => reply(made(optionsIn(bytes))));
    expect(await checkSip(place, SHORT_MS * 10)).toMatchObject({ ok: false, reason: 'wrong_answer' });
  });

  it('fails when nothing comes, and when nobody listens', async () => {
    const { host, port } = await peer(() => {});
    const text = `no answer to OPTIONS from 127.0.0.1:${port} within ${SHORT_MS} ms`;
    expect(await checkSip({ host, port }, SHORT_MS)).toEqual({ ok: false, reason: 'timeout', text, gone: false });
    expect(await checkSip(await nobody(), LONG_MS)).toMatchObject({ ok: false, reason: 'refused' });
  });
});
