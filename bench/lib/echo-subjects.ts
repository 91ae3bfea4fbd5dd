/** The echo servers that are compared, each started as its users would start it at its best. */
import path from 'node:path';
import { compile, compileGo, tool } from './peers.ts';
import { start } from './process.ts';
import type { Running, StartOptions } from './process.ts';
import { rtplatArgs } from './rtplat.ts';

export interface EchoSubject {
  readonly name: string;
  /** Program and arguments of a server on 127.0.0.1. Compiles it, or throws naming the missing package. */
  readonly words: (port: number) => readonly [string, ...string[]];
  readonly ready: (port: number) => StartOptions['readyLine'];
}

/** Servers run here, load on core 0. */
const SERVER_CORE = 1;
/** Far enough apart for a server that takes the next port as well. */
const PORTS = { first: 4000, step: 10 } as const;
const LISTENING: EchoSubject['ready'] = () => /echo listening on/;
const PEERS = path.join(import.meta.dirname, '..', 'peers');

function rtplat(name: string, ...options: readonly string[]): EchoSubject {
  return {
    name,
    words: (port) => [
      process.execPath,
      ...rtplatArgs('echo', '--port', String(port), '--bind', '127.0.0.1', '--status-interval', '0', ...options),
    ],
    ready: LISTENING,
  };
}

export const RTPLAT: EchoSubject = rtplat('rtplat');
export const RTPLAT_BUSY: EchoSubject = rtplat('rtplat --busy-poll', '--busy-poll');
export const C_BATCH: EchoSubject = { name: 'C, batches of 64', words: (port) => [compile('echo'), String(port)], ready: LISTENING };
export const C_SINGLE: EchoSubject = {
  name: 'C, one at a time',
  words: (port) => [compile('echo-blocking'), String(port)],
  ready: LISTENING,
};
export const GO: EchoSubject = { name: 'Go', words: (port) => [compileGo('echo'), String(port)], ready: LISTENING };
export const DGRAM: EchoSubject = {
  name: 'node:dgram',
  words: (port) => [process.execPath, path.join(PEERS, 'dgram-echo.ts'), String(port)],
  ready: LISTENING,
};
export const SOCKPERF: EchoSubject = {
  name: 'sockperf',
  words: (port) => [tool('sockperf', 'sockperf'), 'server', '-i', '127.0.0.1', '-p', String(port)],
  ready: () => /recvfrom\(\) to block/,
};
export const SIPP: EchoSubject = {
  name: 'SIPp',
  // Nobody calls: it only echoes, and says nothing until it ends.
  words: (port) => [
    ...([tool('sipp', 'sip-tester'), '-sn', 'uas', '-nostdin', '-i', '127.0.0.1'] as const),
    ...['-mi', '127.0.0.1', '-mp', String(port), '-rtp_echo'],
  ],
  ready: (udpPort) => ({ udpPort }),
};

/** Runs servers for as long as `use` takes, all of them on one core of their own: whoever is not asked anything sleeps. */
export async function withEchoes<T>(
  subjects: readonly EchoSubject[],
  use: (servers: ReadonlyMap<EchoSubject, { readonly server: Running; readonly port: number }>) => Promise<T>,
): Promise<T> {
  const servers = new Map<EchoSubject, { server: Running; port: number }>();
  for (const [i, subject] of subjects.entries()) {
    const port = PORTS.first + i * PORTS.step;
    const [command, ...args] = subject.words(port);
    servers.set(subject, { server: await start(command, args, { cpu: [SERVER_CORE], readyLine: subject.ready(port) }), port });
  }
  const value = await use(servers);
  for (const { server } of servers.values()) await server.stop();
  return value;
}

/** The same with one. */
export async function withEcho<T>(subject: EchoSubject, use: (server: Running, port: number) => Promise<T>): Promise<T> {
  return withEchoes([subject], async (servers) => {
    const [one] = servers.values();
    if (one === undefined) throw new Error('no server');
    return use(one.server, one.port);
  });
}
