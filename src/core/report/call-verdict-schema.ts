/** The verdict on a call in a run document. */
import * as v from 'valibot';
import type { CallVerdictMembers } from './call-verdict.ts';

const count = v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(0, 'expected 0 or more'));
const nonNegative = v.pipe(v.number(), v.finite('expected a finite number'), v.minValue(0, 'expected 0 or more'));
const direction = v.nullable(v.string());

export const CallVerdictSchema: v.GenericSchema<unknown, CallVerdictMembers> = v.looseObject({
  state: v.string(),
  since_ms: nonNegative,
  direction,
  evidence: v.array(v.string()),
  crossed_with: v.nullable(count),
  first_ms: v.nullable(nonNegative),
  changes: v.array(v.looseObject({ at_ms: nonNegative, state: v.string(), direction })),
  changes_left_out: count,
});
