import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { MediaAllocation } from './allocation-run.ts';

/** MB of young generation: more than anything here allocates. */
const YOUNG_MB = 256;
/** A packet is sent, and received, by system calls of its own: numbers that are handed over as objects, 16 bytes each. */
const BYTES_PER_PACKET = 12 * 16;
/** What a call may take in this process, its share of the code that fifty of them need included. */
const BYTES_PER_CALL = 50_000;

it('allocates next to nothing for a packet that is sent and received, and little for a call', async () => {
  const flags = ['--expose-gc', `--min-semi-space-size=${YOUNG_MB}`, `--max-semi-space-size=${YOUNG_MB}`];
  const script = fileURLToPath(new URL('allocation-run.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, script]);
  const { packets, received, collections, bytesPerPacket, bytesPerCall } = JSON.parse(stdout) as MediaAllocation;
  expect({ packets, received: Math.abs(received - packets) <= 50, collections }).toEqual({
    packets: 100_000,
    received: true,
    collections: 0,
  });
  expect(bytesPerPacket).toBeLessThan(BYTES_PER_PACKET);
  expect(bytesPerCall).toBeLessThan(BYTES_PER_CALL);
});
