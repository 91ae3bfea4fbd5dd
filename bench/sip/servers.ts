/** The servers that are called: `rtplat sip-serve` as users run it, and SIPp's own. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { peer } from '../../test/asterisk/kit/peers.ts';
import { until } from '../../test/asterisk/kit/process.ts';
import type { HealthDocument } from '../../src/core/service/health.ts';
import type { SipMetricsDocument } from '../../src/core/sip-server/metrics.ts';
import { start } from '../lib/process.ts';
import type { Running } from '../lib/process.ts';
import { rtplatArgs } from '../lib/rtplat.ts';
import { newFolder, SIPP_BUFFER } from './caller.ts';

/** One core for the server, with all of its threads; the callers are on core 0. */
const SERVER_CPU = [1];
const RESTING_MS = 1000;

export interface Called {
  readonly running: Running;
  /** UDP, on 127.0.0.1. */
  readonly port: number;
}

/** Resident, bytes. */
export interface Memory {
  readonly all: number;
  /** Without what comes from files: the program of Node.js itself, above all, which all processes of a host share. */
  readonly own: number;
}

export interface SipServe extends Called {
  /** Where it runs. */
  readonly folder: string;
  metrics(): Promise<SipMetricsDocument>;
  /** Waits until so many calls are up. */
  active(calls: number): Promise<void>;
  memory(): Memory;
}

export interface SipServeOptions {
  readonly port: number;
  readonly httpPort: number;
  /** First RTP port; 10,000 are taken. */
  readonly rtp: number;
  readonly level: 'info' | 'warn';
  /** Of the configuration, besides what follows from the above. */
  readonly behavior: Readonly<Record<string, string | number>>;
  /** Tables to add. */
  readonly more?: string;
  /** For Node.js itself. */
  readonly nodeArgs?: readonly string[];
}

/** Log lines go to a file, as they do by default, and on standard output to nowhere; whatever the process prints itself is kept. */
export async function startSipServe(options: SipServeOptions): Promise<SipServe> {
  const { port, httpPort, nodeArgs = [] } = options;
  const folder = newFolder();
  const file = path.join(folder, 'sip-serve.toml');
  writeFileSync(file, configuration(options));
  const words = [...nodeArgs, ...rtplatArgs('sip-serve', '--config', file)];
  // The shell becomes the program.
  const quiet = ['-c', 'exec "$0" "$@" >/dev/null', process.execPath, ...words];
  const running = await start('/bin/sh', quiet, { cpu: SERVER_CPU, cwd: folder, readyLine: { udpPort: port } });
  const address = `http://127.0.0.1:${httpPort}`;
  await until('a healthy sip-serve', async () => ((await fetch(`${address}/health`)).ok ? true : undefined));
  const get = async <T>(what: string): Promise<T> => {
    const response = await fetch(`${address}${what}`, { headers: { accept: 'application/json' } });
    return (await response.json()) as T;
  };
  const health = (): Promise<HealthDocument> => get<HealthDocument>('/health');
  // What is left of its start is not to be counted with the calls.
  await delay(RESTING_MS);
  return {
    running,
    port,
    folder,
    metrics: () => get<SipMetricsDocument>('/metrics'),
    active: async (calls) => {
      const all = async (): Promise<true | undefined> => ((await health()).active_calls === calls ? true : undefined);
      await until(`${calls} calls up`, all, { timeoutMs: 60_000, everyMs: 250 });
    },
    memory: () => memoryOf(running.pid),
  };
}

function configuration({ port, httpPort, rtp, level, behavior, more = '' }: SipServeOptions): string {
  const lines = Object.entries({ max_concurrent_calls: 20_000, ...behavior }).map(([key, value]) => `${key} = ${JSON.stringify(value)}`);
  return `
[sip]
bind_address = ["127.0.0.1"]
port = ${port}

[behavior]
${lines.join('\n')}

[media]
rtp_port_range_start = ${rtp}
rtp_port_range_end = ${rtp + 9999}

[health]
health_check_port = ${httpPort}

[limits]
stop_grace_seconds = 0

[logging]
level = "${level}"
file = "sip-serve.log"
enable_syslog = false
${more}
`;
}

export async function startSippServer(port: number): Promise<Called> {
  const args = ['-sn', 'uas', '-i', '127.0.0.1', '-p', String(port), '-nostdin', '-buff_size', String(SIPP_BUFFER)];
  const running = await start(peer('sipp'), args, {
    cpu: SERVER_CPU,
    cwd: newFolder(),
    env: { TERM: 'dumb' },
    readyLine: { udpPort: port },
  });
  return { running, port };
}

function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [, all] = /^VmRSS:\s+(\d+) kB$/m.exec(status) ?? [];
  const [, own] = /^RssAnon:\s+(\d+) kB$/m.exec(status) ?? [];
  if (all === undefined || own === undefined) throw new Error(`/proc/${pid}/status tells no VmRSS and RssAnon`);
  return { all: Number(all) * 1024, own: Number(own) * 1024 };
}
