/** The load of the echo benchmarks, and what it sees. */
import { withEcho, withEchoes } from './echo-subjects.ts';
import type { EchoSubject } from './echo-subjects.ts';
import { compile, tool } from './peers.ts';
import { run } from './process.ts';
import { interleave } from './rounds.ts';

/** What bench/peers/load-echo.c prints. */
export interface LoadResult {
  readonly sent: number;
  readonly received: number;
  /** Sent and not received, those that the load's own buffer dropped included. */
  readonly lost: number;
  /** Came back with another payload or length. */
  readonly altered: number;
  /** Dropped by the load's own receive buffer. */
  readonly ownDrops: number;
  /** How long it took, the wait for the last packets included. */
  readonly seconds: number;
  /** Packets of which the latency is known. */
  readonly samples: number;
  /** Open loop: how far a burst was sent behind its time, at worst. */
  readonly lateMaxNs: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  readonly maxNs: number;
}

export interface ServerCost {
  readonly packetsPerCpuSecond: number;
  /** The part of its core that the server used, 0 to 1. */
  readonly busy: number;
}

/** The load runs here, servers on core 1. */
const LOAD_CORE = 0;
/** G.711, 20 ms: 12 bytes of header, 160 of audio. */
const PACKET_BYTES = 172;
/** Enough to keep a server busy, and few enough for the receive buffer that a program gets without asking. */
const WINDOW = 192;
const WARM_UP_SECONDS = 0.5;

/** Runs the load generator once. @throws Error when a packet came back altered. */
async function load(port: number, ...options: readonly string[]): Promise<LoadResult> {
  const args = ['--port', String(port), '--size', String(PACKET_BYTES), ...options];
  const result = JSON.parse(await run(compile('load-echo'), args, { cpu: [LOAD_CORE] })) as LoadResult;
  if (result.altered > 0) throw new Error(`load-echo ${args.join(' ')}: ${result.altered} packets came back altered`);
  return result;
}

export interface ClosedLoop {
  readonly sources: number;
  /** Packets of one source that leave as one. */
  readonly train: number;
  readonly rounds: number;
  /** Of one slice. */
  readonly seconds: number;
}

/**
 * Closed loops against servers that all run and were warmed up, one after the other in short slices, so that a slow moment of the
 * machine falls on all of them: what a packet costs each.
 *
 * @throws Error when packets were lost, which a window of this size forbids.
 */
export async function serverCosts(
  subjects: readonly EchoSubject[],
  { sources, train, rounds, seconds }: ClosedLoop,
): Promise<Map<EchoSubject, ServerCost[]>> {
  return withEchoes(subjects, async (servers) => {
    const options = ['--sources', String(sources), '--train', String(train), '--window', String(WINDOW)];
    for (const { port } of servers.values()) await load(port, ...options, '--seconds', String(WARM_UP_SECONDS));
    return interleave(subjects, rounds, async (subject) => {
      const found = servers.get(subject);
      if (found === undefined) throw new Error(`${subject.name} is not running`);
      const { server, port } = found;
      const before = server.cpuNs();
      const result = await load(port, ...options, '--seconds', String(seconds));
      const cpuSeconds = (server.cpuNs() - before) / 1e9;
      if (result.lost > 0) throw new Error(`${subject.name} lost ${result.lost} of ${result.sent} packets in a closed loop`);
      return { packetsPerCpuSecond: result.received / cpuSeconds, busy: cpuSeconds / result.seconds };
    });
  });
}

/** An open loop against a fresh server that was warmed up: what is lost at a rate. */
export async function openLoop(
  subject: EchoSubject,
  options: { readonly sources: number; readonly rate: number; readonly burst: number; readonly seconds: number },
): Promise<LoadResult> {
  const { sources, rate, burst, seconds } = options;
  return withEcho(subject, async (_server, port) => {
    const words = ['--sources', String(sources), '--rate', String(rate), '--burst', String(burst)];
    await load(port, ...words, '--seconds', '0.5');
    return load(port, ...words, '--seconds', String(seconds));
  });
}

/**
 * The round trip through a fresh server as the kernel stamps it, each packet sent alone, `sources` × 50 of them a second.
 *
 * @throws Error when the kernel stamped less than 99 % of the packets that came back.
 */
export async function stampedLatency(
  subject: EchoSubject,
  { sources, seconds }: { readonly sources: number; readonly seconds: number },
): Promise<LoadResult> {
  return withEcho(subject, async (_server, port) => {
    const words = ['--sources', String(sources), '--rate', String(sources * 50), '--stamps'];
    await load(port, ...words, '--seconds', '0.5');
    const result = await load(port, ...words, '--seconds', String(seconds));
    if (result.samples < 0.99 * result.sent) {
      throw new Error(
        `${subject.name}: ${result.sent} packets sent, ${result.received} came back, only ${result.samples} with both stamps`,
      );
    }
    return result;
  });
}

/** Throws, naming the Debian package, when something that the given subjects need is missing: before anything is measured. */
export function prepare(subjects: readonly EchoSubject[]): void {
  tool('taskset', 'util-linux');
  compile('load-echo');
  for (const { words } of subjects) words(0);
}
