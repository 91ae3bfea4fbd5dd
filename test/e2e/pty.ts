/** A command line in a pseudo-terminal of its own, by `script` of util-linux. */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';

export class Pty {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #closed: Promise<unknown>;
  #tty = '';
  #output = '';

  /** @param shell run by `sh`, in a terminal of 80 columns and 24 rows. */
  constructor(shell: string, env: Readonly<Record<string, string>>) {
    const inside = `stty rows 24 cols 80; echo "<tty $(tty)>"; ${shell}`;
    this.#child = spawn('script', ['-qefc', inside, '/dev/null'], {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], SHELL: '/bin/sh', TERM: 'xterm', LANG: 'C.UTF-8', ...env },
    });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    this.#closed = once(this.#child, 'close');
  }

  get output(): string {
    return this.#output;
  }

  /** Waits until the output, from character `from` on, holds what `pattern` matches. @throws when the command ends without it. */
  async shows(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    const ended = this.#closed.then(() => 'ended' as const);
    for (;;) {
      const match = pattern.exec(this.#output.slice(from));
      if (match !== null) return match;
      const news = await Promise.race([ended, once(this.#child.stdout, 'data')]);
      if (news === 'ended' && !pattern.test(this.#output.slice(from))) {
        throw new Error(`ended without showing ${pattern}:\n${JSON.stringify(this.#output)}`);
      }
    }
  }

  type(keys: string): void {
    this.#child.stdin.write(keys);
  }

  /** As a window that is drawn to another size. */
  async resize(columns: number, rows: number): Promise<void> {
    if (this.#tty === '') [, this.#tty = ''] = await this.shows(/<tty ([^>]+)>/);
    execFileSync('stty', ['-F', this.#tty, 'cols', String(columns), 'rows', String(rows)]);
  }

  async end(): Promise<string> {
    await this.#closed;
    return this.#output;
  }

  async kill(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
