/** Processor time of programs, their threads that have ended included. */
import { readFileSync } from 'node:fs';

/** Of a tick of /proc: USER_HZ, 100 on all of Linux. */
const MS_PER_TICK = 10;
/** What a program does between the last look and its end is missed. */
const LOOK_MS = 100;

/** @returns what ends the watch: milliseconds of each since it began, up to its end at the latest. */
export function watchCpu<Name extends string>(pids: Readonly<Record<Name, number>>): () => Readonly<Record<Name, number>> {
  const names = Object.keys(pids) as Name[];
  const first = new Map(names.map((name) => [name, cpuMs(pids[name]) ?? 0]));
  const last = new Map(first);
  const look = (): void => {
    for (const name of names) last.set(name, cpuMs(pids[name]) ?? last.get(name) ?? 0);
  };
  const timer = setInterval(look, LOOK_MS);
  return () => {
    clearInterval(timer);
    look();
    return Object.fromEntries(names.map((name) => [name, (last.get(name) ?? 0) - (first.get(name) ?? 0)])) as Record<Name, number>;
  };
}

/** utime and stime, fields 14 and 15 of /proc/PID/stat; undefined when it has ended. */
function cpuMs(pid: number): number | undefined {
  try {
    // The second field, the name in parentheses, may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return fields[0] === 'Z' ? undefined : (Number(fields[11]) + Number(fields[12])) * MS_PER_TICK;
  } catch {
    return undefined;
  }
}
