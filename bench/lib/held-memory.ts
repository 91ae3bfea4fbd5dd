/**
 * What a program holds, as it says itself: preloaded (`NODE_OPTIONS=--import …`), it collects garbage at each SIGUSR2 and writes its memory
 * to a file of its own in RTPLAT_HELD_MEMORY. Without the collection what is measured is when V8 will next collect, which may be hours.
 */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

/** Megabytes. */
export interface HeldMemory {
  /** Which collection it was, from 1. */
  readonly serial: number;
  /** Resident memory of the process, right after. */
  readonly rss: number;
  /** Objects and buffers of the main thread. */
  readonly held: number;
}

export function heldFile(folder: string, pid: number): string {
  return path.join(folder, `${pid}.json`);
}

const folder = process.env['RTPLAT_HELD_MEMORY'];
if (folder !== undefined && isMainThread) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  let serial = 0;
  process.on('SIGUSR2', () => {
    // What a finaliser lets go of is collected the second time.
    collect();
    collect();
    serial += 1;
    const { rss, heapUsed, external } = process.memoryUsage();
    const memory: HeldMemory = { serial, rss: rss / 2 ** 20, held: (heapUsed + external) / 2 ** 20 };
    const file = heldFile(folder, process.pid);
    // Whoever reads it finds the old one or the new one.
    writeFileSync(`${file}.new`, JSON.stringify(memory));
    renameSync(`${file}.new`, file);
  });
}
