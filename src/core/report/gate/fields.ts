/**
 * What a bound may be set on: the numbers of a run's summary and of a call, by their names in the document and by short ones. With each
 * goes what its samples are, so that a bound is not called held on too few of them.
 */
import { leadingDecimal } from '../../values/duration.ts';

/** Whose numbers they are: of all sources as one, of each source by itself, of each call by itself. */
export const SCOPES = ['all', 'run', 'call'] as const;
export type Scope = (typeof SCOPES)[number];

/**
 * - `time`: milliseconds, estimated from samples: percentiles, means, jitter;
 * - `peak`: milliseconds, the highest of all samples;
 * - `duration`: milliseconds, one measurement;
 * - `ratio`: a fraction of 1;
 * - `events`: a count of what should not happen, among packets;
 * - `amount`: a count of what was measured;
 * - `score`: a plain number, estimated from packets.
 */
export type FieldKind = 'time' | 'peak' | 'duration' | 'ratio' | 'events' | 'amount' | 'score';

/** What one sample of a field is. */
export type Basis = 'latencies' | 'sent' | 'received' | 'settled' | 'none';

export interface Field {
  /** As in the run document; a member of a member has a dot: `send_error_ms.p99`. */
  readonly name: string;
  readonly kind: FieldKind;
  readonly basis: Basis;
  /** Of a percentile of the latency or of the sender's error, 0 … 1. */
  readonly quantile: number | null;
  /** Whether it stands in the summary, in a call, or in both. */
  readonly of: 'summary' | 'call' | 'both';
}

type Row = readonly [name: string, aliases: readonly string[], kind: FieldKind, basis: Basis, of?: Field['of'], quantile?: number];

const ROWS: readonly Row[] = [
  ['p50_latency', ['p50', 'median'], 'time', 'latencies', 'both', 0.5],
  ['p95_latency', ['p95'], 'time', 'latencies', 'both', 0.95],
  ['p99_latency', ['p99'], 'time', 'latencies', 'both', 0.99],
  ['max_latency', ['max'], 'peak', 'latencies', 'both'],
  ['avg_latency', ['avg', 'mean'], 'time', 'latencies', 'both'],
  ['packet_loss_ratio', ['loss'], 'ratio', 'settled', 'both'],
  ['late_ratio', [], 'ratio', 'received', 'both'],
  ['jitter_ms', ['jitter'], 'time', 'received', 'both'],
  ['r_factor', ['r'], 'score', 'settled'],
  ['mos', [], 'score', 'settled'],
  ['total_latencies', ['samples'], 'amount', 'none', 'both'],
  ['sent', [], 'amount', 'none', 'both'],
  ['received', ['returned'], 'amount', 'none', 'both'],
  ['lost', [], 'events', 'settled', 'both'],
  ['late', [], 'events', 'received', 'both'],
  ['duplicates', [], 'events', 'sent', 'both'],
  ['reordered', [], 'events', 'received', 'both'],
  ['in_flight', [], 'events', 'sent', 'both'],
  ['socket_drops', [], 'events', 'sent'],
  ['unstamped', [], 'events', 'sent'],
  ['total_channels', ['channels'], 'amount', 'none'],
  ['calls_not_fine', [], 'amount', 'none'],
  ['active_channels', [], 'amount', 'none'],
  ['peak_channels', [], 'amount', 'none'],
  ['send_error_ms.p50', [], 'time', 'sent', 'summary', 0.5],
  ['send_error_ms.p99', [], 'time', 'sent', 'summary', 0.99],
  ['send_error_ms.max', [], 'peak', 'sent'],
  ['host_delay_ms.p50', [], 'time', 'received', 'summary', 0.5],
  ['host_delay_ms.p99', [], 'time', 'received', 'summary', 0.99],
  ['host_delay_ms.max', [], 'peak', 'received'],
  ['setup_ms', ['setup'], 'duration', 'none', 'call'],
  ['first_packet_ms', ['first_packet'], 'duration', 'none', 'call'],
];

const BY_NAME: ReadonlyMap<string, Field> = new Map(
  ROWS.flatMap(([name, aliases, kind, basis, of = 'summary', quantile = null]) => {
    const field: Field = { name, kind, basis, of, quantile };
    return [name, ...aliases].map((each) => [each, field] as const);
  }),
);

/** All names, short ones among them; `p99.9` and its like go without saying. */
export const FIELD_NAMES: readonly string[] = [...BY_NAME.keys()];

/** Beyond it a percentile needs more samples than a histogram's bucket counts. */
const HIGHEST_PERCENTILE = 99.9999;

/** The field of that name; any percentile of the latency is one: `p90`, `p99.9`. */
export function fieldNamed(name: string): Field | undefined {
  const known = BY_NAME.get(name);
  if (known !== undefined) return known;
  const digits = name.startsWith('p') ? leadingDecimal(name.slice(1)) : '';
  const percentile = Number(digits);
  if (digits === '' || name !== `p${digits}` || !(percentile > 0 && percentile <= HIGHEST_PERCENTILE)) return undefined;
  // As text: 99.9 / 100 is not the nearest double to 0.999.
  const quantile = Number(`${digits}e-2`);
  return BY_NAME.get(`p${percentile}`) ?? { name, kind: 'time', basis: 'latencies', quantile, of: 'summary' };
}

/** Whether a field is there in that scope. */
export function standsIn(field: Field, scope: Scope): boolean {
  return field.of === 'both' || (field.of === 'call') === (scope === 'call');
}
