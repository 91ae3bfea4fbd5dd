/** The instruments under test: what measures round trips, each with the server that it needs, all sending the same packets. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compile, tool } from '../lib/peers.ts';
import { run, start } from '../lib/process.ts';
import type { ProbeReport } from '../subjects/probe.ts';
import { startServer } from '../subjects/server.ts';
import type { Server } from '../subjects/server.ts';

export const PACKETS_PER_SECOND = 100;
/** A header and 20 ms of PCMU. */
export const PACKET_BYTES = 172;

export interface Instrument {
  readonly name: string;
  /** The bytes of a packet that its answer has too and no other packet. */
  readonly key: { readonly offset: number; readonly bytes: number };
  startServer(cpu: readonly number[]): Promise<Server>;
  /** @returns the round trips in the order of sending, ns; null when lost. */
  measure(port: number, seconds: number, cpu: readonly number[]): Promise<readonly (number | null)[]>;
}

/** For servers that do not choose a port themselves: the network is this run's own (scripts/in-netns.sh). */
const SERVER_PORT = 7701;
const RTP_SEQUENCE = { offset: 2, bytes: 2 };
/** sockperf leaves its first 400 ms and its last 50 ms out of its log. */
const SOCKPERF_UNLOGGED_SECONDS = 1;

const echo = (cpu: readonly number[]): Promise<Server> => startServer('sink', [1e6 / PACKETS_PER_SECOND], cpu);

/** `rtplat probe`; `said` gets what its report says of itself. */
export function probe(said: (report: ProbeReport) => void): Instrument {
  const script = path.join(import.meta.dirname, '..', 'subjects', 'probe.ts');
  return {
    name: 'rtplat probe',
    key: RTP_SEQUENCE,
    startServer: echo,
    measure: async (port, seconds, cpu) => {
      const report = JSON.parse(
        await run(process.execPath, [script, ...[port, 1, PACKETS_PER_SECOND, seconds].map(String)], { cpu }),
      ) as ProbeReport;
      said(report);
      return report.roundTripsNs[0] ?? [];
    },
  };
}

/** What the kernel's stamps can give at best. */
export const stampClient: Instrument = {
  name: 'C, kernel stamps',
  key: RTP_SEQUENCE,
  startServer: echo,
  measure: async (port, seconds, cpu) =>
    roundTrips(await run(compile('stamp-client'), [port, PACKETS_PER_SECOND, PACKETS_PER_SECOND * seconds].map(String), { cpu })),
};

export const dgramClient: Instrument = {
  name: 'node:dgram',
  key: RTP_SEQUENCE,
  startServer: echo,
  measure: async (port, seconds, cpu) => {
    const script = path.join(import.meta.dirname, '..', 'peers', 'dgram-client.ts');
    const args = [script, ...[port, PACKETS_PER_SECOND, PACKETS_PER_SECOND * seconds].map(String)];
    return roundTrips(await run(process.execPath, args, { cpu }));
  },
};

/** Without the server's time stamps, which it would subtract: the whole round trip. */
export const irtt: Instrument = {
  name: 'irtt',
  // After three bytes of magic, one of flags and eight of connection token.
  key: { offset: 12, bytes: 4 },
  startServer: async (cpu) => ({
    running: await start(tool('irtt', 'irtt'), ['server', '-b', `127.0.0.1:${SERVER_PORT}`], { cpu, readyLine: /starting IPv4 listener/ }),
    port: SERVER_PORT,
  }),
  measure: async (port, seconds, cpu) => {
    const pace = ['-i', `${1000 / PACKETS_PER_SECOND}ms`, '-d', `${seconds}s`, '-l', String(PACKET_BYTES)];
    const plain = ['--tstamp=none', '--stats=none', '-Q', '-o', '-'];
    const report = JSON.parse(await run(tool('irtt', 'irtt'), ['client', ...pace, ...plain, `127.0.0.1:${port}`], { cpu })) as {
      readonly round_trips: readonly { readonly delay: { readonly rtt?: number } }[];
    };
    return report.round_trips.map(({ delay }) => delay.rtt ?? null);
  },
};

/** In its mode for latency: one thread that sends, and blocks for the answer. */
export const sockperf: Instrument = {
  name: 'sockperf',
  key: { offset: 0, bytes: 8 },
  startServer: async (cpu) => ({
    running: await start(tool('sockperf', 'sockperf'), ['server', '-i', '127.0.0.1', '-p', String(SERVER_PORT)], {
      cpu,
      readyLine: /to block on socket/,
    }),
    port: SERVER_PORT,
  }),
  measure: async (port, seconds, cpu) => {
    const to = ['-i', '127.0.0.1', '-p', String(port), '-m', String(PACKET_BYTES)];
    const pace = ['--mps', String(PACKETS_PER_SECOND), '-t', String(seconds + SOCKPERF_UNLOGGED_SECONDS)];
    const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
    const file = path.join(folder, 'log.csv');
    let said: string;
    try {
      await run(tool('sockperf', 'sockperf'), ['ping-pong', ...to, ...pace, '--full-rtt', '--full-log', file], { cpu });
      said = readFileSync(file, 'utf8');
    } finally {
      rmSync(folder, { recursive: true });
    }
    // Below the heading: packet, txTime(sec), rxTime(sec), rtt(usec).
    const log = said.slice(said.indexOf('packet, txTime'));
    return log.split('\n').flatMap((line) => {
      const microseconds = /^\d+, [\d.]+, [\d.]+, ([\d.]+)$/.exec(line)?.[1];
      return microseconds === undefined ? [] : [Number(microseconds) * 1000];
    });
  },
};

function roundTrips(json: string): readonly (number | null)[] {
  return JSON.parse(json) as readonly (number | null)[];
}
