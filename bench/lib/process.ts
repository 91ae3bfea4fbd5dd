/** Programs under measurement: started on chosen cores, their run time read from the kernel, and none left behind. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { tool } from './peers.ts';

export interface RunOptions {
  /** The cores it may run on; any when left out. */
  readonly cpu?: readonly number[];
  /** On top of this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where it runs; this process's folder when left out. */
  readonly cwd?: string;
  /** Milliseconds: to become ready ({@link start}, 20 s when left out), or to run at all ({@link run}, 60 s). */
  readonly timeoutMs?: number;
}

export interface StartOptions extends RunOptions {
  /** What says that it is ready: a line of standard output or standard error, or, of a silent program, a UDP port that it binds. */
  readonly readyLine: RegExp | { readonly udpPort: number };
}

export interface Running {
  readonly pid: number;
  /** The whole lines of standard output so far. */
  lines(): readonly string[];
  /**
   * Nanoseconds of processor time of all its threads so far. The time of a thread that ended is kept as it was when this was
   * called last.
   *
   * @throws Error when the process has ended.
   */
  cpuNs(): number;
  /**
   * Ends it and waits until it is gone.
   *
   * @param signal SIGTERM when left out.
   * @param limitMs how long that may take; 5 s when left out.
   * @returns all of its standard output.
   * @throws Error when it had ended by itself, or takes longer.
   */
  stop(signal?: NodeJS.Signals, limitMs?: number): Promise<string>;
}

const STOP_MS = 5000;
/** Between two looks at the ports of a program that does not say when it is ready. */
const LOOK_MS = 10;
const alive = new Set<Child>();

// Also after an uncaught error, which ends this process through 'exit'.
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

/**
 * Starts a server and waits until it is ready.
 *
 * @throws Error with what it printed when it ends, or does not become ready in time.
 */
export async function start(command: string, args: readonly string[], options: StartOptions): Promise<Running> {
  const child = new Child(command, args, options);
  const limit = options.timeoutMs ?? 20_000;
  const { readyLine } = options;
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let looks: NodeJS.Timeout | undefined;
  if (readyLine instanceof RegExp) {
    child.onOutput = () => {
      if (child.allLines().some((line) => readyLine.test(line))) resolve();
    };
  } else {
    looks = setInterval(() => {
      if (isBound(readyLine.udpPort)) resolve();
    }, LOOK_MS);
  }
  const wanted = readyLine instanceof RegExp ? `no line matches ${readyLine}` : `UDP port ${readyLine.udpPort} is not bound`;
  const timer = setTimeout(() => reject(child.failure(`is not ready after ${limit} ms: ${wanted}`)), limit);
  const ended = child.ended.then((how) => reject(child.failure(`ended with ${how} before it was ready`)));
  try {
    await Promise.race([promise, ended]);
    return child;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  } finally {
    clearTimeout(timer);
    clearInterval(looks);
    child.onOutput = undefined;
  }
}

/** Whether some socket of this network namespace has the port (IPv4). */
function isBound(port: number): boolean {
  const [, ...sockets] = readFileSync('/proc/self/net/udp', 'utf8').split('\n');
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  return sockets.some((line) => line.trim().split(/\s+/)[1]?.endsWith(`:${wanted}`));
}

/**
 * Runs a program to its end, for example a load generator.
 *
 * @returns its standard output.
 * @throws Error with what it printed when its status is not 0, or it takes too long.
 */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const child = new Child(command, args, options);
  const limit = options.timeoutMs ?? 60_000;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, limit);
  const how = await child.ended;
  clearTimeout(timer);
  if (late) throw child.failure(`took more than ${limit} ms`);
  if (how !== 'status 0') throw child.failure(`ended with ${how}`);
  return child.stdout;
}

class Child implements Running {
  readonly pid: number;
  /** How it ended, in words. Never rejects. */
  readonly ended: Promise<string>;
  onOutput: (() => void) | undefined;
  stdout = '';
  #stderr = '';
  #hasEnded = false;
  readonly #name: string;
  readonly #process: ChildProcessByStdio<null, Readable, Readable>;
  readonly #threadNs = new Map<string, number>();

  constructor(command: string, args: readonly string[], options: RunOptions) {
    this.#name = `${command} ${args.join(' ')}`;
    const pinned = options.cpu === undefined ? [] : [tool('taskset', 'util-linux'), '--cpu-list', options.cpu.join(',')];
    // Both wrappers become the program itself: the pid stays. Should this process be killed, the kernel ends what it started.
    const words = ['--pdeathsig', 'KILL', '--', ...pinned, command, ...args];
    this.#process = spawn(tool('setpriv', 'util-linux'), words, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.pid = this.#process.pid ?? 0;
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.onOutput?.();
    });
    this.#process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.onOutput?.();
    });
    alive.add(this);
    this.ended = new Promise((resolve) => {
      const end = (how: string): void => {
        alive.delete(this);
        this.#hasEnded = true;
        resolve(how);
      };
      this.#process.once('error', (error) => end(error.message));
      this.#process.once('close', (code, signal) => end(code === null ? String(signal) : `status ${code}`));
    });
  }

  lines(): readonly string[] {
    return this.stdout.split('\n').slice(0, -1);
  }

  allLines(): readonly string[] {
    return [...this.lines(), ...this.#stderr.split('\n').slice(0, -1)];
  }

  cpuNs(): number {
    if (this.#hasEnded) throw this.failure('has ended');
    const threads = `/proc/${this.pid}/task`;
    for (const thread of readdirSync(threads)) {
      try {
        const [ranNs] = readFileSync(`${threads}/${thread}/schedstat`, 'utf8').split(' ');
        this.#threadNs.set(thread, Number(ranNs));
      } catch {
        // This thread ended after the folder was read.
      }
    }
    return [...this.#threadNs.values()].reduce((sum, ns) => sum + ns, 0);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', limitMs: number = STOP_MS): Promise<string> {
    if (this.#hasEnded) throw this.failure(`had already ended with ${await this.ended}`);
    this.kill(signal);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.kill('SIGKILL');
    }, limitMs);
    await this.ended;
    clearTimeout(timer);
    if (late) throw this.failure(`did not end within ${limitMs} ms of ${signal}`);
    return this.stdout;
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  failure(what: string): Error {
    const said = `${this.stdout}${this.#stderr}`.trim().slice(-2000);
    return new Error(`${this.#name} ${what}${said === '' ? '' : `; it said:\n${said}`}`);
  }
}
