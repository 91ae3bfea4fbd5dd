/** What processes and the machine did with the cores in a stretch of time, as the kernel counts it. */
import { readFileSync, readdirSync } from 'node:fs';

export interface Usage {
  /** Cores in use on average. */
  readonly cores: number;
  /** Threads that wanted to run and had no core, on average. */
  readonly waiting: number;
}

export interface MachineUsage {
  /** Cores that did anything, on average; those that the host of a virtual machine took away are among them. */
  readonly busyCores: number;
  readonly stolenCores: number;
}

/** /proc/PID/task/TID/schedstat: time on a core, time waiting for one; ns. */
type Threads = ReadonlyMap<string, readonly [ranNs: number, waitedNs: number]>;

export interface Stretch<Name extends string> {
  readonly processes: Readonly<Record<Name, Usage>>;
  readonly machine: MachineUsage;
}

/**
 * Begins a stretch of time.
 *
 * @param pids by any name.
 * @returns what ends the stretch. Threads that end within it are not counted.
 */
export function measureUsage<Name extends string>(pids: Readonly<Record<Name, number>>): () => Stretch<Name> {
  const names = Object.keys(pids) as Name[];
  const startMs = performance.now();
  const before = new Map(names.map((name) => [name, threadsOf(pids[name])]));
  const machineBefore = machineTicks();
  return () => {
    const ns = (performance.now() - startMs) * 1e6;
    const processes = Object.fromEntries(
      names.map((name) => [name, difference(before.get(name) ?? new Map(), threadsOf(pids[name]), ns)]),
    ) as Record<Name, Usage>;
    const now = machineTicks();
    const share = (ticks: number): number => (ticks / (now.all - machineBefore.all)) * now.cores;
    return {
      processes,
      machine: {
        busyCores: share(now.all - machineBefore.all - (now.idle - machineBefore.idle)),
        stolenCores: share(now.stolen - machineBefore.stolen),
      },
    };
  };
}

/** Whether a process has real-time priority: field 40 of /proc/PID/stat, 0 for what has none. */
export function hasRealtimePriority(pid: number): boolean {
  // The second field, the name in parentheses, may hold spaces.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[37]) > 0;
}

function threadsOf(pid: number): Threads {
  const folder = `/proc/${pid}/task`;
  const threads = new Map<string, readonly [number, number]>();
  for (const thread of readdirSync(folder)) {
    try {
      const [ran, waited] = readFileSync(`${folder}/${thread}/schedstat`, 'utf8').split(' ');
      threads.set(thread, [Number(ran), Number(waited)]);
    } catch {
      // This thread ended after the folder was read.
    }
  }
  return threads;
}

function difference(before: Threads, after: Threads, ns: number): Usage {
  let cores = 0;
  let waiting = 0;
  for (const [thread, [ran, waited]] of after) {
    const [ranBefore, waitedBefore] = before.get(thread) ?? [0, 0];
    cores += (ran - ranBefore) / ns;
    waiting += (waited - waitedBefore) / ns;
  }
  return { cores, waiting };
}

/** The sums of /proc/stat over all cores. */
function machineTicks(): { readonly cores: number; readonly all: number; readonly idle: number; readonly stolen: number } {
  const lines = readFileSync('/proc/stat', 'utf8').split('\n');
  const [, ...fields] = (lines[0] ?? '').trim().split(/\s+/);
  // user nice system idle iowait irq softirq steal; guest time, which follows, is in user.
  const ticks = fields.slice(0, 8).map(Number);
  const [, , , idle = 0, iowait = 0, , , stolen = 0] = ticks;
  const cores = lines.filter((line) => /^cpu\d/.test(line)).length;
  return { cores, all: ticks.reduce((sum, count) => sum + count, 0), idle: idle + iowait, stolen };
}
