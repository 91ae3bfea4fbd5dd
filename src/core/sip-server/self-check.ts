/**
 * Whether a place that is listened on answers: an OPTIONS to it, from a socket of its own, as a peer would send it (RFC 3261 §11).
 * Any final answer will do: who is full answers OPTIONS as it would an INVITE.
 */
import { randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { errnoOf } from '../errors.ts';
import { SipStream } from '../sip/framing.ts';
import { createRequest } from '../sip/message.ts';
import { parseMessage } from '../sip/parse.ts';
import { TransactionLayer } from '../sip/transactions.ts';
import type { SipFlow, TransactionUser } from '../sip/transactions.ts';
import type { UdpEngine } from '../udp/engine.ts';
import { formatHostPort, isUnspecified, unmapAddress } from '../values/address.ts';
import type { Endpoint } from '../values/address.ts';

export interface ListeningPlace extends Endpoint {
  readonly transport: 'UDP' | 'TCP' | 'TLS';
}

/** On the event loop. */
export type CheckEngine = Pick<UdpEngine, 'bind'>;

const TIMEOUT_MS = 2_000;
const TICK_MS = 50;

/** @returns why it does not answer; undefined when it does. */
export async function checkPlace(place: ListeningPlace, engine: CheckEngine, timeoutMs: number = TIMEOUT_MS): Promise<string | undefined> {
  const port = place.port;
  const address = isUnspecified(place.address) ? loopbackOf(place.address) : place.address;
  const outcome = Promise.withResolvers<string | undefined>();
  const layer = new TransactionLayer(NOBODY, { random });
  const heard = (bytes: Uint8Array, flow: SipFlow): void => {
    const parsed = parseMessage(bytes);
    if ('message' in parsed) layer.received(parsed.message, flow, performance.now());
  };
  const deadline = setTimeout(() => outcome.resolve(`no answer to OPTIONS within ${timeoutMs / 1000} s`), timeoutMs);
  const ticks = setInterval(() => layer.tick(performance.now()), TICK_MS);
  let way: Way | undefined;
  try {
    const opening =
      place.transport === 'UDP'
        ? byUdp(engine, { address, port }, heard, outcome.resolve)
        : byStream(place.transport, { address, port }, heard, outcome.resolve);
    // A connection that never comes about is waited for no longer than an answer.
    way = await Promise.race([opening, outcome.promise.then(() => undefined)]);
    if (way === undefined) {
      void closeLate(opening);
      return await outcome.promise;
    }
    const user = {
      response: ({ status }: { readonly status: number }) => {
        if (status >= 200) outcome.resolve(undefined);
      },
      timeout: () => undefined,
      failed: () => outcome.resolve('the connection was lost'),
    };
    layer.request(optionsFor({ address, port }, place.transport), way.flow, user, performance.now());
    return await outcome.promise;
  } catch (error) {
    return errnoOf(error);
  } finally {
    clearTimeout(deadline);
    clearInterval(ticks);
    await way?.close();
  }
}

interface Way {
  readonly flow: SipFlow;
  close(): void | Promise<void>;
}

type Heard = (bytes: Uint8Array, flow: SipFlow) => void;
type Failed = (reason: string) => void;

async function byUdp(engine: CheckEngine, remote: Endpoint, heard: Heard, failed: Failed): Promise<Way> {
  const wildcard = remote.address.includes(':') ? '::' : '0.0.0.0';
  const socket = await engine.bind({ address: wildcard, port: 0, connect: remote });
  const flow: SipFlow = {
    transport: 'UDP',
    reliable: false,
    local: { address: unmapAddress(socket.local.address), port: socket.local.port },
    remote,
    send: (bytes) => void socket.send(bytes, 0, bytes.length),
  };
  socket.receive({
    packet: (buffer, offset, length) => heard(buffer.slice(offset, offset + length), flow),
    error: (code) => failed(code === 'ECONNREFUSED' ? 'nothing listens there (ICMP port unreachable)' : code),
  });
  return { flow, close: () => socket.close() };
}

async function byStream(transport: 'TCP' | 'TLS', remote: Endpoint, heard: Heard, failed: Failed): Promise<Way> {
  const { address: host, port } = remote;
  // Its own certificate is not what is asked for.
  const socket: Socket = transport === 'TCP' ? connectTcp({ host, port }) : connectTls({ host, port, rejectUnauthorized: false });
  const open = Promise.withResolvers<void>();
  socket.once(transport === 'TCP' ? 'connect' : 'secureConnect', open.resolve);
  socket.once('error', open.reject);
  socket.on('close', () => failed('the connection was closed'));
  try {
    await open.promise;
  } catch (error) {
    socket.destroy();
    throw error;
  }
  socket.on('error', () => undefined);
  const flow: SipFlow = {
    transport,
    reliable: true,
    local: { address: unmapAddress(socket.localAddress ?? host), port: socket.localPort ?? 0 },
    remote,
    send: (bytes) => void socket.write(bytes),
  };
  const stream = new SipStream();
  socket.on('data', (chunk: Uint8Array) => {
    for (const item of stream.push(chunk)) if (item.kind === 'message') heard(item.bytes, flow);
  });
  return { flow, close: () => void socket.destroy() };
}

async function closeLate(opening: Promise<Way>): Promise<void> {
  try {
    await (await opening).close();
  } catch {
    // It did not come about.
  }
}

function optionsFor({ address, port }: Endpoint, transport: ListeningPlace['transport']) {
  const uri = `sip:${formatHostPort(address, port)}${transport === 'UDP' ? '' : `;transport=${transport.toLowerCase()}`}`;
  return createRequest('OPTIONS', uri, [
    ['Max-Forwards', '1'],
    ['From', `<sip:self-check@${formatHostPort(address, port)}>;tag=${random(8)}`],
    ['To', `<${uri}>`],
    ['Call-ID', random(16)],
    ['CSeq', '1 OPTIONS'],
  ]);
}

function loopbackOf(address: string): string {
  return address.includes(':') ? '::1' : '127.0.0.1';
}

function random(bytes: number): string {
  return randomBytes(bytes).toString('hex');
}

/** Whoever asks us something there gets no answer. */
const NOBODY: TransactionUser = {
  request: () => undefined,
  ack: () => undefined,
  cancelled: () => undefined,
  strayResponse: () => undefined,
};
