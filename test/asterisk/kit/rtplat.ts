import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import type { CallDocument, MetricsDocument } from '../../../src/core/report/metrics.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import type { RunDocument } from '../../../src/core/report/run.ts';
import type { HealthDocument } from '../../../src/core/service/health.ts';
import type { Ari } from './ari.ts';
import { type Running, start, until } from './process.ts';

const PROGRAM = fileURLToPath(new URL('../../../bin/rtplat.ts', import.meta.url));

/** One line of a log in text form. */
export interface LogLine {
  /** `PortManager`, a channel's id, or none. */
  readonly scope: string | undefined;
  readonly level: string | undefined;
  readonly message: string;
}

/** The log lines in `text`; what carries no time stamp (a report's table) is none. */
function parseLog(text: string): readonly LogLine[] {
  const lines: LogLine[] = [];
  for (const line of text.split('\n')) {
    const match = /^\d{4}-\d\d-\d\dT[\d:.]+Z (?:\[([^\]]+)\] (DEBUG|INFO|WARN|ERROR): )?(.*)$/.exec(line);
    if (match !== null) lines.push({ scope: match[1], level: match[2], message: match[3] ?? '' });
  }
  return lines;
}

/** How a program of ours ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Standard output. */
  readonly output: string;
  /** Standard error. */
  readonly errors: string;
}

/** `rtplat COMMAND`, from the sources. It ends with the test that started it, at the latest. */
export interface Program {
  readonly pid: number;
  lines(): readonly LogLine[];
  /** Waits for a log line; gives it. */
  line(pattern: RegExp, timeoutMs?: number): Promise<LogLine>;
  /** The messages of all lines that match. */
  messages(pattern: RegExp): readonly string[];
  /** Resolves when it has ended. */
  readonly ended: Promise<Ending>;
  /** SIGINT, as Ctrl-C does; resolves when it has ended. */
  stop(): Promise<Ending>;
  kill9(): Promise<void>;
  /** SIGSTOP and SIGCONT. */
  freeze(): void;
  thaw(): void;
}

interface ProgramOptions {
  readonly name: string;
  readonly args: readonly string[];
  readonly dir: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words of a program that starts it. */
  readonly through?: readonly string[];
}

function startProgram({ name, args, dir, env = {}, through = [] }: ProgramOptions): {
  readonly program: Program;
  readonly over: () => boolean;
} {
  const logPath = join(dir, `${name}.log`);
  const errorPath = join(dir, `${name}.err`);
  const [starter, ...before] = [...through, process.execPath];
  const running: Running = start(starter, [...before, PROGRAM, ...args], logPath, { env, errorPath });
  let over = false;
  const ended = running.ended.then(({ code, signal }): Ending => {
    over = true;
    return { code, signal, output: readFileSync(logPath, 'utf8'), errors: readFileSync(errorPath, 'utf8') };
  });
  const lines = (): readonly LogLine[] => parseLog(running.output());
  onTestFinished(() => running.stop());
  const program: Program = {
    pid: running.pid,
    lines,
    line: async (pattern, timeoutMs = 30_000) => {
      const found = await until(
        `${name}: a line ${pattern}`,
        () => lines().find(({ message }) => pattern.test(message)) ?? (over ? 'ended' : undefined),
        { timeoutMs },
      );
      if (found === 'ended') throw new Error(`${name} ended: ${readFileSync(errorPath, 'utf8')}`);
      return found;
    },
    messages: (pattern) =>
      lines()
        .map(({ message }) => message)
        .filter((message) => pattern.test(message)),
    ended,
    stop: async () => {
      running.kill('SIGINT');
      const timer = setTimeout(() => running.kill('SIGKILL'), 30_000);
      const ending = await ended;
      clearTimeout(timer);
      return ending;
    },
    kill9: async () => {
      running.kill('SIGKILL');
      await ended;
    },
    freeze: () => running.kill('SIGSTOP'),
    thaw: () => running.kill('SIGCONT'),
  };
  return { program, over: () => over };
}

export interface EchoOptions {
  readonly dir: string;
  /** Default 4000. */
  readonly port?: number;
  readonly name?: string;
  readonly args?: readonly string[];
  readonly through?: readonly string[];
}

/** `rtplat echo`; resolves when it listens. */
export async function startEcho({ dir, port = 4000, name = 'echo', args = [], through = [] }: EchoOptions): Promise<Program> {
  const { program } = startProgram({ name, args: ['echo', '--port', String(port), ...args], dir, through });
  await program.line(/^echo listening on /);
  return program;
}

/** What `rtplat echo --http-port` has counted. */
export async function echoMetrics(port: number): Promise<Readonly<Record<string, number>>> {
  const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { signal: AbortSignal.timeout(10_000) });
  return (await answer.json()) as Record<string, number>;
}

/** `rtplat monitor`; resolves when it watches. What it has started outlives it when it is killed. */
export async function startMonitor(dir: string, config: string, env: Readonly<Record<string, string>>): Promise<Program> {
  const { program } = startProgram({ name: 'monitor', args: ['monitor', '--config', config], dir, env });
  await program.line(/^monitor: watching /);
  return program;
}

export interface ServiceOptions {
  readonly dir: string;
  readonly ari: Ari;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly through?: readonly string[];
  /** Default: Asterisk's own. */
  readonly password?: string;
  /** Default 9090. */
  readonly httpPort?: number;
  readonly name?: string;
  /** What to wait for: HTTP that answers 200 on /health (default), HTTP that answers, or nothing. */
  readonly wait?: 'healthy' | 'serving' | 'nothing';
}

interface Answer<T> {
  readonly status: number;
  readonly contentType: string;
  readonly body: T;
}

/** What `rtplat ari-serve` serves over HTTP. */
export interface ServiceClient {
  /** A document that is JSON, or any text. */
  get<T>(path: string, accept?: string): Promise<Answer<T>>;
  health(): Promise<Answer<HealthDocument>>;
  metrics(): Promise<MetricsDocument>;
  /** Live calls first, then the ended ones. */
  calls(): Promise<readonly CallDocument[]>;
  /** Waits until /health answers 200, or 503 with a reason that matches. */
  healthy(timeoutMs?: number): Promise<HealthDocument>;
  unhealthy(reason: RegExp, timeoutMs?: number): Promise<HealthDocument>;
  /** Waits until no call is up and every port is free. */
  idle(timeoutMs?: number): Promise<HealthDocument>;
}

/** `rtplat ari-serve`, and what it serves over HTTP. */
export interface Service extends Program, ServiceClient {
  /** SIGINT; the ending, and the run file that it wrote. */
  finish(): Promise<Ending & { readonly run: RunDocument }>;
}

/** @param errors what the service wrote on standard error, for a message. */
export function serviceClient(httpPort: number, errors: () => string): ServiceClient {
  const get = async <T>(path: string, accept = 'application/json'): Promise<Answer<T>> => {
    const response = await fetch(`http://127.0.0.1:${httpPort}${path}`, { headers: { accept }, signal: AbortSignal.timeout(10_000) });
    const text = await response.text();
    const contentType = response.headers.get('content-type') ?? '';
    return { status: response.status, contentType, body: (contentType.includes('/json') ? JSON.parse(text) : text) as T };
  };
  const health = (): Promise<Answer<HealthDocument>> => get<HealthDocument>('/health');
  const healthWhere = (what: string, right: (status: number, document: HealthDocument) => boolean, timeoutMs = 30_000) => {
    let last = 'no answer';
    return until(
      what,
      async () => {
        const { status, body } = await health();
        last = JSON.stringify(body);
        return right(status, body) ? body : undefined;
      },
      { timeoutMs },
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}; last: ${last}\n${errors()}`);
    });
  };
  return {
    get,
    health,
    metrics: async () => (await get<MetricsDocument>('/metrics')).body,
    calls: async () => (await get<{ channels: readonly CallDocument[] }>('/channels')).body.channels,
    healthy: (timeoutMs) => healthWhere('a healthy service', (status, { status: said }) => status === 200 && said === 'healthy', timeoutMs),
    unhealthy: (reason, timeoutMs) =>
      healthWhere(
        `a service unhealthy because of ${reason}`,
        (status, document) => status === 503 && document.status === 'unhealthy' && reason.test(document.reason ?? ''),
        timeoutMs,
      ),
    idle: (timeoutMs) =>
      healthWhere('every port free', (_, { active_calls: calls, ports }) => calls === 0 && ports.free === ports.total, timeoutMs),
  };
}

/** `rtplat ari-serve` with a run file asked for. Rejects when it ends instead of serving. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { dir, ari, httpPort = 9090, name = 'ari-serve', wait = 'healthy' } = options;
  const out = join(dir, `${name}.json`);
  const { program, over } = startProgram({
    name,
    dir,
    args: [
      'ari-serve',
      '--ari-url',
      ari.url,
      '--ari-user',
      ari.user,
      '--http-port',
      String(httpPort),
      '--out',
      out,
      ...(options.args ?? []),
    ],
    env: { ARI_PASS: options.password ?? ari.password, ...options.env },
    ...(options.through === undefined ? {} : { through: options.through }),
  });
  const client = serviceClient(httpPort, () => readFileSync(join(dir, `${name}.err`), 'utf8'));
  const service: Service = {
    ...program,
    ...client,
    finish: async () => {
      const ending = await program.stop();
      if (!existsSync(out)) throw new Error(`no run file: ${ending.errors}${ending.output.slice(-1000)}`);
      return { ...ending, run: parseRun(readFileSync(out, 'utf8'), out) };
    },
  };
  if (wait === 'nothing') return service;
  await until(
    `${name} serving HTTP`,
    async () => {
      if (over()) return true;
      return (await client.health()).status > 0 ? true : undefined;
    },
    { everyMs: 20 },
  );
  if (over()) throw new Error(`${name} ended: ${(await program.ended).errors}`);
  if (wait === 'healthy') await client.healthy();
  return service;
}
