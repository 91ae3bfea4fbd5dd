/** When a process began, which tells it from another one that has its number later. */
import { readFileSync } from 'node:fs';

/** Field 22 of `/proc/PID/stat`, in ticks of 1/100 s since the machine started; `man 5 proc`. */
const START_FIELD = 22;
const TICKS_PER_SECOND = 100;

/** @returns milliseconds of the epoch, to a tick of 10 ms and what the clock was set by since; undefined where the system does not tell. */
export function processStartedMs(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, in parentheses, may have spaces and parentheses itself. Behind it comes field 3.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const ticks = Number(fields[START_FIELD - 3]);
    const uptimeSeconds = Number(readFileSync('/proc/uptime', 'latin1').split(' ', 1)[0]);
    if (!Number.isFinite(ticks) || !Number.isFinite(uptimeSeconds)) return undefined;
    return Date.now() - (uptimeSeconds - ticks / TICKS_PER_SECOND) * 1e3;
  } catch {
    return undefined;
  }
}
