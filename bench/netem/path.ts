/** A path with sch_netem in it, from this network namespace to another one, and programs at its far end. */
import path from 'node:path';
import { start } from '../lib/process.ts';
import type { Running } from '../lib/process.ts';

/** Addresses and devices that path.sh makes. */
export const NEAR = { address: '10.97.1.1', device: 'near' } as const;
export const FAR = { address: '10.97.2.1', device: 'far' } as const;

export interface Impairment {
  readonly delayMs: number;
  /** Standard deviation of a normal distribution. */
  readonly jitterMs: number;
  /** Share of the packets, 0 … 1. */
  readonly loss: number;
}

export interface NetemPath {
  /** Words that run what follows them at the far end. */
  readonly there: readonly string[];
  /** Whose sch_netem it is, in words. */
  readonly by: string;
  stop(): Promise<void>;
}

/** A user-mode Linux on a busy machine takes its time to start. */
const READY_MS = 60_000;

/**
 * @param folder an empty one, for what the path says.
 * @throws Error saying what is missing, where neither the kernel nor a user-mode Linux has sch_netem, or there may be no namespaces.
 */
export async function openPath(folder: string, { delayMs, jitterMs, loss }: Impairment): Promise<NetemPath> {
  const netem = ['delay', `${delayMs}ms`, `${jitterMs}ms`, 'distribution', 'normal', 'loss', `${100 * loss}%`];
  const running: Running = await start('sh', [path.join(import.meta.dirname, 'path.sh'), folder, ...netem], {
    readyLine: /^path: ready/,
    timeoutMs: READY_MS,
  });
  const [, pid = '', by = ''] = /^path: ready, far (\d+), by (.*)$/m.exec(running.lines().join('\n')) ?? [];
  return {
    there: ['nsenter', '-t', pid, '-n'],
    by,
    stop: async () => {
      await running.stop();
    },
  };
}
