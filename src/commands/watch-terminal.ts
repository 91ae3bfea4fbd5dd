/** A terminal that is drawn on as a whole, and given back as it was, however the program ends. */
import type { Action } from '../core/watch/state.ts';

/** What is used of a standard output that is a terminal. */
export interface TerminalOutput {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

/** Alternate screen, no cursor, and no line that goes on in the next when it is wider than we think. */
const ENTER = '\u001B[?1049h\u001B[?25l\u001B[?7l\u001B[H\u001B[2J';
const LEAVE = '\u001B[?7h\u001B[?25h\u001B[?1049l';
const ESCAPE = '\u001B';
const CTRL_C = '\u0003';
const CTRL_Z = '\u001A';
/** By then we stand still, if ever. */
const NOT_STOPPED_MS = 100;
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;

const KEYS: ReadonlyMap<string, Action> = new Map([
  ['q', 'leave'],
  ['Q', 'leave'],
  ['s', 'order'],
  ['p', 'pause'],
  ['?', 'help'],
  ['h', 'help'],
]);

export interface TerminalListener {
  /** A key; SIGINT is what Ctrl-C means, which is no signal while keys are read. */
  key(action: Action | 'SIGINT'): void;
  /** The screen is to be drawn anew. */
  redraw(): void;
}

export class Terminal {
  readonly #output: TerminalOutput;
  readonly #input: NodeJS.ReadStream | undefined;
  readonly #listener: TerminalListener;
  #drawn: readonly string[] = [];
  #entered = false;
  #standing: NodeJS.Timeout | undefined;

  /** @param input undefined where no keys can be read. */
  constructor(output: TerminalOutput, input: NodeJS.ReadStream | undefined, listener: TerminalListener) {
    this.#output = output;
    this.#input = input;
    this.#listener = listener;
  }

  get columns(): number {
    return this.#output.columns || DEFAULT_COLUMNS;
  }

  get rows(): number {
    return this.#output.rows || DEFAULT_ROWS;
  }

  enter(): void {
    this.#input?.on('data', this.#read);
    this.#output.on('resize', this.#redraw);
    // A fault is told on the screen that the user will see.
    process.on('uncaughtExceptionMonitor', this.#restore);
    process.on('exit', this.#restore);
    process.on('SIGHUP', this.#hungUp);
    process.on('SIGCONT', this.#continued);
    this.#take();
  }

  leave(): void {
    clearTimeout(this.#standing);
    process.off('uncaughtExceptionMonitor', this.#restore);
    process.off('exit', this.#restore);
    process.off('SIGHUP', this.#hungUp);
    process.off('SIGCONT', this.#continued);
    this.#output.off('resize', this.#redraw);
    this.#input?.off('data', this.#read);
    this.#input?.pause();
    this.#restore();
  }

  /** One write, of the lines that have changed. @param lines none wider than the screen, no more than it has. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    let out = '';
    for (let i = 0; i < Math.max(lines.length, this.#drawn.length); i++) {
      const line = lines[i] ?? '';
      // Erased first: behind a line that is as wide as the screen the cursor is still on its last character.
      if (line !== this.#drawn[i]) out += `${ESCAPE}[${i + 1};1H${ESCAPE}[K${line}`;
    }
    this.#drawn = lines;
    if (out !== '') this.#output.write(out);
  }

  #take(): void {
    this.#entered = true;
    this.#drawn = [];
    this.#input?.setRawMode(true);
    this.#output.write(ENTER);
  }

  readonly #restore = (): void => {
    if (!this.#entered) return;
    this.#entered = false;
    this.#output.write(LEAVE);
    this.#input?.setRawMode(false);
  };

  readonly #redraw = (): void => {
    if (!this.#entered) return;
    this.#drawn = [];
    this.#output.write(`${ESCAPE}[2J`);
    this.#listener.redraw();
  };

  readonly #continued = (): void => {
    if (!this.#entered) this.#take();
    this.#listener.redraw();
  };

  readonly #hungUp = (): void => {
    this.leave();
    process.kill(process.pid, 'SIGHUP');
  };

  readonly #read = (bytes: Buffer): void => {
    const text = bytes.toString('latin1');
    if (text.includes(CTRL_C)) return this.#listener.key('SIGINT');
    // Arrows and the like: keys that mean nothing here, of characters that might.
    if (text.startsWith(ESCAPE)) return this.#listener.key('other');
    for (const key of text) {
      if (key === CTRL_Z) this.#suspend();
      else this.#listener.key(KEYS.get(key) ?? 'other');
    }
  };

  #suspend(): void {
    this.#restore();
    process.kill(process.pid, 'SIGTSTP');
    // Where no shell could bring us back (POSIX: an orphaned process group), the kernel lets us go on.
    this.#standing = setTimeout(this.#continued, NOT_STOPPED_MS);
  }
}
