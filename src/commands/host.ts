/** The host as a run document describes it. */
import { arch, cpus, hostname, platform, release } from 'node:os';
import type { RunHost } from '../core/report/run.ts';

export function thisHost(): RunHost {
  const processors = cpus();
  return {
    hostname: hostname(),
    os: platform(),
    kernel: release(),
    arch: arch(),
    cpus: processors.length,
    cpu_model: processors[0]?.model.trim() ?? '',
    node: process.versions.node,
  };
}
