/**
 * What a program holds after a garbage collection. Without one, what is measured is when V8 will collect next, which may be hours and tens
 * of megabytes later.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { until } from './process.ts';

const COLLECTED_MS = 10_000;

/** Megabytes. */
export interface HeldMemory {
  /** Objects and buffers of the main thread. */
  readonly heldMb: number;
  /** Resident memory of the process, right after. */
  readonly rssMb: number;
}

/** Environment of programs that are to tell. @param folder where their words go. */
export function heldEnvironment(folder: string): Readonly<Record<string, string>> {
  return { RTPLAT_HELD_MEMORY: folder, NODE_OPTIONS: `--import ${path.join(import.meta.dirname, 'held-memory-preload.ts')}` };
}

/** @param pid of a program that is up: before that the signal would end it. */
export async function heldMemory(folder: string, pid: number): Promise<HeldMemory> {
  const file = path.join(folder, `${pid}.json`);
  const read = (): (HeldMemory & { readonly serial: number }) | undefined =>
    existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as HeldMemory & { readonly serial: number }) : undefined;
  const before = read()?.serial ?? 0;
  process.kill(pid, 'SIGUSR2');
  const told = (): HeldMemory | undefined => {
    const now = read();
    return now !== undefined && now.serial > before ? now : undefined;
  };
  return until(`memory of process ${pid}`, told, { timeoutMs: COLLECTED_MS });
}
