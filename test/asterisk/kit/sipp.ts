import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { peer } from './peers.ts';
import { type Running, start } from './process.ts';

export interface SippOptions {
  /** An empty folder for the scenario, the audio and the logs. */
  readonly dir: string;
  /** Calls in all. */
  readonly calls: number;
  /** Calls started per second, default 10. */
  readonly rate?: number;
  /** How long an answered call lasts before the caller hangs up (`canceller`: how long it waits before CANCEL). */
  readonly durationMs: number;
  /** At most so many calls at a time, default all of them. */
  readonly limit?: number;
  /** Extension to dial, default 600. */
  readonly extension?: string;
  /** Asterisk's SIP address, default 127.0.0.1:5060. */
  readonly target?: string;
  /** The caller's own address, default 127.0.0.1. */
  readonly localIp?: string;
  /** Put before its command, for instance to call from another host. */
  readonly prefix?: readonly string[];
  readonly scenario?: 'caller' | 'canceller';
  /** Whether the caller sends RTP, default true. */
  readonly speaks?: boolean;
}

/** What became of the calls, by SIPp's own count at its end. */
export interface SippResult {
  readonly created: number;
  /** Calls that got a 200. */
  readonly answered: number;
  /** Calls refused before answer, by SIP status. Only codes that occurred. */
  readonly refused: Readonly<Record<number, number>>;
  /** Answered calls that the other side ended. */
  readonly hungUpByPeer: number;
  readonly cancelled: number;
  /** Calls whose scenario ran to its end. */
  readonly successful: number;
  /** Calls that met something unexpected, or no answer at all. */
  readonly failed: number;
  /** SIPp's account of every unexpected message; empty when there was none. */
  readonly errors: string;
}

export interface Sipp {
  /** Resolves when every call has ended. Rejects when SIPp itself could not run. */
  readonly result: Promise<SippResult>;
  /** No new calls; calls that are up end as they would. */
  finish(): void;
  /** Ends SIPp at once, without a BYE: the callers vanish. */
  vanish(): Promise<void>;
}

/** Last row of a SIPp statistics file, by column name; the numbers of the whole run end in `(C)`. */
export function parseSippStatistics(csv: string): ReadonlyMap<string, string> {
  const lines = csv.split('\n').filter((line) => line !== '');
  const names = (lines[0] ?? '').split(';');
  const values = (lines.length > 1 ? (lines.at(-1) ?? '') : '').split(';');
  return new Map(names.map((name, index) => [name, values[index] ?? '']));
}

/** One second of PCMU in which every sample value occurs, so that a changed payload cannot pass unnoticed. */
function audio(): Uint8Array {
  return Uint8Array.from({ length: 8000 }, (_, index) => (index * 37 + (index >> 8)) & 0xff);
}

// The scenarios hang up by a time-out: SIPp notes each as an error.
function unexpected(errors: string): string {
  const lines = errors.replaceAll(/(\d{4}-\d\d-\d\d\t)/g, '\n$1').split('\n');
  return lines
    .filter((line) => line !== '' && !/receive timeout on message .* jumping to label|following events occurred/.test(line))
    .join('\n');
}

function resultOf(csv: string, errors: string): SippResult {
  const row = parseSippStatistics(csv);
  const count = (name: string): number => Number(row.get(name) ?? '0');
  const refused: Record<number, number> = {};
  for (const name of row.keys()) {
    const match = /^refused_(\d{3})\(C\)$/.exec(name);
    if (match !== null && count(name) > 0) refused[Number(match[1])] = count(name);
  }
  return {
    created: count('OutgoingCall(C)'),
    answered: count('answered(C)'),
    refused,
    hungUpByPeer: count('hung_up_by_peer(C)'),
    cancelled: count('cancelled(C)'),
    successful: count('SuccessfulCall(C)'),
    failed: count('FailedCall(C)'),
    errors,
  };
}

/** Starts SIPp as callers of a real Asterisk. Its media leave from port 6000 (Debian's build cannot choose another). */
export function startSipp(options: SippOptions): Sipp {
  const { dir, calls, rate = 10, durationMs, extension = '600', target = '127.0.0.1:5060', localIp = '127.0.0.1' } = options;
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'audio.pcmu'), audio());
  const template = readFileSync(new URL(`scenarios/${options.scenario ?? 'caller'}.xml`, import.meta.url), 'utf8');
  const speak = `<nop><action><exec rtp_stream="${join(dir, 'audio.pcmu')},-1,0" /></action></nop>`;
  const scenario = template.replaceAll('DURATION', String(durationMs)).replace('<!-- AUDIO -->', (options.speaks ?? true) ? speak : '');
  writeFileSync(join(dir, 'scenario.xml'), (options.speaks ?? true) ? scenario : scenario.replaceAll(/<nop>.*rtp_stream.*<\/nop>/g, ''));

  const args = [target, '-sf', join(dir, 'scenario.xml'), '-s', extension, '-i', localIp, '-mi', localIp];
  args.push('-m', String(calls), '-r', String(rate), '-l', String(options.limit ?? calls));
  args.push('-nostdin', '-trace_stat', '-stf', join(dir, 'statistics.csv'), '-trace_err', '-error_file', join(dir, 'errors.log'));
  // A busy machine is no reason to give up.
  args.push('-watchdog_minor_maxtriggers', '1000000', '-watchdog_major_maxtriggers', '1000000');
  const [program, ...before] = [...(options.prefix ?? []), peer('sipp')];
  const running: Running = start(program, [...before, ...args], join(dir, 'screen.log'), { cwd: dir, env: { TERM: 'dumb' } });

  const read = (name: string): string => {
    try {
      return readFileSync(join(dir, name), 'utf8');
    } catch {
      return ''; // SIPp writes its error file only when there is something to say
    }
  };
  // Exit 0: all calls as the scenario says; 1: some were not; anything else: SIPp itself failed.
  const result = running.ended.then(({ code, signal }) => {
    const csv = read('statistics.csv');
    if (signal === 'SIGKILL' || ((code === 0 || code === 1) && csv !== '')) return resultOf(csv, unexpected(read('errors.log')));
    throw new Error(`sipp ended with ${code ?? signal}: ${read('errors.log')}${running.output().slice(-1000)}`);
  });
  return {
    result,
    finish: () => running.kill('SIGUSR1'),
    vanish: async () => {
      running.kill('SIGKILL');
      await running.ended;
    },
  };
}

/** Calls, waits for the end of the last one, and gives the count. */
export function runSipp(options: SippOptions): Promise<SippResult> {
  return startSipp(options).result;
}
