/** What bounds are checked on: a run, several merged, a live service, or one of their calls, all under the names of the run document. */
import { LatencyHistogram } from '../../stats/histogram.ts';
import type { EncodedHistogram } from '../../stats/histogram.ts';
import { toMs } from '../latency-summary.ts';
import { peakChannels } from '../merge.ts';
import type { NamedRun } from '../merge.ts';
import type { LatencySummary, Spread } from '../metrics.ts';
import type { ServiceMetrics } from '../read-metrics.ts';
import type { CallRow, RunSummary } from '../run.ts';
import type { Basis, Field } from './fields.ts';

export interface Subject {
  /** A path, a URL or the id of a call; for messages. */
  readonly name: string;
  /** null when it was not measured. */
  value(field: Field): number | null;
  /** How many samples the field's value rests on; what is not known counts as none. */
  samples(basis: Basis): number;
  /** false for a call of which no packet was to be measured: it is left out where packets are asked for. */
  readonly relayed: boolean;
  /** Whether the instrument distrusts itself. */
  readonly distrusted: boolean;
  /** Of the sender, where a latency contains it; ms. */
  readonly sendError: Spread | null;
}

export interface GateSubjects {
  /** All sources as one. */
  readonly all: Subject;
  readonly runs: readonly Subject[];
  readonly calls: readonly Subject[];
}

type Numbers = ReadonlyMap<string, number | null | undefined>;

/** @param histogram of the latencies, for percentiles that the summary does not have. */
export function runSubject(name: string, summary: RunSummary, histogram: EncodedHistogram): Subject {
  const { send_error_ms: sendError, host_delay_ms: hostDelay, received, lost, sent } = summary;
  const numbers: Numbers = new Map<string, number | null | undefined>([
    ...numbersOf(summary),
    ['peak_channels', peakChannels(summary)],
    ...spreadNumbers('send_error_ms', sendError),
    ...spreadNumbers('host_delay_ms', hostDelay),
  ]);
  let latencies: LatencyHistogram | undefined;
  return {
    name,
    value: (field) => {
      if (numbers.has(field.name) || field.quantile === null) return numbers.get(field.name) ?? null;
      latencies ??= LatencyHistogram.decode(histogram);
      return toMs(latencies.quantileNs(field.quantile));
    },
    samples: samplesOf({ latencies: summary.total_latencies, sent, received, settled: received + lost }),
    relayed: true,
    distrusted: summary.verdict === 'inconclusive',
    // With the kernel's clock a packet's latency counts from when it really left.
    sendError: summary.clock === 'kernel' ? null : sendError,
  };
}

/** What a capture has of echoes; null when there are none in it. */
export interface RoundTripNumbers {
  readonly summary: LatencySummary & { readonly sent: number; readonly received: number; readonly lost: number };
  readonly peak_channels: number;
  readonly histogram: EncodedHistogram;
}

/** @param distrusted whether some of the packets may be missing for another reason than that they were lost. */
export function tripSubject(name: string, trips: RoundTripNumbers | null, distrusted: boolean): Subject {
  const { sent = 0, received = 0, lost = 0, total_latencies: latencies = 0 } = trips?.summary ?? {};
  const numbers: Numbers =
    trips === null ? new Map() : new Map<string, number | null>([...numbersOf(trips.summary), ['peak_channels', trips.peak_channels]]);
  return {
    name,
    value: (field) => {
      if (trips === null) return null;
      if (numbers.has(field.name) || field.quantile === null) return numbers.get(field.name) ?? null;
      return toMs(LatencyHistogram.decode(trips.histogram).quantileNs(field.quantile));
    },
    samples: samplesOf({ latencies, sent, received, settled: received + lost }),
    relayed: true,
    distrusted,
    sendError: null,
  };
}

/** A run by itself, with its calls. */
export function runSubjects({ name, run }: NamedRun): GateSubjects {
  const all = runSubject(name, run.summary, run.histogram);
  return { all, runs: [all], calls: run.calls.map((call) => callSubject(call, all, '')) };
}

/** A service gives out no histogram: percentiles beside the three are not measured there, and neither is a score. */
export function serviceSubject(name: string, metrics: ServiceMetrics): Subject {
  const { counters } = metrics;
  const numbers: Numbers = new Map<string, number | null | undefined>([
    ...numbersOf(counters),
    ...numbersOf(metrics),
    ['received', counters.returned],
    ...spreadNumbers('host_delay_ms', metrics.host_delay_ms),
  ]);
  return {
    name,
    value: (field) => numbers.get(field.name) ?? null,
    samples: samplesOf({
      latencies: metrics.total_latencies,
      sent: counters.sent,
      received: counters.returned,
      settled: counters.returned + counters.lost,
    }),
    relayed: true,
    distrusted: false,
    sendError: null,
  };
}

/** @param within the run or service of the call, whose doubts are the call's. */
export function callSubject(call: CallRow, within: Subject, prefix: string): Subject {
  const { counters, total_latencies: latencies = 0 } = call;
  const numbers: Numbers = new Map<string, number | null | undefined>([
    ...numbersOf(counters ?? {}),
    ...numbersOf(call),
    ['received', counters?.returned],
  ]);
  const settled = counters?.returned === undefined || counters.lost === undefined ? 0 : counters.returned + counters.lost;
  return {
    name: `${prefix}${call.id}`,
    value: (field) => numbers.get(field.name) ?? null,
    samples: samplesOf({ latencies, sent: counters?.sent ?? 0, received: counters?.returned ?? 0, settled }),
    relayed: counters !== null,
    distrusted: within.distrusted,
    sendError: within.sendError,
  };
}

function samplesOf(counts: Readonly<Record<Exclude<Basis, 'none'>, number>>): (basis: Basis) => number {
  // What has no samples is one observation by itself.
  return (basis) => (basis === 'none' ? 1 : counts[basis]);
}

function numbersOf(members: object): (readonly [string, number | null])[] {
  return Object.entries(members).filter((entry): entry is [string, number | null] => entry[1] === null || typeof entry[1] === 'number');
}

function spreadNumbers(name: string, spread: Spread | null): (readonly [string, number | null])[] {
  return (['p50', 'p99', 'max'] as const).map((member) => [`${name}.${member}`, spread?.[member] ?? null]);
}
