/** The process that a pid file of somebody else names: is it there, and still the one that wrote it? */
import { statSync } from 'node:fs';
import { readPid } from '../../service/pid-file.ts';
import { processStartedMs } from '../../service/process-start.ts';
import { failed, passed } from '../verdict.ts';
import type { Verdict } from '../verdict.ts';
import { identify, isRunning } from './proc.ts';
import type { ProcessIdentity } from './proc.ts';

/** A file system keeps times in whole ticks of the kernel; a process that began so much later did not write the file. */
const TICK_MS = 1_000;

/** @returns undefined when there is no such process, or its number was given to another one since. */
export function processOfPidFile(path: string): ProcessIdentity | undefined {
  const pid = readPid(path);
  // Whoever may write the file must not have us end the machine, or ourselves.
  if (pid === undefined || pid === 1 || pid === process.pid) return undefined;
  const identity = identify(pid);
  if (identity === undefined || !maySpeakOf(path, pid)) return undefined;
  const startedMs = processStartedMs(identity.pid);
  return startedMs !== undefined && startedMs > writtenMs(path) + TICK_MS ? undefined : identity;
}

export class PidWatch {
  readonly #path: string;
  /** Once it is known, no clock that is set can make it another one. */
  #known: ProcessIdentity | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  get pid(): number | null {
    return this.#known?.pid ?? null;
  }

  look(): Verdict {
    const pid = readPid(this.#path);
    if (pid === undefined) {
      this.#known = undefined;
      return failed('exited', `there is no process id in ${this.#path}`, 'gone');
    }
    if (this.#known?.pid !== pid) this.#known = processOfPidFile(this.#path);
    if (this.#known !== undefined && isRunning(this.#known)) return passed(null);
    this.#known = undefined;
    const other = identify(pid) !== undefined;
    return failed('exited', `process ${pid} of ${this.#path} is gone${other ? ', and its number is another one’s' : ''}`, 'gone');
  }
}

/** Root speaks of any process, everybody else of their own: a file must not have somebody else's process ended. */
function maySpeakOf(path: string, pid: number): boolean {
  try {
    const owner = statSync(path).uid;
    return owner === 0 || owner === process.getuid?.() || owner === statSync(`/proc/${pid}`).uid;
  } catch {
    return false;
  }
}

function writtenMs(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
