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
  readonly readyLine: StartOptions['readyLine'];
}

/** Servers run here, load on core 0. */
const SERVER_CORE = 1;
const PORT = 4000;
const LISTENING = /echo listening on/;
const PEERS = path.join(import.meta.dirname, '..', 'peers');

function rtplat(name: string, ...options: readonly string[]): EchoSubject {
  return {
    name,
    words: (port) => [
      process.execPath,
      ...rtplatArgs('echo', '--port', String(port), '--bind', '127.0.0.1', '--status-interval', '0', ...options),
    ],
    readyLine: LISTENING,
  };
}

export const RTPLAT: EchoSubject = rtplat('rtplat');
export const RTPLAT_BUSY: EchoSubject = rtplat('rtplat --busy-poll', '--busy-poll');
export const C_BATCH: EchoSubject = { name: 'C, batches of 64', words: (port) => [compile('echo'), String(port)], readyLine: LISTENING };
export const C_SINGLE: EchoSubject = {
  name: 'C, one at a time',
  words: (port) => [compile('echo-blocking'), String(port)],
  readyLine: LISTENING,
};
export const GO: EchoSubject = { name: 'Go', words: (port) => [compileGo('echo'), String(port)], readyLine: LISTENING };
export const DGRAM: EchoSubject = {
  name: 'node:dgram',
  words: (port) => [process.execPath, path.join(PEERS, 'dgram-echo.ts'), String(port)],
  readyLine: LISTENING,
};
export const SOCKPERF: EchoSubject = {
  name: 'sockperf',
  words: (port) => [tool('sockperf', 'sockperf'), 'server', '-i', '127.0.0.1', '-p', String(port)],
  readyLine: /recvfrom\(\) to block/,
};
export const SIPP: EchoSubject = {
  name: 'SIPp',
  // Nobody calls: it only echoes, and says nothing until it ends.
  words: (port) => [
    ...([tool('sipp', 'sip-tester'), '-sn', 'uas', '-nostdin', '-i', '127.0.0.1'] as const),
    ...['-mi', '127.0.0.1', '-mp', String(port), '-rtp_echo'],
  ],
  readyLine: { udpPort: PORT },
};

/** Runs a server for as long as `use` takes, on a core of its own. */
export async function withEcho<T>({ words, readyLine }: EchoSubject, use: (server: Running, port: number) => Promise<T>): Promise<T> {
  const [command, ...args] = words(PORT);
  const server = await start(command, args, { cpu: [SERVER_CORE], readyLine });
  const value = await use(server, PORT);
  await server.stop();
  return value;
}
