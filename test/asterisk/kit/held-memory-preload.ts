/**
 * Loaded into a program before its own code (held-memory.ts): it collects garbage at each SIGUSR2, and writes what it holds to a file of its own
 * in RTPLAT_HELD_MEMORY.
 */
import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { collectGarbage } from '../../kit/heap.ts';

const folder = process.env['RTPLAT_HELD_MEMORY'];
if (folder !== undefined && isMainThread) {
  let serial = 0;
  process.on('SIGUSR2', () => {
    collectGarbage();
    serial += 1;
    const { rss, heapUsed, external } = process.memoryUsage();
    const file = path.join(folder, `${process.pid}.json`);
    // Whoever reads it finds the old one or the new one.
    writeFileSync(`${file}.new`, JSON.stringify({ serial, rssMb: rss / 2 ** 20, heldMb: (heapUsed + external) / 2 ** 20 }));
    renameSync(`${file}.new`, file);
  });
}
