/** The members of a run document that say where the round trip goes. */
import * as v from 'valibot';
import type { BudgetMembers, BudgetPart } from './budget.ts';

const count = v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(0, 'expected 0 or more'));
// A rest may be below 0.
const measured = v.nullable(v.pipe(v.number(), v.finite('expected a finite number')));

const part: v.GenericSchema<unknown, BudgetPart> = v.looseObject({
  ms: measured,
  low_ms: measured,
  high_ms: measured,
  p50_ms: measured,
  samples: v.nullable(count),
  reason: v.nullable(v.string()),
});

const split = {
  whole: part,
  parts: v.looseObject({ caller_network: part, service_network: part, service: part, echo: part }),
  unexplained: part,
};

export const BudgetSchema: v.GenericSchema<unknown, BudgetMembers> = v.looseObject({
  service: v.string(),
  trouble: v.nullable(v.string()),
  calls: v.array(
    v.looseObject({
      ...split,
      id: v.string(),
      service_call: v.nullable(v.string()),
      joined_by: v.nullable(v.picklist(['call-id', 'channel', 'only'])),
      join_problem: v.nullable(v.string()),
      codec_delay_ms: measured,
    }),
  ),
  total: v.nullable(v.looseObject({ ...split, calls: count })),
});
