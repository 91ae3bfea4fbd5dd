import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BookTotals, SipCallDocument } from '../../../src/core/sip-server/call-book.ts';
import { peer } from './peers.ts';
import { type Running, start, until } from './process.ts';
import { scenario } from './sip-scenario.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/rtplat.ts', import.meta.url));
export const SIP_PORT = 5070;
const HTTP_PORT = 8090;

export interface ServerMetrics {
  readonly calls: BookTotals;
  readonly media: { readonly ports: { readonly free: number; readonly total: number } };
}

/** `rtplat sip-serve` on 127.0.0.1. */
export interface SipServe {
  readonly running: Running;
  metrics(): Promise<ServerMetrics>;
  /** Lines of the call records file that are about calls for this user. Waits until there are `count`. */
  records(user: string, count?: number): Promise<readonly SipCallDocument[]>;
  /** Waits until so many calls have had their ACK. */
  confirmed(count: number): Promise<void>;
  /** Waits until no call is up and every port is free. */
  idle(): Promise<ServerMetrics>;
}

/** @param toml tables to add to the file, besides [health] and [logging]. */
export async function startSipServe(dir: string, toml: string): Promise<SipServe> {
  const records = join(dir, 'calls.jsonl');
  const file = join(dir, 'sip-serve.toml');
  const rest = `
[health]
health_check_port = ${HTTP_PORT}

[metrics]
call_records_file = ${JSON.stringify(records)}

[logging]
enable_file_logging = false
enable_syslog = false
`;
  writeFileSync(file, `${toml}\n${rest}`);
  const args = [PROGRAM, 'sip-serve', '--config', file, '--bind', '127.0.0.1', '--port', String(SIP_PORT)];
  const running = start(process.execPath, args, join(dir, 'sip-serve.log'), { cwd: dir });
  let over = false;
  void running.ended.then(() => (over = true));
  await until('sip-serve listening', () => over || running.output().includes(' sip-serve: ') || undefined);
  if (over) throw new Error(`sip-serve ended: ${running.output()}`);
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${HTTP_PORT}${path}`, { headers: { accept: 'application/json' } });
    return (await response.json()) as T;
  };
  const metrics = (): Promise<ServerMetrics> => get<ServerMetrics>('/metrics');
  return {
    running,
    metrics,
    records: (user, count = 1) =>
      until(`${count} records of calls for ${user}`, () => {
        const lines = existsSync(records) ? readFileSync(records, 'utf8').split('\n') : [];
        const all = lines.slice(0, -1).map((line) => JSON.parse(line) as SipCallDocument);
        const found = all.filter((record) => record.user === user);
        return found.length >= count ? found : undefined;
      }),
    confirmed: async (count) => {
      await until(`${count} calls up`, async () => {
        const { channels } = await get<{ readonly channels: readonly SipCallDocument[] }>('/channels');
        return channels.filter(({ state }) => state === 'confirmed').length === count || undefined;
      });
    },
    idle: () =>
      until('no call up and every port free', async () => {
        const now = await metrics();
        return now.calls.active === 0 && now.media.ports.free === now.media.ports.total ? now : undefined;
      }),
  };
}

/** A message that the server sent. */
export interface Received {
  readonly startLine: string;
  /** First header field of that name, as written; undefined without one. */
  header(name: string): string | undefined;
  readonly body: string;
}

export interface CallerResult {
  /** 0: every call went as its scenario says. */
  readonly code: number | null;
  /** What SIPp says about calls that did not; empty when all did. */
  readonly errors: string;
  /** In order. */
  readonly received: readonly Received[];
}

export interface CallerOptions {
  readonly dir: string;
  /** Steps of kit/sip-scenario.ts, or one of SIPp's own scenarios with its arguments. */
  readonly steps: readonly string[] | { readonly builtIn: string; readonly args: readonly string[] };
  readonly user: string;
  /** Default 1, all at once. */
  readonly calls?: number;
  /** UDP, one TCP connection for all calls, or one for each. Default `u1`. */
  readonly transport?: 'u1' | 't1' | 'tn';
  readonly name?: string;
}

/** Runs SIPp against the server to the end of the last call. */
export async function callers({ dir, steps, user, calls = 1, transport = 'u1', name = user }: CallerOptions): Promise<CallerResult> {
  const folder = join(dir, `sipp-${name}`);
  mkdirSync(folder);
  const args = [`127.0.0.1:${SIP_PORT}`, '-s', user, '-i', '127.0.0.1', '-mi', '127.0.0.1', '-t', transport];
  args.push('-m', String(calls), '-r', '20', '-l', String(calls), '-nostdin', '-timeout', '60s', '-timeout_error', '-max_socket', '1000');
  args.push('-trace_err', '-error_file', join(folder, 'errors.log'), '-trace_msg', '-message_file', join(folder, 'messages.log'));
  if ('builtIn' in steps) args.push('-sn', steps.builtIn, ...steps.args);
  else {
    writeFileSync(join(folder, 'scenario.xml'), scenario(steps));
    // What the server repeats is a step like any other.
    args.push('-sf', join(folder, 'scenario.xml'), '-nr');
  }
  const running = start(peer('sipp'), args, join(folder, 'screen.log'), { cwd: folder, env: { TERM: 'dumb' } });
  const { code } = await running.ended;
  const read = (file: string): string => (existsSync(join(folder, file)) ? readFileSync(join(folder, file), 'utf8') : '');
  const errors = read('errors.log');
  return { code, errors: code === 0 || errors !== '' ? errors : running.output().slice(-1000), received: parseTrace(read('messages.log')) };
}

/** The messages that SIPp's message trace says were received. */
function parseTrace(trace: string): readonly Received[] {
  const found: Received[] = [];
  for (const part of trace.split(/^-{40,}.*$/m)) {
    const match = /message received[^\n]*\n\n([\s\S]*)$/.exec(part);
    if (match === null) continue;
    const [head = '', ...body] = (match[1] ?? '').replaceAll('\r\n', '\n').split('\n\n');
    const [startLine = '', ...fields] = head.split('\n');
    found.push({
      startLine,
      body: body.join('\n\n').trim(),
      header: (name) => {
        const prefix = `${name.toLowerCase()}:`;
        return fields
          .find((field) => field.toLowerCase().startsWith(prefix))
          ?.slice(prefix.length)
          .trim();
      },
    });
  }
  return found;
}
