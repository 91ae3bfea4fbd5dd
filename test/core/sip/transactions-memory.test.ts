import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Memory, MemoryOrder } from './transactions-memory-run.ts';

async function memory(order: MemoryOrder): Promise<Memory> {
  const script = fileURLToPath(new URL('transactions-memory-run.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', script, JSON.stringify(order)]);
  return JSON.parse(stdout) as Memory;
}

// One that held the text of its request, by a piece cut from it, would be half as big again.
it.each([
  { method: 'BYE', inDialog: true, transport: 'UDP', status: 200 },
  { method: 'OPTIONS', inDialog: false, transport: 'UDP', status: 200 },
  { method: 'INVITE', inDialog: false, transport: 'UDP', status: 200 },
  { method: 'INVITE', inDialog: true, transport: 'UDP', status: 488 },
] as const)('an answered $method ($status) keeps no more than 800 bytes besides its answer, and nothing of the request', async (order) => {
  const { alive, heapBytes } = await memory(order);
  expect(alive).toBe(10_000);
  expect(heapBytes).toBeGreaterThan(100);
  expect(heapBytes).toBeLessThan(800);
});

it('a connection that lasts keeps nothing of what went over it', async () => {
  const { alive, heapBytes } = await memory({ method: 'OPTIONS', inDialog: false, transport: 'TCP', status: 200 });
  expect(alive).toBe(0);
  expect(heapBytes).toBeLessThan(16);
});
