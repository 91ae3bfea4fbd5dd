/** The members of a run document that a load through ARI adds. */
import * as v from 'valibot';
import type { AriCallMembers, AriLoad } from './run.ts';

const count = v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(0, 'expected 0 or more'));
const nonNegative = v.pipe(v.number(), v.finite('expected a finite number'), v.minValue(0, 'expected 0 or more'));
const fraction = v.pipe(nonNegative, v.maxValue(1, 'expected a fraction of 1'));
const counted = v.nullable(count);
const measured = v.nullable(v.pipe(v.number(), v.finite('expected a finite number')));

export const AriCallSchema: v.GenericSchema<unknown, AriCallMembers> = v.looseObject({
  channel_id: v.string(),
  cause: counted,
  cause_text: v.nullable(v.string()),
  sent: counted,
  came_back: counted,
  service: v.nullable(
    v.looseObject({
      id: v.string(),
      setup_ms: measured,
      p50_latency: measured,
      p99_latency: measured,
      max_latency: measured,
      from_peer: counted,
      returned: counted,
      lost: counted,
      to_peer: counted,
    }),
  ),
});

const service = v.looseObject({
  url: v.string(),
  trouble: v.nullable(v.string()),
  calls_taken: counted,
  calls_refused: counted,
  calls_failed: counted,
  calls_joined: count,
  counted_by: v.nullable(v.picklist(['call', 'total'])),
  counters: v.nullable(v.looseObject({ from_peer: count, sent: count, returned: count, lost: count, in_flight: count, to_peer: count })),
});

const agreement = v.looseObject({
  verdict: v.picklist(['agree', 'differ', 'unknown']),
  checks: v.array(v.looseObject({ name: v.string(), one: counted, other: counted, agrees: v.nullable(v.boolean()) })),
});

export const AriLoadSchema: v.GenericSchema<unknown, AriLoad> = v.looseObject({
  calls_placed: count,
  calls_answered: count,
  calls_succeeded: count,
  success_ratio: v.nullable(fraction),
  calls_per_second: v.nullable(nonNegative),
  setup_ms: v.nullable(v.looseObject({ count, mean: nonNegative, p50: nonNegative, p95: nonNegative, p99: nonNegative, max: nonNegative })),
  failures: v.array(v.looseObject({ problem: v.string(), cause: counted, calls: count })),
  sent: count,
  came_back: count,
  left: counted,
  service: v.nullable(service),
  agreement: v.nullable(agreement),
});
