/**
 * Standard output as a target. The lines of one turn of the event loop are written together; a reader that does not read costs a
 * bounded amount of memory.
 */
import { errnoOf } from '../../errors.ts';
import type { LogLine } from '../log.ts';
import { LOSE, Outage } from './outage.ts';
import { QUEUE_BYTES } from './target.ts';
import type { LogTarget, Note } from './target.ts';

export interface StdoutStream {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  /** Bytes that its reader has not taken yet. */
  readonly writableLength?: number | undefined;
  on?(event: 'error', listener: (error: Error) => void): unknown;
  off?(event: 'error', listener: (error: Error) => void): unknown;
}

export class StdoutTarget implements LogTarget {
  readonly #stream: StdoutStream;
  readonly #outage: Outage;
  #text = '';
  #lines = 0;
  #scheduled: NodeJS.Immediate | undefined;
  /** The error comes to the callback of the write as well, which knows how many lines are lost. */
  readonly #failed = (error: Error): void => this.#outage.begins(errnoOf(error), LOSE);

  constructor(stream: StdoutStream, note: Note) {
    this.#stream = stream;
    this.#outage = new Outage('Standard output', note);
    stream.on?.('error', this.#failed);
  }

  write({ text }: LogLine): void {
    if ((this.#stream.writableLength ?? 0) + this.#text.length > QUEUE_BYTES) {
      this.#outage.lost(1);
      this.#outage.begins('its reader does not read', LOSE);
      return;
    }
    this.#text += `${text}\n`;
    this.#lines += 1;
    this.#scheduled ??= setImmediate(() => this.flushSync());
  }

  reopen(): void {}

  flushSync(): void {
    clearImmediate(this.#scheduled);
    this.#scheduled = undefined;
    if (this.#text === '') return;
    const lines = this.#lines;
    const text = this.#text;
    this.#text = '';
    this.#lines = 0;
    this.#stream.write(text, (error) => {
      if (error === undefined || error === null) return this.#outage.ends();
      this.#outage.lost(lines);
      this.#outage.begins(errnoOf(error), LOSE);
    });
  }

  /** Tells the other targets how many lines were lost. Lines are taken still: those targets have yet to close. */
  async close(): Promise<void> {
    await this.#settle();
    this.#outage.closes(0);
  }

  /** Writes what came since {@link close}. */
  async release(): Promise<void> {
    await this.#settle();
    this.#stream.off?.('error', this.#failed);
  }

  /** A write that fails says so within a turn; one that its reader keeps waiting is not waited for. */
  async #settle(): Promise<void> {
    this.flushSync();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
