/** What `rtplat watch` shows, and where: the whole terminal, lines of text, lines of JSON, or one picture. */
import type { ChalkInstance } from 'chalk';
import type { Line, Tone } from '../core/watch/line.ts';
import { jsonLine, jsonProblem, plainLine, plainProblem } from '../core/watch/record.ts';
import { screenLines } from '../core/watch/screen.ts';
import type { Snapshot } from '../core/watch/snapshot.ts';
import { act, begin, freshOf, lost, seen } from '../core/watch/state.ts';
import type { Action, WatchState } from '../core/watch/state.ts';
import { widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { Terminal } from './watch-terminal.ts';
import type { TerminalOutput } from './watch-terminal.ts';
import type { WatchOptions } from './watch.ts';

export interface WatchView {
  snapshot(snapshot: Snapshot): void;
  /** @param reason of an attempt that failed, as it came. */
  lost(reason: string): void;
  close(): void;
}

/** How old things are is told to the second. */
const TICK_MS = 1_000;

/** @param end told that the user wants to leave. */
export async function watchView(
  io: CommandIo,
  url: string,
  options: Pick<WatchOptions, 'once' | 'json' | 'color'>,
  end: (signal?: 'SIGINT') => void,
): Promise<WatchView> {
  const { stdout } = io;
  const nowText = (): string => new Date().toISOString();
  if (options.json === true) {
    return lineView(
      io,
      (snapshot) => jsonLine(nowText(), url, snapshot),
      (reason) => jsonProblem(nowText(), url, reason),
    );
  }
  const isTerminal = stdout.isTTY === true && io.env['TERM'] !== 'dumb';
  if (!isTerminal && options.once !== true) {
    return lineView(
      io,
      (snapshot) => plainLine(nowText(), snapshot),
      (reason) => plainProblem(nowText(), reason),
    );
  }
  const chalk = options.color ? await io.chalk() : new (await import('chalk')).Chalk({ level: 0 });
  const unicode = isUtf8(io.env);
  if (options.once === true) {
    const room = { columns: widthOf(stdout), rows: Number.POSITIVE_INFINITY, unicode };
    const shown = (snapshot: Snapshot): string =>
      screenLines(begin(snapshot, 0), { url, keys: false, pictures: false }, 0, room)
        .map((line) => paintLine(line, chalk))
        .join('\n');
    return lineView(io, shown, () => '');
  }
  return new ScreenView(io, url, { chalk, unicode }, end);
}

function lineView(io: CommandIo, ofSnapshot: (snapshot: Snapshot) => string, ofLoss: (reason: string) => string): WatchView {
  return {
    snapshot: (snapshot) => void io.stdout.write(`${ofSnapshot(snapshot)}\n`),
    lost: (reason) => void io.stdout.write(`${ofLoss(reason)}\n`),
    close: () => {},
  };
}

class ScreenView implements WatchView {
  readonly #io: CommandIo;
  readonly #url: string;
  readonly #look: { readonly chalk: ChalkInstance; readonly unicode: boolean };
  readonly #end: (signal?: 'SIGINT') => void;
  readonly #terminal: Terminal;
  readonly #keys: boolean;
  #timer: NodeJS.Timeout | undefined;
  /** undefined before the first snapshot: until then the screen is not ours, and what goes wrong is told on it. */
  #state: WatchState | undefined;

  constructor(io: CommandIo, url: string, look: { chalk: ChalkInstance; unicode: boolean }, end: (signal?: 'SIGINT') => void) {
    this.#io = io;
    this.#url = url;
    this.#look = look;
    this.#end = end;
    const stdin = io.stdin as NodeJS.ReadStream;
    this.#keys = stdin.isTTY;
    this.#terminal = new Terminal(io.stdout as TerminalOutput, this.#keys ? stdin : undefined, {
      key: (key) => this.#key(key),
      redraw: () => this.#draw(),
    });
  }

  snapshot(snapshot: Snapshot): void {
    if (this.#state === undefined) {
      this.#state = begin(snapshot, performance.now());
      this.#terminal.enter();
      this.#timer = setInterval(() => this.#draw(), TICK_MS);
    } else this.#state = seen(this.#state, snapshot, performance.now());
    this.#draw();
  }

  lost(reason: string): void {
    if (this.#state !== undefined) this.#state = lost(this.#state, reason);
    this.#draw();
  }

  /** What was known at last stays on the terminal. */
  close(): void {
    if (this.#state === undefined) return;
    clearInterval(this.#timer);
    this.#terminal.leave();
    const now = freshOf(this.#state, performance.now());
    if (now !== null) this.#io.stdout.write(`${plainLine(new Date().toISOString(), now)}\n`);
  }

  #key(key: Action | 'SIGINT'): void {
    if (key === 'SIGINT') return this.#end('SIGINT');
    if (this.#state === undefined) return undefined;
    if (key === 'leave' && !this.#state.help) return this.#end();
    this.#state = act(this.#state, key, performance.now());
    return this.#draw();
  }

  #draw(): void {
    if (this.#state === undefined) return;
    const { columns, rows } = this.#terminal;
    const room = { columns, rows, unicode: this.#look.unicode };
    const lines = screenLines(this.#state, { url: this.#url, keys: this.#keys, pictures: true }, performance.now(), room);
    this.#terminal.draw(lines.map((line) => paintLine(line, this.#look.chalk)));
  }
}

function paintLine(line: Line, chalk: ChalkInstance): string {
  const painters: Readonly<Record<Tone, (text: string) => string>> = {
    plain: (text) => text,
    good: chalk.green,
    bad: chalk.red,
    doubt: chalk.yellow,
    dim: chalk.dim,
    title: chalk.bold,
  };
  return line.map(({ text, tone }) => painters[tone](text)).join('');
}

/** Whether the locale's characters are those of Unicode (POSIX, "Environment Variables": LC_ALL before LC_CTYPE before LANG). */
function isUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return ['utf-8', 'utf8'].some((name) => locale.toLowerCase().includes(name));
}
