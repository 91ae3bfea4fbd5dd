/**
 * A file as a target: written in the background, begun anew at a size, opened again when somebody moved it. A disk that is full, read-only
 * or gone costs a bounded amount of memory and is tried again every few seconds.
 *
 * One write is on its way at a time, so that lines stay in order and a line stays whole across a file that is begun anew.
 */
import { writeSync } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, messageOf } from '../../errors.ts';
import { makeFolder } from '../folder.ts';
import type { LogLine } from '../log.ts';
import { LineQueue } from './line-queue.ts';
import { Outage } from './outage.ts';
import { makeRoom } from './rotation.ts';
import { QUEUE_BYTES, RETRY_MS } from './target.ts';
import type { LogTarget, Note } from './target.ts';

export interface LogFileSettings {
  readonly path: string;
  /** What a message calls the file; default `Log file`. */
  readonly title?: string;
  /** A file that would become larger is begun anew. */
  readonly maxBytes: number;
  /** Files that are kept: `path`, `path.1` (the one before it), …, `path.N-1`. */
  readonly maxFiles: number;
}

/** Other times than the usual ones, for tests. */
export interface LogFileTimes {
  readonly retryMs?: number;
  /** How often it is looked whether the path still leads to the open file. */
  readonly checkMs?: number;
}

/** Lines of so many milliseconds go together: a write costs as much as formatting ten lines. */
const GATHER_MS = 50;
/** Bytes that are written at once. */
const BATCH_BYTES = 65_536;
/** Lines name numbers that called: not for everybody. */
const FILE_MODE = 0o640;
const FOLDER_MODE = 0o750;

export class LogFile implements LogTarget {
  readonly #settings: LogFileSettings;
  readonly #note: Note;
  readonly #outage: Outage;
  readonly #retryMs: number;
  readonly #checkMs: number;
  readonly #queue = new LineQueue(QUEUE_BYTES);
  #handle: FileHandle | undefined;
  /** Of the open file; -Infinity where size is no matter, as of a device. */
  #size = 0;
  /** Size at which the file is begun anew. */
  #limit: number;
  /** What is being written, without the bytes that have been. */
  #rest: Buffer | undefined;
  #restLines = 0;
  /** Whether the kernel has {@link #rest} now. */
  #writing = false;
  #reopening = false;
  #running: Promise<void> | undefined;
  #scheduled: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #checkedMs = 0;
  #closed = false;

  constructor(settings: LogFileSettings, note: Note, { retryMs = RETRY_MS, checkMs = RETRY_MS }: LogFileTimes = {}) {
    this.#settings = settings;
    this.#note = note;
    this.#outage = new Outage(this.#name, note);
    this.#retryMs = retryMs;
    this.#checkMs = checkMs;
    this.#limit = settings.maxBytes;
  }

  /** Settles when the file is open, or has turned out not to be writable; then it is tried again by itself. */
  async start(): Promise<void> {
    await this.#run();
  }

  write({ text }: Pick<LogLine, 'text'>): void {
    if (this.#closed) return;
    if (!this.#queue.push(`${text}\n`)) {
      this.#outage.lost(1);
      this.#outage.begins('the disk is slower than the lines come');
      return;
    }
    this.#schedule();
  }

  reopen(): void {
    this.#reopening = true;
    this.#again();
  }

  flushSync(): void {
    // What the kernel has already is finished by the thread that writes it, even when the process ends.
    if (this.#handle === undefined || this.#outage.on) return;
    try {
      if (this.#rest !== undefined && !this.#writing) this.#finishRest(this.#handle.fd);
      if (this.#queue.length > 0) writeWhole(this.#handle.fd, Buffer.from(this.#queue.take(Number.POSITIVE_INFINITY).text));
    } catch (error) {
      this.#outage.begins(errnoOf(error));
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancel();
    await this.#running;
    // The last try, of a disk that failed too.
    if (this.#waiting > 0) await this.#run();
    this.#cancel();
    this.#outage.closes(this.#waiting);
    await this.#shut();
  }

  get #name(): string {
    const { title = 'Log file', path } = this.#settings;
    return `${title} ${path}`;
  }

  get #waiting(): number {
    return this.#queue.length + this.#restLines;
  }

  #schedule(): void {
    if (this.#running !== undefined || this.#retry !== undefined) return;
    // A process that ends meanwhile calls flushSync().
    this.#scheduled ??= setTimeout(() => void this.#run(), GATHER_MS).unref();
  }

  #cancel(): void {
    clearTimeout(this.#retry);
    clearTimeout(this.#scheduled);
    this.#retry = undefined;
    this.#scheduled = undefined;
  }

  #again(): void {
    this.#cancel();
    void this.#run();
  }

  async #run(): Promise<void> {
    this.#scheduled = undefined;
    this.#running ??= this.#attempt();
    await this.#running;
  }

  async #attempt(): Promise<void> {
    try {
      await this.#writeAll();
      this.#outage.ends();
    } catch (error) {
      this.#outage.begins(messageOf(error));
      this.#reopening = true;
      if (!this.#closed) this.#retry = setTimeout(() => this.#again(), this.#retryMs).unref();
    } finally {
      this.#running = undefined;
      // A line may have come behind the last look at the queue.
      if (this.#waiting > 0 && !this.#closed) this.#schedule();
    }
  }

  async #writeAll(): Promise<void> {
    if (!this.#reopening && this.#handle !== undefined) await this.#checkPlace();
    for (;;) {
      if (this.#reopening || this.#handle === undefined) await this.#open();
      if (this.#rest === undefined) {
        if (this.#queue.length === 0) return;
        const room = this.#limit - this.#size;
        if (this.#size > 0 && this.#queue.firstBytes > room) {
          await this.#beginAnew();
          continue;
        }
        const { text, lines } = this.#queue.take(Math.min(room, BATCH_BYTES));
        this.#rest = Buffer.from(text);
        this.#restLines = lines;
      }
      await this.#writeRest(this.#rest);
    }
  }

  async #writeRest(rest: Buffer): Promise<void> {
    if (this.#handle === undefined) return;
    this.#writing = true;
    try {
      const { bytesWritten } = await this.#handle.write(rest);
      this.#wrote(rest, bytesWritten);
    } finally {
      this.#writing = false;
    }
  }

  #finishRest(fd: number): void {
    if (this.#rest !== undefined) writeWhole(fd, this.#rest);
    this.#rest = undefined;
    this.#restLines = 0;
  }

  #wrote(rest: Buffer, bytes: number): void {
    this.#size += bytes;
    this.#rest = bytes === rest.length ? undefined : rest.subarray(bytes);
    if (this.#rest === undefined) this.#restLines = 0;
  }

  /** A file that somebody removed or moved takes lines that nobody will read. */
  async #checkPlace(): Promise<void> {
    const nowMs = performance.now();
    if (nowMs - this.#checkedMs < this.#checkMs) return;
    this.#checkedMs = nowMs;
    if (!(await this.#isInPlace())) this.#reopening = true;
  }

  async #isInPlace(): Promise<boolean> {
    if (this.#handle === undefined) return false;
    const own = await this.#handle.stat();
    try {
      const there = await stat(this.#settings.path);
      return there.ino === own.ino && there.dev === own.dev;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  async #open(): Promise<void> {
    const { path, maxBytes } = this.#settings;
    this.#reopening = false;
    await this.#shut();
    await makeFolder(dirname(path), FOLDER_MODE);
    const handle = await open(path, 'a', FILE_MODE);
    this.#handle = handle;
    const found = await handle.stat();
    this.#size = found.isFile() ? found.size : Number.NEGATIVE_INFINITY;
    // A line that was cut off when a process ended on a full disk is not to take the next one with it.
    if (this.#rest === undefined && this.#size > 0 && !(await endsLine(path, this.#size))) {
      const { bytesWritten } = await handle.write('\n');
      this.#size += bytesWritten;
    }
    this.#limit = maxBytes;
    this.#checkedMs = performance.now();
  }

  async #beginAnew(): Promise<void> {
    const { path, maxBytes, maxFiles } = this.#settings;
    if (!(await this.#isInPlace())) return this.#open();
    // Somebody may have emptied it (logrotate's copytruncate).
    const size = (await this.#handle?.stat())?.size ?? 0;
    if (size < this.#size) {
      this.#size = size;
      return undefined;
    }
    try {
      await makeRoom(path, maxFiles);
    } catch (error) {
      // A folder that takes no new names is no reason to lose lines.
      this.#limit = this.#size + Math.max(maxBytes, this.#queue.firstBytes);
      this.#note(`${this.#name} is full and cannot be renamed: ${messageOf(error)}; it grows on`);
      return undefined;
    }
    return this.#open();
  }

  async #shut(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.close();
    } catch {
      // A disk that is gone has said so at the write.
    }
  }
}

/** Whether the last byte is a line feed. A file that cannot be read, only written, is taken for whole. */
async function endsLine(path: string, size: number): Promise<boolean> {
  try {
    const handle = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await handle.read(new Uint8Array(1), 0, 1, size - 1);
      return bytesRead === 0 || buffer[0] === 0x0a;
    } finally {
      await handle.close();
    }
  } catch {
    return true;
  }
}

/** Writes all of it, however often the kernel takes a part only. */
function writeWhole(fd: number, bytes: Buffer): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}
