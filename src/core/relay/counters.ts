/** Sums of the counters of relayed calls. */
import type { RelayCounters } from '../report/metrics.ts';

const NAMES = [
  'from_peer',
  'bytes_from_peer',
  'from_echo',
  'to_peer',
  'sent',
  'returned',
  'lost',
  'in_flight',
  'late',
  'late_from_peer',
  'late_after_loss',
  'duplicates',
  'duplicates_sent',
  'reordered',
  'unmatched',
  'untracked',
  'malformed',
  'rejected_source',
  'send_errors',
] as const satisfies readonly (keyof RelayCounters)[];

export type MutableRelayCounters = { -readonly [Name in keyof RelayCounters]: number };

export function zeroCounters(): MutableRelayCounters {
  return Object.fromEntries(NAMES.map((name) => [name, 0])) as MutableRelayCounters;
}

export function addCounters(to: MutableRelayCounters, from: RelayCounters): void {
  for (const name of NAMES) to[name] += from[name];
}
