/** What a figure was measured on. */
import { cpus, loadavg, release } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  readonly node: string;
  /** UTC, `2026-11-21`. */
  readonly date: string;
  /** Load average of the last minute when the benchmark started: what else the machine was doing. */
  readonly load: number;
}

export function thisMachine(): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    cores: processors.length,
    kernel: release(),
    node: process.versions.node,
    date: new Date().toISOString().slice(0, 10),
    load: loadavg()[0] ?? Number.NaN,
  };
}

/** One line for people. */
export function machineLine(machine: Machine): string {
  const { cpu, cores, kernel, node, date, load } = machine;
  return `${cores} × ${cpu}, Linux ${kernel}, Node ${node}, ${date}, load average ${load.toFixed(2)} at the start`;
}
