/** The callers of the relay benchmarks: bench/peers/load-relay.c and what it sees, and what the relay spent on it. */
import { dropsAt } from '../lib/drops.ts';
import { compile } from '../lib/peers.ts';
import { run } from '../lib/process.ts';
import type { RelaySubject } from './subjects.ts';

/** The load and the echo run here, relays on core 1. */
export const LOAD_CPU: readonly number[] = [0];
/** The port of every caller; their addresses are 127.1.0.0 and following. */
export const CALLER_PORT = 5000;
const PACKETS_PER_SECOND = 50;

/** What bench/peers/load-relay.c prints. */
interface LoadResult {
  readonly sent: number;
  readonly received: number;
  /** Sent and not received, whoever dropped it. */
  readonly lost: number;
  /** Not what had been sent, or from another port than it had been sent to. */
  readonly altered: number;
  readonly duplicates: number;
  /** What the relay still held of the load before. */
  readonly strays: number;
  /** Dropped by the load's own receive buffer. */
  readonly ownDrops: number;
  /** Until the last packet was sent. */
  readonly seconds: number;
  /** Round trips; null when none was completed. */
  readonly p50Ns: number | null;
  readonly p99Ns: number | null;
  /** Actual minus due time of sending; null in a closed loop. */
  readonly lateP50Ns: number | null;
  readonly lateP99Ns: number | null;
}

export interface Measured extends LoadResult {
  /** Packets that got lost neither in the load's own buffer nor in the echo's. */
  readonly lostByRelay: number;
  /** Packets that went to the echo and back, for a second of the relay's processor time; NaN without a relay. */
  readonly packetsPerCpuSecond: number;
  /** Part of its core that the relay used, 0 to 1; NaN without a relay. */
  readonly busy: number;
}

export interface Path {
  /** The relay; undefined for the load straight to the echo. */
  readonly subject: RelaySubject | undefined;
  readonly echoPort: number;
  readonly calls: number;
  readonly seconds: number;
}

/** Keeps `window` packets of each call under way. */
export async function closedLoop(path: Path, window: number): Promise<Measured> {
  return load(path, ['--window', String(window)]);
}

/** Sends 50 packets a second for each call, at their time, whatever comes back. */
export async function openLoop(path: Path): Promise<Measured> {
  return load(path, ['--rate', String(PACKETS_PER_SECOND)]);
}

/** @throws Error when a packet came back altered or twice: then it is no relay. */
async function load({ subject, echoPort, calls, seconds }: Path, how: readonly string[]): Promise<Measured> {
  const ports = subject === undefined ? `${echoPort}x${calls}` : subject.ports;
  const args = ['--ports', ports, '--from', String(CALLER_PORT), '--seconds', String(seconds), ...how];
  const [cpuBefore, dropsBefore] = [subject?.running.cpuNs() ?? Number.NaN, dropsAt(echoPort)];
  const result = JSON.parse(await run(compile('load-relay'), args, { cpu: LOAD_CPU })) as LoadResult;
  const cpuNs = (subject?.running.cpuNs() ?? Number.NaN) - cpuBefore;
  const { received, altered, duplicates, lost, ownDrops } = result;
  if (altered > 0 || duplicates > 0) {
    const name = subject?.name ?? 'straight to the echo';
    throw new Error(`${name}, ${calls} calls: of ${received + altered} packets ${altered} came back altered, ${duplicates} twice`);
  }
  return {
    ...result,
    lostByRelay: lost - ownDrops - (dropsAt(echoPort) - dropsBefore),
    packetsPerCpuSecond: received / (cpuNs / 1e9),
    busy: cpuNs / (result.seconds * 1e9),
  };
}
