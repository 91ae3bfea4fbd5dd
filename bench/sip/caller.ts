/** SIPp as the callers: how many calls, how fast, how long, and what became of them by its own count. */
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { peer } from '../../test/asterisk/kit/peers.ts';
import { run } from '../lib/process.ts';

/** Callers run here, servers on core 1. */
const CALLER_CPU = [0];
/** Below SIPp's own ports for media, which begin at 6000. */
const LOCAL_PORT = 5600;
/** Of a socket, bytes: its own default of 64 kB loses answers while the caller waits for its core. */
export const SIPP_BUFFER = 4 * 1024 * 1024;

export interface CallerOptions {
  /** Of the server, on 127.0.0.1. */
  readonly port: number;
  readonly callsPerSecond: number;
  readonly calls: number;
  /** Where two are to call at once, the port of the one. */
  readonly localPort?: number;
  /**
   * `uac` is SIPp's own scenario, which hangs up at once. The other one has its audio at a port of 127.0.0.1 and hangs up after
   * `holdMs`, or when that is null waits until it is hung up.
   */
  readonly scenario: 'uac' | { readonly audioPort: number; readonly holdMs: number | null };
}

export interface CallerResult {
  readonly succeeded: number;
  /** Calls that did not go as the scenario says. */
  readonly failed: number;
  /** Requests that SIPp sent again. */
  readonly retransmissions: number;
  /** From INVITE to 180 and from BYE to 200, ms, a value a call; empty with SIPp's own scenario. */
  readonly ringingMs: readonly number[];
  readonly endingMs: readonly number[];
}

let scratch: string | undefined;
let folders = 0;

/** A new folder outside of the tree; all of them go when this process ends. */
export function newFolder(): string {
  if (scratch === undefined) {
    const made = mkdtempSync(path.join(tmpdir(), 'rtplat-bench-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true, maxRetries: 3 }));
    scratch = made;
  }
  const folder = path.join(scratch, String(++folders));
  mkdirSync(folder);
  return folder;
}

/** Places the calls and waits until the last one is over. @throws Error when SIPp does not say what became of them. */
export async function call({ port, callsPerSecond, calls, localPort = LOCAL_PORT, scenario }: CallerOptions): Promise<CallerResult> {
  const folder = newFolder();
  const args = [`127.0.0.1:${port}`, '-i', '127.0.0.1', '-p', String(localPort), '-s', '600', '-nostdin'];
  args.push('-m', String(calls), '-r', String(callsPerSecond), '-l', String(calls), '-buff_size', String(SIPP_BUFFER));
  args.push('-trace_stat', '-stf', path.join(folder, 'statistics.csv'), '-fd', '1');
  // A busy machine is no reason to give up.
  args.push('-watchdog_minor_maxtriggers', '1000000', '-watchdog_major_maxtriggers', '1000000');
  if (scenario === 'uac') args.push('-sn', 'uac');
  else {
    const file = path.join(folder, 'caller.xml');
    writeFileSync(file, scenarioText(scenario));
    args.push('-sf', file, '-trace_rtt', '-rtt_freq', '1');
  }
  const seconds = calls / callsPerSecond;
  let failure: Error | undefined;
  try {
    await run(peer('sipp'), args, { cpu: CALLER_CPU, cwd: folder, env: { TERM: 'dumb' }, timeoutMs: (seconds + 120) * 1000 });
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error)); // also when a call has failed, which its statistics say
  }
  const result = resultOf(folder);
  if (result === undefined || (failure !== undefined && result.failed === 0))
    throw failure ?? new Error(`no statistics of sipp in ${folder}`);
  return result;
}

function scenarioText({ audioPort, holdMs }: { readonly audioPort: number; readonly holdMs: number | null }): string {
  const read = (name: string): string => readFileSync(new URL(name, import.meta.url), 'utf8');
  const end = holdMs === null ? read('caller-is-hung-up.xml') : read('caller-hangs-up.xml').replace('HOLD', String(holdMs));
  return read('caller.xml').replace('m=audio PORT', `m=audio ${audioPort}`).replace('<!-- END -->', end);
}

/** @returns undefined when SIPp wrote none. */
function resultOf(folder: string): CallerResult | undefined {
  const files = readdirSync(folder);
  const [names, ...rows] = table(files.includes('statistics.csv') ? path.join(folder, 'statistics.csv') : undefined);
  const last = rows.at(-1);
  if (names === undefined || last === undefined) return undefined;
  const total = (name: string): number => {
    const value = Number(last[names.indexOf(name)]);
    if (Number.isNaN(value)) throw new Error(`sipp's statistics have no ${name}`);
    return value;
  };
  const times = files.find((name) => name.endsWith('_rtt.csv'));
  const [, ...waits] = table(times === undefined ? undefined : path.join(folder, times));
  const waited = (what: string): number[] => waits.filter(([, , name]) => name === what).map(([, ms]) => Number(ms));
  return {
    succeeded: total('SuccessfulCall(C)'),
    failed: total('FailedCall(C)'),
    retransmissions: total('Retransmissions(C)'),
    ringingMs: waited('invite'),
    endingMs: waited('bye'),
  };
}

function table(file: string | undefined): readonly (readonly string[])[] {
  if (file === undefined) return [];
  const lines = readFileSync(file, 'latin1').split('\n');
  return lines.filter((line) => line !== '').map((line) => line.trim().split(';'));
}
