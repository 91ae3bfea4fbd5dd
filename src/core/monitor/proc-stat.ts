/** What `/proc/PID/stat` says of a process (`man 5 proc_pid_stat`). */
import { wholeNumber } from '../values/ports.ts';

export interface ProcStat {
  /** `R`, `S`, `D`, `T` (stopped), `Z` (ended, and not waited for) and so on. */
  readonly state: string;
  /** The process group. */
  readonly group: number;
  /** When it began, in ticks since the machine started: with its number, what tells it from all others. */
  readonly startTicks: number;
}

/** Counted as the manual does, from 1; the second is the name. */
const STATE_FIELD = 3;
const GROUP_FIELD = 5;
const START_FIELD = 22;

/** @returns undefined for text that is none of it. */
export function parseProcStat(text: string): ProcStat | undefined {
  // The name stands in parentheses, and may have spaces and parentheses itself.
  const end = text.lastIndexOf(')');
  if (end < 0) return undefined;
  const fields = text.slice(end + 2).split(' ');
  const field = (number: number): string => fields[number - STATE_FIELD] ?? '';
  const state = field(STATE_FIELD);
  const group = wholeNumber(field(GROUP_FIELD));
  const startTicks = wholeNumber(field(START_FIELD));
  return state.length !== 1 || group === undefined || startTicks === undefined ? undefined : { state, group, startTicks };
}

/** Dead, or as good: it runs no more, and only its parent has not asked for its status yet. */
export function hasEnded({ state }: ProcStat): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}
