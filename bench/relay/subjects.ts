/** The relays that are compared. Each is started with a number of calls, whose callers it knows, and an echo as the other side. */
import path from 'node:path';
import { compile, tool } from '../lib/peers.ts';
import { start } from '../lib/process.ts';
import type { Running } from '../lib/process.ts';
import { rtplatArgs } from '../lib/rtplat.ts';
import type { MetricsDocument } from '../../src/core/report/metrics.ts';
import { CALLER_PORT, LOAD_CPU } from './load.ts';
import { openCalls } from './rtpengine.ts';

export interface RelaySubject {
  readonly name: string;
  readonly running: Running;
  /** The port of each call, as load-relay reads them: `20000-20099` or `20000,20004`. */
  readonly ports: string;
  /**
   * Ends it.
   *
   * @param relayed packets that came back to the callers, so far.
   */
  stop(relayed: number): Promise<void>;
}

export interface RelayKind {
  readonly name: string;
  start(calls: number, echoPort: number): Promise<RelaySubject>;
}

const RELAY_CPU = [1];
// Below the ports that the kernel hands out by itself, each relay in a range of its own.
const C_FIRST_PORT = 10_000;
const RTPENGINE_PORTS = [20_000, 31_999] as const;
const RTPENGINE_CONTROL_PORT = 2223;

/** Measures nothing: bench/peers/relay.c. */
export const C_RELAY: RelayKind = {
  name: 'C, epoll',
  start: async (calls, echoPort) => {
    const args = [C_FIRST_PORT, calls, echoPort, CALLER_PORT].map(String);
    const running = await start(compile('relay'), args, { cpu: RELAY_CPU, readyLine: /^relay listening on/ });
    const stop = async (): Promise<void> => void (await running.stop());
    return { name: C_RELAY.name, running, ports: `${C_FIRST_PORT}-${C_FIRST_PORT + calls - 1}`, stop };
  },
};

export const RTPLAT: RelayKind = rtplat('rtplat', 13_000, true);
export const RTPLAT_UNRECORDED: RelayKind = rtplat('rtplat, not recording', 16_000, false);

function rtplat(name: string, firstPort: number, records: boolean): RelayKind {
  const script = path.join(import.meta.dirname, '..', 'subjects', records ? 'relay.ts' : 'silent-relay.ts');
  return {
    name,
    start: async (calls, echoPort) => {
      const args = [script, '--calls', String(calls), '--range', `${firstPort}-${firstPort + calls - 1}`];
      args.push('--echo', `127.0.0.1:${echoPort}`, '--peer-port', String(CALLER_PORT));
      const running = await start(process.execPath, args, { cpu: RELAY_CPU, readyLine: /"ready":true/ });
      const { ports } = JSON.parse(running.lines()[0] ?? '') as { ports: readonly number[] };
      return { name, running, ports: ports.join(','), stop: async (relayed) => checkRecord(await running.stop(), records, relayed) };
    },
  };
}

/** That the relay did measure what it is compared with: the fate of every packet that came back, or of none. */
function checkRecord(output: string, records: boolean, relayed: number): void {
  const { total_latencies: samples, counters } = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as MetricsDocument;
  const known = samples + counters.late_after_loss;
  if (records ? known < relayed : known > 0) throw new Error(`rtplat relayed ${relayed} packets and measured ${known}`);
}

/** In user space (no kernel module), with one thread for media. */
export const RTPENGINE: RelayKind = {
  name: 'rtpengine',
  start: async (calls, echoPort) => {
    const [first, last] = RTPENGINE_PORTS;
    const hour = '3600';
    const args = [
      ...['--config-file=none', '--foreground', '--log-stderr', '--log-level=3', '--log-level-core=6'],
      ...['--table=-1', '--num-threads=1', '--interface=127.0.0.1', `--listen-ng=127.0.0.1:${RTPENGINE_CONTROL_PORT}`],
      ...[`--port-min=${first}`, `--port-max=${last}`],
      // Calls wait for their turn without a packet.
      ...[`--timeout=${hour}`, `--silent-timeout=${hour}`, `--offer-timeout=${hour}`],
    ];
    const command = tool('rtpengine', 'rtpengine-daemon');
    const running = await start(command, args, { cpu: RELAY_CPU, readyLine: /Startup complete/ });
    const ports = await openCalls(RTPENGINE_CONTROL_PORT, calls, CALLER_PORT, echoPort);
    return { name: RTPENGINE.name, running, ports: ports.join(','), stop: async () => void (await running.stop()) };
  },
};

/** The other side of every call. */
export const ECHO_PORT = 4000;

/** The C echo, bench/peers/echo.c, which takes and sends every packet by itself. */
export async function startEcho(): Promise<Running> {
  return start(compile('echo'), [String(ECHO_PORT)], { cpu: LOAD_CPU, readyLine: /echo listening on/ });
}

/** `rtplat echo`, which gives back together what came together. */
export async function startOwnEcho(): Promise<Running> {
  const args = rtplatArgs('echo', '--port', String(ECHO_PORT), '--bind', '127.0.0.1', '--status-interval', '0');
  return start(process.execPath, args, { cpu: LOAD_CPU, readyLine: /echo listening on/ });
}
