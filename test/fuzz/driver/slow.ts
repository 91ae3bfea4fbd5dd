/** Whether an input is slow, and not the machine: alone, again, by the processor time of this thread, the least of five. */
import type { FuzzTarget } from '../target.ts';

export const SLOW_MS = 50;
const TRIES = 5;

/** The least processor time of five more runs, ms. */
export async function aloneMs(target: FuzzTarget, input: Uint8Array): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < TRIES; i += 1) {
    const before = process.threadCpuUsage();
    try {
      await target.check(input);
    } catch {
      // Whatever is wrong with it has been told of.
    }
    const { user, system } = process.threadCpuUsage(before);
    least = Math.min(least, (user + system) / 1_000);
  }
  return least;
}
