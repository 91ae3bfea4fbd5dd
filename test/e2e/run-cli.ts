/** Runs `rtplat` from its sources as a process of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/rtplat.ts', import.meta.url));

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Cli {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #closed: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  /** @param folder where it runs; this process's when left out. */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, folder?: string) {
    this.#child = spawn(process.execPath, [BIN, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      ...(folder === undefined ? {} : { cwd: folder }),
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.#closed = once(this.#child, 'close');
  }

  /** Waits until standard output holds what `pattern` matches. @throws when the process ends without it. */
  async shows(pattern: RegExp): Promise<RegExpExecArray> {
    const ended = this.#closed.then(() => 'ended' as const);
    for (;;) {
      const match = pattern.exec(this.#stdout);
      if (match !== null) return match;
      const news = await Promise.race([ended, once(this.#child.stdout, 'data')]);
      if (news === 'ended' && !pattern.test(this.#stdout)) {
        throw new Error(`rtplat ended without showing ${pattern}:\n${this.#stdout}\n${this.#stderr}`);
      }
    }
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  signal(signal: 'SIGINT' | 'SIGTERM'): void {
    this.#child.kill(signal);
  }

  /** What it said in all, once it has ended. */
  async end(): Promise<CliResult> {
    await this.#closed;
    return { status: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Ends it if it has not ended. */
  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}

export async function runCli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CliResult> {
  return new Cli(args, env).end();
}
