/** The members of a call in a run document that come by RTCP. */
import * as v from 'valibot';
import type { CallRtcpMembers } from './rtcp.ts';

const count = v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(0, 'expected 0 or more'));
const nonNegative = v.nullable(v.pipe(v.number(), v.finite('expected a finite number'), v.minValue(0, 'expected 0 or more')));

export const CallRtcpSchema: v.GenericSchema<unknown, CallRtcpMembers> = v.looseObject({
  sent: count,
  received: count,
  reports: count,
  round_trip_ms: nonNegative,
  round_trip_avg_ms: nonNegative,
  round_trip_min_ms: nonNegative,
  round_trip_max_ms: nonNegative,
  round_trips: count,
  round_trip_error_ms: nonNegative,
  // A duplicate counts against what was lost (RFC 3550 §6.4.1): it may be below 0.
  far_end_lost: v.nullable(v.pipe(v.number(), v.safeInteger('expected a whole number'))),
  far_end_received: v.nullable(count),
  far_end_fraction_lost: v.nullable(
    v.pipe(v.number(), v.minValue(0, 'expected a fraction of 1'), v.maxValue(1, 'expected a fraction of 1')),
  ),
  far_end_jitter_ms: nonNegative,
});
