/** Where lines can go, and what all such places have in common. */
import type { LogLine } from '../log.ts';

/** A place that takes lines. None of its calls blocks or throws, but for {@link flushSync}, which may block. */
export interface LogTarget {
  write(line: LogLine): void;
  /** Opens again what somebody may have moved or replaced, and tries at once what would be tried later. */
  reopen(): void;
  /** Writes what waits, as far as it can be done at once: the process is about to end. */
  flushSync(): void;
  /** Writes what waits, and lets go. */
  close(): Promise<void>;
}

/** Tells the other targets of trouble with one. */
export type Note = (message: string) => void;

/** What may wait in memory for one target. */
export const QUEUE_BYTES = 1_048_576;

/** How long after a failure it is tried again. */
export const RETRY_MS = 5_000;

export function countOfLines(lines: number): string {
  return lines === 1 ? '1 line' : `${lines} lines`;
}
