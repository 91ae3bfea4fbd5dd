import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';

/** A program that the kit started, with all it printed in one file. */
export interface Running {
  readonly pid: number;
  readonly child: ChildProcess;
  /** Resolves when the program has ended: its exit status, or `null` and the signal that ended it. Never rejects. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  /** Everything printed so far, standard output and standard error in one. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL when it is still there after `graceMs`. Resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
}

const alive = new Set<Running>();

// A test run that dies must not leave an Asterisk behind.
process.on('exit', () => {
  for (const running of alive) running.kill('SIGKILL');
});

/** Starts `program` with its output in the file `logPath`; standard error goes to `errorPath` when one is named. */
export function start(
  program: string,
  args: readonly string[],
  logPath: string,
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>>; readonly errorPath?: string } = {},
): Running {
  const log = openSync(logPath, 'a');
  const errors = options.errorPath === undefined ? log : openSync(options.errorPath, 'a');
  // Should this process be killed, the kernel ends what it started.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    stdio: ['ignore', log, errors],
    env: { ...process.env, ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  closeSync(log);
  if (errors !== log) closeSync(errors);
  const running: Running = {
    pid: child.pid ?? 0,
    child,
    ended: new Promise((resolve) => {
      child.once('error', () => {
        alive.delete(running);
        resolve({ code: 127, signal: null });
      });
      child.once('exit', (code, signal) => {
        alive.delete(running);
        resolve({ code, signal });
      });
    }),
    output: () => readFileSync(logPath, 'utf8'),
    kill: (signal) => {
      child.kill(signal);
    },
    stop: async (graceMs = 5000) => {
      if (!alive.has(running)) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await running.ended;
      clearTimeout(timer);
    },
  };
  alive.add(running);
  return running;
}

/** Runs a program to its end and gives what it printed. Rejects when it exits with anything but 0. */
export async function run(
  program: string,
  args: readonly string[],
  options: { readonly timeoutMs?: number; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...options.env } });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 30_000);
  const code = await new Promise<number | string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
  });
  clearTimeout(timer);
  if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}: ${(err || out).trim().slice(-2000)}`);
  return out;
}

/** Asks `probe` every `everyMs` until it gives something else than `undefined`; rejects after `timeoutMs`, naming `what`. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  options: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 15_000, everyMs = 50 } = options;
  const deadline = performance.now() + timeoutMs;
  let failure = '';
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
      failure = '';
    } catch (error) {
      failure = ` (${String(error)})`;
    }
    if (performance.now() > deadline) throw new Error(`${what}: not within ${timeoutMs} ms${failure}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
