/** Processes as the kernel knows them. A number alone names none: it is given to another one when the first has ended. */
import { readdirSync, readFileSync } from 'node:fs';
import { wholeNumber } from '../../values/ports.ts';
import { hasEnded, parseProcStat } from '../proc-stat.ts';
import type { ProcStat } from '../proc-stat.ts';

/** One process, now and after a restart of the monitor or of the machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** When it began, in ticks since the machine started. */
  readonly startTicks: number;
  /** Which start of the machine. */
  readonly bootId: string;
}

/** @returns undefined when there is no process of that number that runs, or the system does not tell. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = statOf(pid);
  return stat === undefined || hasEnded(stat) ? undefined : { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/** Whether it is that very process, and runs; a stopped one (SIGSTOP) counts. */
export function isRunning({ pid, startTicks, bootId: boot }: ProcessIdentity): boolean {
  const found = identify(pid);
  return found !== undefined && found.startTicks === startTicks && found.bootId === boot;
}

/** Whether a process of the group runs, of a group that has members. */
export function isGroupRunning(group: number): boolean {
  let names: readonly string[];
  try {
    names = readdirSync('/proc');
  } catch {
    // A system that does not tell which of them have ended.
    return true;
  }
  for (const name of names) {
    const pid = wholeNumber(name);
    const stat = pid === undefined ? undefined : statOf(pid);
    if (stat !== undefined && stat.group === group && !hasEnded(stat)) return true;
  }
  return false;
}

function statOf(pid: number): ProcStat | undefined {
  try {
    return parseProcStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Which start of the machine this is; empty where the system does not tell: the ticks alone must do. */
export function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    return '';
  }
}
