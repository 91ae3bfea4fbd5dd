/** Verdicts on calls as members of a run document. Pure. */
import { isAmiss } from '../report/call-verdict.ts';
import type { CallVerdictMembers } from '../report/call-verdict.ts';
import type { CallRow } from '../report/run.ts';
import { ofService } from '../verdict/direction.ts';
import type { CallVerdict } from '../verdict/verdict.ts';
import type { SettledCall } from './outcome.ts';

export function verdictMembers(verdict: CallVerdict): CallVerdictMembers {
  const { state, direction, evidence, crossedWith, sinceMs, firstMs, changes, changesLeftOut } = verdict;
  return {
    state,
    since_ms: sinceMs,
    direction,
    evidence,
    crossed_with: crossedWith,
    first_ms: firstMs,
    changes: changes.map((change) => ({ at_ms: change.atMs, state: change.state, direction: change.direction })),
    changes_left_out: changesLeftOut,
  };
}

/** null where no call has a verdict. */
export function notFine(calls: readonly SettledCall[]): number | null {
  const verdicts = calls.flatMap(({ verdict }) => verdict ?? []);
  return verdicts.length === 0 ? null : verdicts.filter(isAmiss).length;
}

/** What the service that took the call adds to its verdict: the direction, where that could not be told. */
export function withService(row: CallRow): CallRow {
  const { verdict, ari } = row;
  if (verdict == null || ari?.service == null || !isAmiss(verdict) || verdict.direction !== null) return row;
  const { from_peer: fromPeer, to_peer: toPeer } = ari.service;
  const told = ofService({ fromPeer, toPeer }, ari.sent ?? 0, ari.came_back ?? 0);
  if (told === undefined) return row;
  return { ...row, verdict: { ...verdict, direction: told.direction, evidence: [...verdict.evidence.slice(0, -1), told.because] } };
}
