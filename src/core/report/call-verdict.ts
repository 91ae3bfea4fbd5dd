/** What a call that was placed was like to its listener. Times are ms since the answer. */
export interface CallVerdictMembers {
  /** `fine`, `silent`, `one-way`, `crossed`, `clipped`, `robotic`, or `unknown`: then `evidence` says why. */
  readonly state: string;
  /** Since when: 0 where it did from the answer on, else when it was noticed. */
  readonly since_ms: number;
  /** `towards the far end`, `from the far end`, `both ways`; null where nothing is wrong, or it cannot be told. */
  readonly direction: string | null;
  /** What it rests on, one phrase each. */
  readonly evidence: readonly string[];
  /** Number of the call whose sound came in place of ours; null where it is none of the run, or nothing is crossed. */
  readonly crossed_with: number | null;
  /** When the first verdict was there; null when the call was over before. */
  readonly first_ms: number | null;
  /** The first 16 of them. */
  readonly changes: readonly CallVerdictChange[];
  readonly changes_left_out: number;
}

export interface CallVerdictChange {
  readonly at_ms: number;
  readonly state: string;
  readonly direction: string | null;
}

/** Whether something is wrong with it: `unknown` is not known to be. */
export function isAmiss({ state }: Pick<CallVerdictMembers, 'state'>): boolean {
  return state !== 'fine' && state !== 'unknown';
}

const ARROWS: ReadonlyMap<string, string> = new Map([
  ['towards the far end', ' →'],
  ['from the far end', ' ←'],
  ['both ways', ' ↔'],
]);
/** What the signs of {@link verdictSign} mean. */
export const VERDICT_SIGNS = '→ towards the far end, ← from the far end, ↔ both ways; no arrow: it cannot be told';

/** For a table: `one-way →`. */
export function verdictSign({ state, direction, crossed_with: call }: CallVerdictMembers): string {
  return `${state}${call === null ? '' : ` with ${call}`}${direction === null ? '' : (ARROWS.get(direction) ?? '')}`;
}

/** In a few words: `one-way, towards the far end`. */
export function verdictText({ state, direction, crossed_with: call }: CallVerdictMembers): string {
  return `${state}${call === null ? '' : ` with call ${call}`}${direction === null ? '' : `, ${direction}`}`;
}
