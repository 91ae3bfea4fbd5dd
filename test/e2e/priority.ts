/** For tests of accuracy: other processes of a busy machine wait, where the system lets us ask for that. */
import { constants, setPriority } from 'node:os';

/** @param pid 0 is the calling thread. Without the right to it, which root has, nothing changes. */
export function raisePriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_HIGHEST);
  } catch {
    // The bars of such tests leave room for what a busy machine then costs.
  }
}
