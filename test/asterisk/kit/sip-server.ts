import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MetricsDocument } from '../../../src/core/report/metrics.ts';
import type { BookTotals } from '../../../src/core/sip-server/call-book.ts';
import type { SipCallDocument } from '../../../src/core/sip-server/call-documents.ts';
import { peer } from './peers.ts';
import { type Running, start, until } from './process.ts';
import { scenario } from './sip-scenario.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/rtplat.ts', import.meta.url));
export const SIP_PORT = 5070;
const HTTP_PORT = 8090;

/** Where a second server is, beside the first. */
export interface ServerPlace {
  /** Of SIP; 127.0.0.1 unless given. */
  readonly bind?: string;
  readonly port?: number;
  readonly httpPort?: number;
  /** Words of a program that starts it. */
  readonly through?: readonly string[];
  /** Lines of [metrics] and [logging], instead of a call records file in `dir` and standard output alone. */
  readonly metrics?: string;
  readonly logging?: string;
}

export interface ServerMetrics extends MetricsDocument {
  readonly calls: BookTotals;
  readonly signalling: Readonly<Record<string, unknown>>;
  readonly media: {
    readonly sent: number;
    readonly lost: number | null;
    readonly ports: { readonly free: number; readonly total: number };
  };
}

/** `rtplat sip-serve`, HTTP on 127.0.0.1. */
export interface SipServe {
  readonly running: Running;
  metrics(): Promise<ServerMetrics>;
  /** Lines of the call records file that are about calls for this user. Waits until there are `count`. */
  records(user: string, count?: number): Promise<readonly SipCallDocument[]>;
  /** Waits until so many calls have had their ACK; `user`: of those for this user. */
  confirmed(count: number, user?: string): Promise<void>;
  /** Documents of the calls, those that are up first. */
  channels(): Promise<readonly SipCallDocument[]>;
  /** Waits until no call is up and every port is free. */
  idle(): Promise<ServerMetrics>;
  /** Waits for a line of the log that matches, and gives all that do. */
  lines(pattern: RegExp, count?: number): Promise<readonly string[]>;
  /** Waits until /health says so. */
  healthy(): Promise<void>;
  /** Other tables in the file, and SIGHUP; settles when they are in effect. */
  reload(toml: string): Promise<void>;
}

/** @param toml tables to add to the file, besides [health], [metrics] and [logging]. */
export async function startSipServe(dir: string, toml: string, place: ServerPlace = {}): Promise<SipServe> {
  const { bind = '127.0.0.1', port = SIP_PORT, httpPort = HTTP_PORT, through = [] } = place;
  const records = join(dir, 'calls.jsonl');
  const file = join(dir, 'sip-serve.toml');
  const rest = `
[health]
health_check_port = ${httpPort}

[metrics]
${place.metrics ?? `call_records_file = ${JSON.stringify(records)}`}

[logging]
${place.logging ?? 'enable_file_logging = false\nenable_syslog = false'}
`;
  writeFileSync(file, `${toml}\n${rest}`);
  const [program, ...before] = [...through, process.execPath];
  const args = [...before, PROGRAM, 'sip-serve', '--config', file, '--bind', bind, '--port', String(port)];
  const running = start(program, args, join(dir, 'sip-serve.log'), { cwd: dir });
  let over = false;
  void running.ended.then(() => (over = true));
  await until('sip-serve listening', () => over || running.output().includes(' sip-serve: ') || undefined);
  if (over) throw new Error(`sip-serve ended: ${running.output()}`);
  const get = async <T>(path: string): Promise<T> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, { headers: { accept: 'application/json' } });
    return (await response.json()) as T;
  };
  const metrics = (): Promise<ServerMetrics> => get<ServerMetrics>('/metrics');
  const channels = async (): Promise<readonly SipCallDocument[]> =>
    (await get<{ readonly channels: readonly SipCallDocument[] }>('/channels')).channels;
  const lines = (pattern: RegExp, count = 1): Promise<readonly string[]> =>
    until(`${count} lines ${pattern} in the log`, () => {
      const found = running
        .output()
        .split('\n')
        .filter((line) => pattern.test(line));
      return found.length >= count ? found : undefined;
    });
  return {
    running,
    metrics,
    channels,
    records: (user, count = 1) =>
      until(`${count} records of calls for ${user}`, () => {
        const lines = existsSync(records) ? readFileSync(records, 'utf8').split('\n') : [];
        const all = lines.slice(0, -1).map((line) => JSON.parse(line) as SipCallDocument);
        const found = all.filter((record) => record.user === user);
        return found.length >= count ? found : undefined;
      }),
    confirmed: async (count, user) => {
      await until(`${count} calls up`, async () => {
        const up = (await channels()).filter((call) => call.state === 'confirmed' && (user === undefined || call.user === user));
        return up.length === count || undefined;
      });
    },
    idle: () =>
      until('no call up and every port free', async () => {
        const now = await metrics();
        return now.calls.active === 0 && now.media.ports.free === now.media.ports.total ? now : undefined;
      }),
    lines,
    healthy: async () => {
      await until('a healthy server', async () => (await get<{ readonly status: string }>('/health')).status === 'healthy' || undefined);
    },
    reload: async (other) => {
      const before = running.output().split('Configuration reloaded').length;
      writeFileSync(file, `${other}\n${rest}`);
      running.kill('SIGHUP');
      await lines(/Configuration reloaded/, before);
    },
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
  /** Default 1. */
  readonly calls?: number;
  /** Calls a second; default 20. */
  readonly rate?: number;
  /** UDP, one TCP connection for all calls, or one for each. Default `u1`. */
  readonly transport?: 'u1' | 't1' | 'tn';
  readonly name?: string;
  /** Between SIPp and the server: its address and port, and SIPp's own port. SIPp gives its address for that of its media. */
  readonly by?: { readonly address: string; readonly port: number };
  /** Folder of SIPp's own captures, for `uac_pcap`. */
  readonly captures?: string;
}

/** Runs SIPp against the server to the end of the last call. */
export async function callers(options: CallerOptions): Promise<CallerResult> {
  const { dir, steps, user, calls = 1, rate = 20, transport = 'u1', name = user, by, captures } = options;
  const folder = join(dir, `sipp-${name}`);
  mkdirSync(folder);
  if (captures !== undefined) symlinkSync(captures, join(folder, 'pcap'));
  const args = [`${by?.address ?? '127.0.0.1'}:${by?.port ?? SIP_PORT}`, '-s', user, '-i', '127.0.0.1', '-t', transport];
  args.push('-mi', by?.address ?? '127.0.0.1', ...(by === undefined ? [] : ['-p', String(by.port)]));
  args.push(
    '-m',
    String(calls),
    '-r',
    String(rate),
    '-l',
    String(calls),
    '-nostdin',
    '-timeout',
    '60s',
    '-timeout_error',
    '-max_socket',
    '1000',
  );
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
