import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { Allocation, AllocationOrder } from './allocation-run.ts';

/** MB of young generation: more than anything here allocates. */
const YOUNG_MB = 256;
/** Numbers that are handed over as objects: an address for each system call, a time for each departure. */
const NUMBER_BYTES = 16;

async function allocation(order: AllocationOrder): Promise<Allocation> {
  const flags = ['--expose-gc', `--min-semi-space-size=${YOUNG_MB}`, `--max-semi-space-size=${YOUNG_MB}`];
  const script = fileURLToPath(new URL('allocation-run.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script, JSON.stringify(order)]);
  return JSON.parse(stdout) as Allocation;
}

it.each([
  { where: 'in a thread of its own', ownThread: true, departures: false, trains: false, window: 32, bar: NUMBER_BYTES },
  { where: 'on the event loop', ownThread: false, departures: false, trains: false, window: 32, bar: NUMBER_BYTES },
  { where: 'with trains', ownThread: true, departures: false, trains: true, window: 32, bar: NUMBER_BYTES },
  { where: 'with departures', ownThread: true, departures: true, trains: false, window: 32, bar: 3 * NUMBER_BYTES },
  // Here every packet has a turn of the loop and its four or five system calls to itself.
  { where: 'one at a time', ownThread: true, departures: false, trains: false, window: 1, bar: 8 * NUMBER_BYTES },
])('allocates next to nothing for a packet $where', async ({ bar, ownThread, departures, trains, window }) => {
  const { packets, bytesPerPacket, collections } = await allocation({ ownThread, departures, trains, window });
  expect({ packets, collections }).toEqual({ packets: 100_000, collections: 0 });
  expect(bytesPerPacket).toBeLessThan(bar);
});
