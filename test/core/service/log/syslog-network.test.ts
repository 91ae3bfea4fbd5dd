import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { TcpSyslog } from '../../../../src/core/service/log/syslog-tcp.ts';
import { UdpSyslog } from '../../../../src/core/service/log/syslog-udp.ts';
import { Heard, line } from './kit.ts';

const format = ({ body }: { readonly body: string }): string => `<30>1 ${body}`;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function udpReceiver(port = 0) {
  const heard = new Heard<string>();
  const socket = createSocket('udp4', (message) => heard.hear(message.toString()));
  socket.bind(port, '127.0.0.1');
  await once(socket, 'listening');
  return { heard, port: socket.address().port, socket };
}

describe('syslog over UDP (RFC 5426)', () => {
  it('has a datagram a line, of 2 kB at most', async () => {
    const { heard, port, socket } = await udpReceiver();
    ends.push(() => socket.close());
    const target = new UdpSyslog({ at: { host: 'localhost', port }, format, note: () => {} });
    target.write(line('a'));
    target.write(line('ü'.repeat(3_000)));
    await target.close();
    await heard.count(2);
    expect(heard.all).toEqual(['<30>1 a', `<30>1 ${'ü'.repeat(1_021)}`]);
  });

  it('is told once when nobody listens, and once when somebody does', async () => {
    const { port, socket } = await udpReceiver();
    socket.close();
    const notes = new Heard<string>();
    const target = new UdpSyslog({ at: { host: '127.0.0.1', port }, format, note: notes.hear, retryMs: 20 });
    ends.push(() => target.close());
    const sender = setInterval(() => target.write(line('x')), 2);
    ends.push(() => clearInterval(sender));
    await notes.count(1);
    const again = await udpReceiver(port);
    ends.push(() => again.socket.close());
    await notes.count(2);
    expect(notes.all[0]).toContain(`Syslog at udp://127.0.0.1:${port}: ECONNREFUSED; `);
    expect(notes.all[1]).toMatch(/ works again; \d+ lines? (was|were) lost$/);
  });

  it('holds lines back for a name that is not known', async () => {
    const notes = new Heard<string>();
    const target = new UdpSyslog({ at: { host: 'a..b', port: 514 }, format, note: notes.hear, retryMs: 1e9 });
    target.write(line('a'));
    await notes.count(1);
    await target.close();
    expect(notes.all[0]).toMatch(/^Syslog at udp:\/\/a\.\.b:514: (ENOTFOUND|EAI_AGAIN); /);
    expect(notes.all[1]).toBe('Syslog at udp://a..b:514: 1 line was lost');
  });
});

/** Takes frames apart by their lengths (RFC 6587 §3.4.1). */
class TcpReceiver {
  readonly heard: Heard<string> = new Heard();
  readonly connections: Heard<Socket> = new Heard();
  readonly server: Server;

  constructor() {
    this.server = createServer((socket) => {
      let rest = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (bytes) => {
        rest = Buffer.concat([rest, bytes]);
        for (let space = rest.indexOf(' '); space > 0; space = rest.indexOf(' ')) {
          const length = Number(rest.toString('latin1', 0, space));
          if (!Number.isInteger(length)) throw new Error(`no length: ${rest.toString()}`);
          if (rest.length < space + 1 + length) return;
          this.heard.hear(rest.toString('utf8', space + 1, space + 1 + length));
          rest = rest.subarray(space + 1 + length);
        }
      });
      this.connections.hear(socket);
    });
  }

  async listen(port = 0): Promise<number> {
    this.server.listen(port, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    for (const socket of this.connections.all) socket.destroy();
    await closed;
  }
}

async function receiver(port = 0): Promise<TcpReceiver & { port: number }> {
  const made = new TcpReceiver();
  const at = await made.listen(port);
  ends.push(() => made.stop());
  return Object.assign(made, { port: at });
}

function client(port: number, notes: Heard<string>, retryMs = 5): TcpSyslog {
  const target = new TcpSyslog({ at: { host: '127.0.0.1', port }, format, note: notes.hear, retryMs });
  ends.push(() => target.close());
  target.start();
  return target;
}

describe('syslog over TCP (RFC 6587)', () => {
  it('counts the octets of each line', async () => {
    const { port, heard } = await receiver();
    const notes = new Heard<string>();
    const target = client(port, notes);
    const messages = ['a', 'Grüße 🎧', ' 12 spaces ', ...Array.from({ length: 3_000 }, (_, i) => `line ${i}`)];
    for (const message of messages) target.write(line(message));
    await heard.count(messages.length);
    expect(heard.all).toEqual(messages.map((message) => `<30>1 ${message}`));
    expect(notes.all).toEqual([]);
  });

  it('sends what waits before it closes', async () => {
    const { port, heard } = await receiver();
    const target = client(port, new Heard());
    target.write(line('a'));
    await target.close();
    target.write(line('too late'));
    await heard.count(1);
    expect(heard.all).toEqual(['<30>1 a']);
  });

  it('connects again, and tells once that it could not', async () => {
    const first = await receiver();
    const notes = new Heard<string>();
    const target = client(first.port, notes);
    target.write(line('a'));
    await first.heard.count(1);
    await first.stop();
    await notes.count(1);
    target.write(line('b'));
    const second = await receiver(first.port);
    await second.heard.count(1);
    await notes.count(2);
    expect(second.heard.all).toEqual(['<30>1 b']);
    expect(notes.all).toEqual([
      `Syslog at tcp://127.0.0.1:${first.port}: the receiver closed the connection; lines wait in memory until it works, and are lost when there are too many`,
      `Syslog at tcp://127.0.0.1:${first.port} works again; no line was lost`,
    ]);
  });

  it('counts the lines that memory had no room for', async () => {
    const first = await receiver();
    await first.stop();
    const notes = new Heard<string>();
    const target = client(first.port, notes);
    await notes.count(1);
    const long = 'x'.repeat(10_000);
    for (let i = 0; i < 200; i++) target.write(line(long));
    const second = await receiver(first.port);
    await notes.count(2);
    const lost = Number(/ (\d+) lines were lost$/.exec(notes.all[1] ?? '')?.[1]);
    await second.heard.count(200 - lost);
    expect(lost).toBeGreaterThan(0);
    expect(second.heard.all.map((message) => message.length)).toEqual(Array.from({ length: 200 - lost }, () => 8_192));
  });
});
