// What somebody who is no caller can make of calls: with a raw socket, with scanners' tools, and with what no phone sends.
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { writeRtpHeader } from '../../src/core/rtp/packet.ts';
import type { Endpoint } from '../../src/core/values/address.ts';
import { capture, datagrams } from './kit/capture.ts';
import { forger } from './kit/forged.ts';
import type { Forger } from './kit/forged.ts';
import { otherHost } from './kit/other-host.ts';
import type { OtherHost } from './kit/other-host.ts';
import { peer } from './kit/peers.ts';
import { run, until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import { SIP_PORT, startSipServe } from './kit/sip-server.ts';
import type { SipServe } from './kit/sip-server.ts';
import { startSipp } from './kit/sipp.ts';
import { startWorld } from './kit/world.ts';

const scratch = scratchFolder();
const OURS = '10.99.0.1';
/** A victim, whose name is used; and a PBX, both on the other host. */
const VICTIM = '10.99.0.2';
const PBX = '10.99.0.3';
const encoder = new TextEncoder();
/** Less than any receive buffer holds. */
const BURST = 100;

async function neighbour(dir: string): Promise<OtherHost> {
  const host = await otherHost(dir);
  onTestFinished(() => host.stop());
  const [command = '', ...words] = host.prefix;
  await run(command, [...words, peer('ip'), 'address', 'add', `${PBX}/24`, 'dev', 'rtplat1']);
  return host;
}

async function serve(dir: string, toml: string): Promise<SipServe> {
  const server = await startSipServe(dir, toml, { bind: OURS });
  onTestFinished(() => server.running.stop());
  return server;
}

function forge(to: Endpoint): Forger {
  const made = forger(to);
  onTestFinished(() => made.close());
  return made;
}

interface RequestParts {
  readonly method?: string;
  readonly from?: string;
  readonly agent?: string;
  readonly body?: string;
  readonly extra?: readonly string[];
}

/** A request that a caller at `host` could send, with a branch and a Call-ID of its own. */
function request(serial: number, host: string, parts: RequestParts = {}): Uint8Array {
  const { method = 'INVITE', from = `<sip:eve@${host}>`, agent = 'phone', body = '', extra = [] } = parts;
  const lines = [
    `${method} sip:600@${OURS} SIP/2.0`,
    `Via: SIP/2.0/UDP ${host}:5060;branch=z9hG4bK${serial};rport`,
    `From: ${from};tag=${serial}`,
    `To: <sip:600@${OURS}>`,
    `Call-ID: ${serial}@${host}`,
    `CSeq: 1 ${method}`,
    `Contact: <sip:eve@${host}>`,
    'Max-Forwards: 70',
    `User-Agent: ${agent}`,
    ...extra,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${encoder.encode(body).length}`,
  ];
  return encoder.encode(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

function offer(address: string): string {
  const lines = ['v=0', `o=- 1 1 IN IP4 ${address}`, 's=-', `c=IN IP4 ${address}`, 't=0 0', 'm=audio 4000 RTP/AVP 0', ''];
  return lines.join('\r\n');
}

function signalling(metrics: { readonly signalling: Readonly<Record<string, unknown>> }, name: string): number {
  const value = metrics.signalling[name];
  if (typeof value !== 'number') throw new Error(`no number ${name}`);
  return value;
}

async function received(server: SipServe, count: number): Promise<void> {
  await until(`${count} messages to be read`, async () => signalling(await server.metrics(), 'received') >= count || undefined, {
    everyMs: 2,
  });
}

describe('sip-serve', () => {
  test('sends no media, and few messages, to a victim whose address INVITEs are forged with', async () => {
    const host = await neighbour(scratch('victim'));
    const most = 5;
    const invites = 300;
    const server = await serve(
      scratch('serve'),
      `[behavior]\nmode = "tone"\nauto_answer_delay_ms = 0\n[limits]\nmax_unconfirmed_per_source = ${most}\nsource_rate = 0\n`,
    );
    const trace = await capture({ dir: scratch('capture'), iface: host.iface, via: host.ip });
    const attack = forge({ address: OURS, port: SIP_PORT });
    for (let i = 0; i < invites; i++) {
      // The last ones name media that nobody has, so that they are refused.
      attack.send({ address: VICTIM, port: 5060 }, request(i, VICTIM, { body: i < 200 ? offer(VICTIM) : 'v=1\r\n' }));
      if (i % BURST === BURST - 1) await received(server, i + 1);
    }
    // Until timer H of what was answered has run out.
    await until('no call up', async () => (await server.metrics()).calls.active === 0 || undefined, { timeoutMs: 90_000 });
    const { calls, media } = await server.metrics();
    expect(calls).toMatchObject({ taken: most, failed: most, refused: invites - most, active: 0 });
    expect(calls.refused_by).toEqual({ limit: 0, source: 0, unconfirmed: invites - most, stopping: 0 });
    expect(media.sent).toBe(0);
    const packets = await datagrams(await trace.stop(), `ip.dst == ${VICTIM} && udp.srcport == ${SIP_PORT}`);
    // 503 once each; 100, 180 and eleven times 200 of each call, and the BYE, sent as often, of a call that nobody confirmed.
    expect(packets.length).toBeGreaterThan(invites);
    expect(packets.length).toBeLessThanOrEqual(invites - most + most * (2 + 11 + 11));
    expect(await datagrams(trace.file, `ip.dst == ${VICTIM} && !(udp.srcport == ${SIP_PORT}) && udp.dstport != 9`)).toEqual([]);
  });

  test('loses no call of a PBX that it trusts while forged addresses flood it', async () => {
    const host = await neighbour(scratch('flood'));
    const server = await serve(
      scratch('serve'),
      `[behavior]\nmode = "echo"\nmax_concurrent_calls = 240\n[limits]\ntotal_rate = 500\ntrusted = ["${PBX}"]\n`,
    );
    const attack = forge({ address: OURS, port: SIP_PORT });
    const sipp = startSipp({
      ...{ dir: scratch('sipp'), calls: 50, rate: 25, durationMs: 2000, target: `${OURS}:${SIP_PORT}` },
      ...{ localIp: PBX, prefix: host.prefix },
    });
    onTestFinished(() => sipp.vanish());
    const calls = { over: false };
    const ended = sipp.result.finally(() => (calls.over = true));
    let forged = 0;
    while (!calls.over) {
      for (let i = 0; i < BURST; i++, forged++) {
        const from = `198.18.${(forged >>> 8) & 255}.${forged & 255}`;
        attack.send({ address: from, port: 5060 }, request(forged, from, { method: i % 2 === 0 ? 'OPTIONS' : 'INVITE' }));
      }
      // As fast as they are read, so that the kernel drops none.
      await received(server, forged);
    }
    expect(await ended).toMatchObject({ created: 50, answered: 50, successful: 50, failed: 0, errors: '' });
    const metrics = await server.metrics();
    const looked = forged - signalling(metrics, 'over_total_rate') - signalling(metrics, 'over_source_rate');
    expect(forged).toBeGreaterThan(2000);
    expect(looked).toBeLessThan(forged);
    expect(signalling(metrics, 'socket_drops')).toBe(0);
    expect(metrics.media.lost).toBe(0);
  });

  test('gives scanners no answer, and escapes what they write', async () => {
    const host = await neighbour(scratch('scanner'));
    const server = await serve(scratch('serve'), '[behavior]\nmode = "silence"\n');
    const dir = scratch('asking');
    // From the other host's address: what it is answered goes there, and is seen on the link.
    const trace = await capture({ dir, iface: host.iface, via: host.ip });
    const attack = forge({ address: OURS, port: SIP_PORT });
    const from = { address: VICTIM, port: 5060 };
    attack.send(from, request(1, VICTIM, { method: 'OPTIONS', agent: 'friendly-scanner' }));
    attack.send(from, request(2, VICTIM, { agent: 'sipcli/v1.8', body: offer(VICTIM) }));
    attack.send(from, request(3, VICTIM, { from: '"\u001b[2J\u009b31mred" <sip:a%0d%0aInjected@192.0.2.9>', body: offer(VICTIM) }));
    attack.send(from, request(4, VICTIM, { from: '"two\rlines" <sip:eve@192.0.2.9>', body: offer(VICTIM) }));
    attack.send(from, encoder.encode(`${'A'.repeat(60_000)} sip:600@${OURS} SIP/2.0\r\n\r\n`));
    attack.send(from, request(5, VICTIM, { method: 'OPTIONS' }));
    await until(
      'the last one to be answered',
      async () => (await datagrams(trace.file, 'sip.Status-Code == 200 && sip.CSeq.method == "OPTIONS"')).length > 0 || undefined,
    );
    const metrics = await server.metrics();
    expect(signalling(metrics, 'scanners_ignored')).toBe(2);
    const shown = [server.running.output(), JSON.stringify(await server.channels())].join('\n');
    for (const character of shown) {
      const code = character.codePointAt(0) ?? 0;
      if ((code < 0x20 && code !== 0x0a) || (code >= 0x7f && code < 0xa0)) throw new Error(`U+${code.toString(16)} is shown in ${shown}`);
    }
    expect(shown.split('\n').filter((line) => line.startsWith('Injected') || line.startsWith('lines'))).toEqual([]);
    const answers = await datagrams(await trace.stop(), `sip && ip.src == ${OURS}`);
    const text = answers.map(({ payload }) => Buffer.from(payload, 'hex').toString('latin1'));
    expect(text.filter((one) => one.includes('Call-ID: 1@') || one.includes('Call-ID: 2@'))).toEqual([]);
  });

  test('serves others while a source holds all the connections that it may, and sends nothing on them', async () => {
    await neighbour(scratch('loris'));
    const server = await serve(scratch('serve'), '[sip]\ntransports = ["udp", "tcp"]\n[behavior]\nmode = "silence"\n');
    const sockets = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const socket = connect({ host: OURS, port: SIP_PORT, localAddress: OURS });
        onTestFinished(() => void socket.destroy());
        socket.on('error', () => undefined);
        await once(socket, 'connect');
        socket.write(`OPTIONS sip:600@${OURS} SIP/2.0\r\nVia: SIP/2.0/TCP ${OURS};branch=z9hG4bK${i}`);
        return socket;
      }),
    );
    await until('all connections', async () => signalling(await server.metrics(), 'connections') === sockets.length || undefined);
    const refused = connect({ host: OURS, port: SIP_PORT, localAddress: OURS });
    refused.on('error', () => undefined);
    await once(refused, 'close');
    expect(signalling(await server.metrics(), 'connections_refused')).toBe(1);
    const other = connect({ host: OURS, port: SIP_PORT, localAddress: '127.0.0.1' });
    onTestFinished(() => void other.destroy());
    other
      .setEncoding('latin1')
      .write(new TextDecoder().decode(request(9, OURS, { method: 'OPTIONS' })).replace('SIP/2.0/UDP', 'SIP/2.0/TCP'));
    const [answer] = (await once(other, 'data')) as [string];
    expect(answer).toMatch(/^SIP\/2\.0 200 /);
  });
});

/** From a port of its own. */
async function injector(address: string): Promise<{ readonly socket: Socket; readonly heard: () => number }> {
  const socket = createSocket('udp4');
  onTestFinished(() => void socket.close());
  let heard = 0;
  socket.on('message', () => (heard += 1));
  socket.bind(0, address);
  await once(socket, 'listening');
  return { socket, heard: () => heard };
}

describe('a relayed call', () => {
  test('takes nothing from, and gives nothing to, who knows its port and is neither Asterisk nor the echo', async () => {
    const dir = scratch('relay');
    const world = await startWorld(dir, { release: 'sid' });
    await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 3, durationMs: 6000 });
    const calls = await until('three calls with media', async () => {
      const live = (await service.calls()).filter(({ counters }) => (counters.returned ?? 0) > 10);
      return live.length === 3 ? live : undefined;
    });
    // Asterisk's address with another port, a neighbour of this host, and a forged one from far away.
    const here = await injector('127.0.0.1');
    const beside = await injector('127.0.0.2');
    const rtp = new Uint8Array(172).fill(0xff);
    let injected = 0;
    for (const port of calls.flatMap((call) => call.port ?? [])) {
      const attack = forge({ address: '127.0.0.1', port });
      for (let sequence = 0; sequence < 50; sequence++) {
        writeRtpHeader(rtp, 0, { marker: sequence === 0, payloadType: 0, sequence, timestamp: 160 * sequence, ssrc: 99 });
        here.socket.send(rtp.slice(), port, '127.0.0.1');
        beside.socket.send(rtp.slice(), port, '127.0.0.1');
        attack.send({ address: '127.0.0.3', port: 4000 }, rtp);
        injected += 3;
      }
    }
    await until('all that was injected to be refused', async () => {
      const refused = (await service.calls()).reduce<number>((sum, { counters }) => sum + (counters.rejected_source ?? 0), 0);
      if (refused > injected) throw new Error(`${refused} refused of ${injected}`);
      return refused === injected || undefined;
    });
    expect(await sipp.result).toMatchObject({ created: 3, successful: 3, failed: 0, errors: '' });
    await service.idle();
    for (const { counters } of await service.calls()) {
      expect(counters).toMatchObject({ lost: 0, rejected_source: injected / 3, malformed: 0 });
      expect(counters.returned).toBe(counters.from_peer);
    }
    expect([here.heard(), beside.heard()]).toEqual([0, 0]);
    expect(service.messages(/from 127\.0\.0\.\d+/).length).toBeGreaterThan(0);
    expect((await service.finish()).code).toBe(0);
  });
});
