/** A thread that sleeps until an instant and must then run at once. */
import { BatchUnavailable, loadLibc } from './libc.ts';
import type { Libc } from './libc.ts';
import { takeShortSlices } from './slice.ts';

/** prctl(2): by how much the kernel may delay the wake-ups of this thread. 50 µs unless told otherwise; 1 ns is the least. */
const PR_SET_TIMERSLACK = 29;

/**
 * Has the kernel wake the calling thread on time, and let it in soon.
 *
 * @returns the C library; undefined where there is none: deadlines are then kept a little less exactly.
 */
export function keepDeadlines(): Libc | undefined {
  let libc: Libc;
  try {
    libc = loadLibc();
  } catch (error) {
    if (error instanceof BatchUnavailable) return undefined;
    throw error;
  }
  libc.prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  takeShortSlices(libc);
  return libc;
}
