/** Whether the caller and the service that took its calls have counted the same. Pure. */
import type { RelayCounters } from '../report/metrics.ts';
import type { AriAgreement, AriCheck, AriServiceMembers } from '../report/run.ts';
import type { SettledCall } from './outcome.ts';
import { cameBack } from './ari-outcome.ts';
import type { ServiceFacts } from './service-watch.ts';

const COUNTERS = ['from_peer', 'sent', 'returned', 'lost', 'in_flight', 'to_peer'] as const;
type Counters = Pick<RelayCounters, (typeof COUNTERS)[number]>;

/** What the service counted of our calls. */
export function serviceMembers(calls: readonly SettledCall[], facts: ServiceFacts): AriServiceMembers {
  const { url, before, after, trouble } = facts;
  const restarted = after.total_channels < before.total_channels || after.uptime_seconds < before.uptime_seconds;
  const answered = calls.filter(({ answeredMs }) => answeredMs !== null);
  const joined = answered.flatMap(({ ari }) => (ari?.farId == null ? [] : (facts.calls.get(ari.farId) ?? [])));
  const taken = restarted ? null : after.total_channels - before.total_channels;
  // Call by call where each is known there; else by what has been added, where nobody else has called.
  const all = joined.length === answered.length;
  const alone = !all && taken === answered.length && before.active_channels === 0 && after.active_channels === 0;
  return {
    url,
    trouble: trouble ?? (restarted ? 'it was started anew during the run' : null),
    calls_taken: taken,
    calls_refused: restarted ? null : after.calls_refused - before.calls_refused,
    calls_failed: restarted ? null : after.calls_failed - before.calls_failed,
    calls_joined: joined.length,
    counted_by: all ? 'call' : alone ? 'total' : null,
    counters: all ? sumOf(joined.map(({ counters }) => counters)) : alone ? differenceOf(after.counters, before.counters) : null,
  };
}

/** One check for each hop that is counted at both of its ends. */
export function agreementOf(calls: readonly SettledCall[], service: AriServiceMembers): AriAgreement {
  const answered = calls.filter(({ answeredMs }) => answeredMs !== null);
  const media = answered.flatMap((call) => call.media ?? []);
  const { counters } = service;
  const checks = [
    check('calls: answered, taken by the service', answered.length, takenOf(service, answered.length)),
    check('packets: sent by the caller, come to the service', sum(media.map(({ sent }) => sent)), counters?.from_peer ?? null),
    check(
      'packets: sent to the echo, returned + lost + in flight',
      counters?.sent ?? null,
      counters === null ? null : counters.returned + counters.lost + counters.in_flight,
    ),
    check('packets: returned by the service, come to the caller', counters?.to_peer ?? null, sum(media.map(cameBack))),
  ];
  const verdict = checks.some(({ agrees }) => agrees === false)
    ? 'differ'
    : checks.some(({ agrees }) => agrees === null)
      ? 'unknown'
      : 'agree';
  return { checks, verdict };
}

/** Of ours; null when others' calls may be among them. */
function takenOf({ counted_by: by, calls_joined: joined, calls_taken: taken }: AriServiceMembers, answered: number): number | null {
  if (by === 'call') return joined;
  return by === 'total' || (taken !== null && taken < answered) ? taken : null;
}

function check(name: string, one: number | null, other: number | null): AriCheck {
  return { name, one, other, agrees: one === null || other === null ? null : one === other };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** null when a call was not relayed: then nothing is known of the rest, either. */
function sumOf(parts: readonly (RelayCounters | null)[]): Counters | null {
  const known = parts.flatMap((part) => part ?? []);
  if (known.length < parts.length) return null;
  return fromNames((name) => sum(known.map((part) => part[name])));
}

function differenceOf(after: RelayCounters, before: RelayCounters): Counters {
  return fromNames((name) => after[name] - before[name]);
}

function fromNames(value: (name: keyof Counters) => number): Counters {
  return Object.fromEntries(COUNTERS.map((name) => [name, value(name)])) as unknown as Counters;
}
