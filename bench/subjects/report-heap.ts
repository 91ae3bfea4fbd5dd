/** For `node --import`: on SIGUSR2 the program collects its garbage and writes what is left, bytes, to heap.json where it runs. */
import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

if (isMainThread) process.on('SIGUSR2', report);

function report(): void {
  if (globalThis.gc === undefined) throw new Error('node needs --expose-gc for this');
  // What the first one finalizes goes with the second.
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  writeFileSync('heap.json.part', JSON.stringify({ heapUsed, arrayBuffers }));
  renameSync('heap.json.part', 'heap.json');
}
