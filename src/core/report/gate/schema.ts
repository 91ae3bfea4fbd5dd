/** The form of the member `gate`, which `schema/rtplat.gate-1.schema.json` is generated from. */
import * as v from 'valibot';
import { VERDICTS } from '../run.ts';
import { GATE_SCHEMA } from './document.ts';
import type { GateDocument } from './document.ts';
import { OPERATORS } from './expression.ts';
import { SCOPES } from './fields.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const distance = v.nullable(v.pipe(v.number(), v.minValue(0)));

export const GateSchema: v.GenericSchema<unknown, GateDocument> = v.looseObject({
  schema: v.literal(GATE_SCHEMA),
  verdict: v.picklist(VERDICTS),
  checks: v.array(
    v.looseObject({
      bound: v.string(),
      scope: v.picklist(SCOPES),
      field: v.string(),
      operator: v.picklist(OPERATORS),
      limit: v.pipe(v.number(), v.minValue(0)),
      status: v.picklist(VERDICTS),
      subject: v.nullable(v.string()),
      value: v.nullable(v.number()),
      samples: count,
      needed: v.nullable(count),
      distance,
      subjects: count,
      violations: v.array(v.looseObject({ subject: v.string(), value: v.nullable(v.number()), distance })),
    }),
  ),
});
