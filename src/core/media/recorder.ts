/**
 * Writes the recordings of all calls, one operation at a time: a disk that hangs then holds one thread of the pool, and no other file
 * access of the process. Whoever hands in samples bounds how many may be waiting.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { writePcm16 } from '../audio/pcm.ts';
import { WAV_HEADER_BYTES, wavHeader } from '../audio/wav.ts';
import { errnoOf } from '../errors.ts';
import type { RecordingReport } from './types.ts';

/** A call does not wait longer than this for its recording to be complete. */
const END_WITHIN_MS = 2_000;
const SAMPLE_BYTES = 2;

export class Recorder {
  readonly #queue: (() => Promise<void>)[] = [];
  #busy = false;

  /** Has it done after all that was asked for before. It must not fail. */
  enqueue(operation: () => Promise<void>): void {
    this.#queue.push(operation);
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) await next();
    this.#busy = false;
  }
}

export interface RecordingOptions {
  readonly recorder: Recorder;
  /** Must not exist yet. */
  readonly file: string;
  readonly rateHz: number;
  /** So many bytes of samples are no longer waiting. */
  readonly settled: (bytes: number) => void;
  /** Told once what went wrong first. */
  readonly failed: (problem: string) => void;
  /** It is complete, or has been given up. */
  readonly ended: () => void;
}

/** One WAV file, PCM of 16 bits. */
export class Recording {
  readonly #options: RecordingOptions;
  #handle: FileHandle | undefined;
  /** Of samples, up to the last one. */
  #bytes = 0;
  #droppedBytes = 0;
  #problem: string | null = null;

  constructor(options: RecordingOptions) {
    this.#options = options;
  }

  /** Creates the file. Before anything else. */
  begin(): void {
    this.#options.recorder.enqueue(() => this.#attempt(0, () => this.#create()));
  }

  /** It never began. */
  discard(): void {
    this.#options.ended();
  }

  /** Samples for their place in the file; what no samples come for is silence. */
  write(at: number, samples: Int16Array): void {
    const bytes = samples.length * SAMPLE_BYTES;
    this.#options.recorder.enqueue(async () => {
      await this.#attempt(bytes, () => this.#put(at * SAMPLE_BYTES, samples));
      this.#options.settled(bytes);
    });
  }

  /** So many bytes of samples were left out, because too many are waiting. */
  behind(bytes: number): void {
    this.#droppedBytes += bytes;
    this.#fail('the disk is too slow: there are gaps');
  }

  /** Completes the file. Settles with what is known of it then, even when the disk hangs. */
  async end(): Promise<RecordingReport> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#options.recorder.enqueue(async () => {
      await this.#attempt(0, () => this.#complete());
      resolve();
    });
    const timer = setTimeout(() => {
      this.#fail('the disk did not take it in time: it may be incomplete');
      resolve();
    }, END_WITHIN_MS);
    await promise;
    clearTimeout(timer);
    this.#options.ended();
    return { file: this.#options.file, bytes: this.#bytes, droppedBytes: this.#droppedBytes, problem: this.#problem };
  }

  async #create(): Promise<void> {
    // A recording never takes the place of another.
    this.#handle = await open(this.#options.file, 'wx');
    await this.#writeAll(wavHeader(this.#options.rateHz, undefined), 0);
  }

  async #put(at: number, samples: Int16Array): Promise<void> {
    const bytes = new Uint8Array(samples.length * SAMPLE_BYTES);
    writePcm16(samples, 0, samples.length, bytes, 0);
    await this.#writeAll(bytes, WAV_HEADER_BYTES + at);
    this.#bytes = Math.max(this.#bytes, at + bytes.length);
  }

  async #complete(): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) return;
    try {
      await this.#writeAll(wavHeader(this.#options.rateHz, this.#bytes), 0);
    } finally {
      this.#handle = undefined;
      await handle.close();
    }
  }

  async #writeAll(bytes: Uint8Array, position: number): Promise<void> {
    const handle = this.#handle;
    if (handle === undefined) throw new Error('the file is not open');
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  }

  /** @param bytes of samples that are lost when it fails. */
  async #attempt(bytes: number, operation: () => Promise<void>): Promise<void> {
    if (bytes > 0 && this.#handle === undefined) {
      this.#droppedBytes += bytes;
      return;
    }
    try {
      await operation();
    } catch (error) {
      this.#droppedBytes += bytes;
      this.#fail(`${this.#options.file}: ${errnoOf(error)}`);
    }
  }

  #fail(problem: string): void {
    if (this.#problem !== null) return;
    this.#problem = problem;
    this.#options.failed(problem);
  }
}
