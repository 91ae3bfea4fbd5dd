/** What is wrong with calls, as warnings. */
import { isAmiss, verdictText } from '../core/report/call-verdict.ts';
import type { CallRow } from '../core/report/run.ts';

/** Calls that are warned of one by one. */
const MOST_WARNINGS = 5;

export function verdictWarnings(calls: readonly CallRow[]): readonly string[] {
  const amiss = calls.flatMap(({ id, verdict }) => (verdict != null && isAmiss(verdict) ? [{ id, verdict }] : []));
  const lines = amiss.slice(0, MOST_WARNINGS).map(({ id, verdict }) => {
    const since = verdict.since_ms === 0 ? '' : `, since ${(verdict.since_ms / 1000).toFixed(1)} s after its answer`;
    return `${id} is ${verdictText(verdict)}${since}: ${verdict.evidence.join('; ')}`;
  });
  const more = amiss.length - lines.length;
  return more === 0 ? lines : [...lines, `${more} more calls are not fine: calls[].verdict of the run document (--out) has them all`];
}
