/** Where the round trip of calls goes: what the caller measured, beside what the service that took them did. Pure. */
import type { BudgetMembers, BudgetPart, CallBudget } from '../report/budget.ts';
import type { ServiceCall } from '../report/read-metrics.ts';
import type { CallRow } from '../report/run.ts';
import { codecDelayMs } from './codec-delay.ts';
import { joinCalls } from './join.ts';
import type { Joined, PlacedName } from './join.ts';
import { knownPart, splitOf, totalOf, unknownPart } from './split.ts';

export interface BudgetParts {
  readonly url: string;
  readonly trouble: string | null;
  /** Of the run document. */
  readonly rows: readonly CallRow[];
  /** Those that the service took during the run, whoever placed them. */
  readonly there: readonly ServiceCall[];
  /** How a call of ours may be known there; null where it was never answered. */
  readonly nameOf: (row: CallRow, index: number) => PlacedName | null;
}

export function budgetOf({ url, trouble, rows, there, nameOf }: BudgetParts): BudgetMembers {
  const named = rows.flatMap((row, i) => {
    const name = nameOf(row, i);
    return name === null ? [] : [{ row, name }];
  });
  const joins = joinCalls(
    named.map(({ name }) => name),
    there,
  );
  const calls = named.map(({ row }, i) => callBudget(row, joins[i] as Joined));
  return { service: url, trouble, calls, total: totalOf(calls.filter(({ joined_by: by }) => by !== null)) };
}

function callBudget(row: CallRow, { call, by, problem }: Joined): CallBudget {
  const parts = {
    caller_network: callerNetwork(row),
    service_network: unknownPart('nobody measures it: external media of Asterisk has no RTCP'),
    service: insideOf(call, problem),
    echo: echoOf(call, problem),
  };
  return {
    ...splitOf(wholeOf(row), parts),
    id: row.id,
    service_call: call?.id ?? null,
    joined_by: by,
    join_problem: problem,
    codec_delay_ms: codecDelayMs(row.sip?.codec ?? null, row.match ?? null),
  };
}

function wholeOf({
  avg_latency: ms,
  p50_latency: p50Ms,
  total_latencies: samples,
  match_error_ms: errorMs,
  match_reason: why,
}: CallRow): BudgetPart {
  if (ms == null) return unknownPart(typeof why === 'string' ? 'what came back could not be matched' : 'nothing came back');
  const off = errorMs ?? 0;
  return knownPart({ ms, lowMs: ms - off, highMs: ms + off, p50Ms: p50Ms ?? null, samples: samples ?? null });
}

/**
 * By RTCP: stated too long by up to `round_trip_error_ms`, so that the middle of what it may be is taken. What all packets met is between
 * the least and the most of it.
 */
function callerNetwork({ rtcp }: CallRow): BudgetPart {
  if (rtcp == null) return unknownPart('there were no media');
  const { round_trip_avg_ms: mean, round_trip_min_ms: least, round_trip_max_ms: most, round_trip_error_ms: error } = rtcp;
  if (mean === null || least === null || most === null || error === null) {
    return unknownPart(rtcp.received === 0 ? 'the far end sent no RTCP' : 'no report of the far end told a round trip');
  }
  // Nothing is quicker than at once.
  const atLeast = (ms: number): number => Math.max(0, ms - error);
  const middle = (ms: number): number => (ms + atLeast(ms)) / 2;
  const p50Ms = rtcp.round_trip_ms === null ? null : middle(rtcp.round_trip_ms);
  return knownPart({ ms: middle(mean), lowMs: atLeast(least), highMs: most, p50Ms, samples: rtcp.round_trips });
}

function insideOf(call: ServiceCall | null, problem: string | null): BudgetPart {
  if (call === null) return unknownPart(problem ?? 'not joined');
  const { inside_ms: inside, counters } = call;
  if (inside == null) return unknownPart('the service has no stamps of the kernel');
  return knownPart({ ms: inside.out + inside.back, samples: counters?.returned ?? null });
}

function echoOf(call: ServiceCall | null, problem: string | null): BudgetPart {
  if (call === null) return unknownPart(problem ?? 'not joined');
  const { avg_latency: ms, p50_latency: p50Ms, total_latencies: samples } = call;
  return ms === null ? unknownPart('the service measured no packet of it') : knownPart({ ms, p50Ms, samples });
}
