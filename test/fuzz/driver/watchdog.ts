/**
 * Ends a process whose input does not end: an endless loop would keep everything else from running, so that a thread of its own
 * looks. The input is written to a file first.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const LOOK_MS = 1_000;
/** Processor time would be better than looks, but of another thread nobody tells it: so many looks without an end, and 100 times the bar. */
const LOOKS = 30;

interface Shared {
  /** Number of the input that runs, and its length. */
  readonly words: Int32Array;
  readonly bytes: Uint8Array;
  readonly file: string;
}

export interface Watchdog {
  /** To be called before each input. */
  begin(input: Uint8Array): void;
  end(): Promise<void>;
}

export function startWatchdog(mostBytes: number, file: string): Watchdog {
  const words = new Int32Array(new SharedArrayBuffer(8));
  const bytes = new Uint8Array(new SharedArrayBuffer(mostBytes));
  const worker = new Worker(new URL(import.meta.url), { workerData: { words, bytes, file } satisfies Shared });
  return {
    begin(input) {
      bytes.set(input.length > mostBytes ? input.subarray(0, mostBytes) : input);
      Atomics.store(words, 1, input.length);
      Atomics.add(words, 0, 1);
    },
    end: async () => void (await worker.terminate()),
  };
}

if (!isMainThread) {
  const { words, bytes, file } = workerData as Shared;
  let last = -1;
  let looks = 0;
  setInterval(() => {
    const now = Atomics.load(words, 0);
    looks = now === last ? looks + 1 : 0;
    last = now;
    if (looks < LOOKS) return;
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes.slice(0, Atomics.load(words, 1)));
    process.kill(process.pid, 'SIGKILL');
  }, LOOK_MS);
}
