/** The form of the member `baseline`, which `schema/rtplat.baseline-1.schema.json` is generated from. */
import * as v from 'valibot';
import { COMPARED_QUANTILES } from './compare.ts';
import { BASELINE_SCHEMA } from './document.ts';
import type { BaselineDocument } from './document.ts';
import { BASELINE_VERDICTS, DOUBT_REASONS } from './verdict.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const measured = v.nullable(v.number());
const counts = v.looseObject({ baseline: count, value: count });

export const BaselineSchema: v.GenericSchema<unknown, BaselineDocument> = v.looseObject({
  schema: v.literal(BASELINE_SCHEMA),
  verdict: v.picklist(BASELINE_VERDICTS),
  quantiles: v.array(
    v.looseObject({
      name: v.picklist(COMPARED_QUANTILES),
      baseline: measured,
      value: measured,
      difference: measured,
      low: measured,
      high: measured,
      margin: v.nullable(v.pipe(v.number(), v.minValue(0))),
      verdict: v.picklist(BASELINE_VERDICTS),
      reason: v.nullable(v.picklist(DOUBT_REASONS)),
      detail: v.nullable(v.string()),
    }),
  ),
  max_latency: v.looseObject({ baseline: measured, value: measured }),
  runs: counts,
  samples: counts,
  between_runs: v.boolean(),
  min_effect: v.pipe(v.number(), v.minValue(0)),
  level: v.pipe(v.number(), v.minValue(0), v.maxValue(1)),
  resamples: count,
  seed: count,
  notes: v.array(v.string()),
});
