/** One load: an Asterisk, an echo, an `ari-serve`, a caller, and a capture of what went between them. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startAsterisk } from '../../test/asterisk/kit/asterisk.ts';
import { capture, rtpStreams } from '../../test/asterisk/kit/capture.ts';
import type { RtpStream } from '../../test/asterisk/kit/capture.ts';
import { startEcho, startService } from '../calls/run.ts';
import { apart, countsOf } from './agreement.ts';
import type { CallerKind, Load } from './callers.ts';
import { watchCpu } from './cpu.ts';

export type ProcessName = 'caller' | 'asterisk' | 'service' | 'echo';

export interface LoadRun {
  readonly calls: number;
  readonly succeeded: number;
  readonly problems: readonly string[];
  /** RTP packets of the callers in the capture: to Asterisk, and from it. */
  readonly there: number;
  readonly back: number;
  /** By how many packets caller, capture and service are apart; null where one of them does not know a call, or tells nothing. */
  readonly apart: number | null;
  /** What the caller says of it itself, ms; null where it says nothing. */
  readonly setUpP50Ms: number | null;
  readonly setUpP95Ms: number | null;
  readonly roundTripP50Ms: number | null;
  readonly roundTripP99Ms: number | null;
  /** Processor time from the first call to the end of the caller. */
  readonly cpuMs: Readonly<Record<ProcessName, number>>;
  readonly asterisk: string;
}

/** SIPp's RTP begins at 6000 and takes four ports a call; Asterisk's is where the kit puts it. */
const SIPP_PORTS = '6000-6999';
const ASTERISK_PORTS = '20000-24000';
/** Over what the calls last: to start, and to be hung up. */
const SPARE_MS = 120_000;

export async function runLoad(kind: CallerKind, load: Load): Promise<LoadRun> {
  const folder = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
  const sub = (name: string): string => {
    mkdirSync(path.join(folder, name));
    return path.join(folder, name);
  };
  const asterisk = await startAsterisk({ release: 'sid', dir: sub('asterisk'), more: { modules: ['func_timeout'] } });
  try {
    const echo = await startEcho('batch');
    const service = await startService('batch', asterisk.ari);
    const trace = await capture({ dir: sub('capture'), filter: `udp portrange ${ASTERISK_PORTS}` });
    const caller = kind.start(sub('caller'), asterisk, load);
    const cpu = watchCpu<ProcessName>({ caller: caller.running.pid, asterisk: asterisk.pid(), service: service.pid, echo: echo.pid });
    const limit = setTimeout(() => caller.running.kill('SIGKILL'), load.holdSeconds * 1e3 + SPARE_MS);
    const { signal } = await caller.running.ended;
    clearTimeout(limit);
    const cpuMs = cpu();
    if (signal === 'SIGKILL') throw new Error(`${kind.name} has not ended: ${caller.running.output().slice(-1000)}`);
    const { succeeded, problems, run } = caller.told();
    const ports = new Set(run?.calls.map(({ port }) => port ?? 0));
    const streams = await rtpStreams(await trace.stop(), [ASTERISK_PORTS, ...(run === null ? [SIPP_PORTS] : ports)]);
    await service.stop('SIGINT');
    await echo.stop('SIGINT');
    const isCaller = (port: number): boolean => (run === null ? port >= 6_000 && port <= 6_999 : ports.has(port));
    const sum = (of: (stream: RtpStream) => number): number =>
      streams.filter((stream) => isCaller(of(stream))).reduce((total, { packets }) => total + packets, 0);
    return {
      calls: load.calls,
      succeeded,
      problems,
      there: sum(({ srcPort }) => srcPort),
      back: sum(({ dstPort }) => dstPort),
      apart: run === null ? null : apart(countsOf(run, streams)),
      setUpP50Ms: run?.ari?.setup_ms?.p50 ?? null,
      setUpP95Ms: run?.ari?.setup_ms?.p95 ?? null,
      roundTripP50Ms: run?.summary.p50_latency ?? null,
      roundTripP99Ms: run?.summary.p99_latency ?? null,
      cpuMs,
      asterisk: /^Asterisk (\S+)/m.exec(await asterisk.cli('core show version'))?.[1] ?? 'unknown',
    };
  } finally {
    await asterisk.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
