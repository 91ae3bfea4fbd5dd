/**
 * Several runs as one: histograms are merged and counters added, percentiles and ratios computed anew from the sums. What
 * cannot be computed from sums (jitter, R, MOS) is null; percentiles are never averaged.
 */
import { LatencyHistogram } from '../stats/histogram.ts';
import type { EncodedHistogram } from '../stats/histogram.ts';
import { spread, summarize } from './latency-summary.ts';
import type { RunDocument, RunSummary, Verdict } from './run.ts';

export interface MergedDocument {
  /** How many runs were merged. */
  readonly runs: number;
  readonly summary: RunSummary;
  readonly histogram: EncodedHistogram;
  /** Only when every run has one. */
  readonly send_error_histogram?: EncodedHistogram;
}

/** A run, and the name (a path) that the verdict's reasons call it by. */
export interface NamedRun {
  readonly name: string;
  readonly run: RunDocument;
}

/** @throws RangeError without runs. Runs must have been read by `parseRun`, which checks their histograms. */
export function mergeRuns(named: readonly NamedRun[]): MergedDocument {
  const summaries = named.map(({ run }) => run.summary);
  const latency = mergeHistograms(named.map(({ run }) => run.histogram));
  const sendErrors = named.map(({ run }) => run.send_error_histogram).filter((histogram) => histogram !== undefined);
  const sendError = sendErrors.length === named.length ? mergeHistograms(sendErrors) : null;
  const sum = (
    member: 'total_channels' | 'active_channels' | 'sent' | 'received' | 'lost' | 'duplicates' | 'reordered' | 'in_flight',
  ): number => summaries.reduce((total, summary) => total + summary[member], 0);
  const late = sumMeasured(summaries.map((summary) => summary.late));
  return {
    runs: named.length,
    summary: {
      total_channels: sum('total_channels'),
      active_channels: sum('active_channels'),
      // Runs follow each other as a rule; the strictest reading of the service-level table is the largest of them.
      peak_channels: Math.max(...summaries.map(peakChannels)),
      ...summarize(latency, { lateCount: late, returned: sum('received'), lost: sum('lost') }),
      ...(summaries.every(isLossKnown) ? {} : { packet_loss_ratio: null }),
      sent: sum('sent'),
      received: sum('received'),
      lost: sum('lost'),
      late,
      duplicates: sum('duplicates'),
      reordered: sum('reordered'),
      in_flight: sum('in_flight'),
      jitter_ms: null,
      send_error_ms: spread(sendError),
      host_delay_ms: null,
      socket_drops: sumMeasured(summaries.map((summary) => summary.socket_drops)),
      r_factor: null,
      mos: null,
      quality: null,
      clock: summaries.every((summary) => summary.clock === 'kernel') ? 'kernel' : 'user',
      engine: common(summaries.map((summary) => summary.engine)) ?? 'mixed',
      match: common(summaries.map((summary) => summary.match)),
      verdict: worst(summaries.map((summary) => summary.verdict)),
      verdict_reasons: named.flatMap(({ name, run }) => run.summary.verdict_reasons.map((reason) => `${name}: ${reason}`)),
    },
    histogram: latency.encode(),
    ...(sendError === null ? {} : { send_error_histogram: sendError.encode() }),
  };
}

/** The most channels of a run that were up at once. */
export function peakChannels(summary: RunSummary): number {
  return summary.peak_channels ?? summary.total_channels;
}

/** Not where a call was matched by what is heard: what is not need not be lost. */
function isLossKnown({ match }: RunSummary): boolean {
  return match?.split('+').includes('audio') !== true;
}

/** `fail` outweighs `inconclusive`, that `insufficient`, that `pass`; `pass` of none. */
export function worst(verdicts: readonly Verdict[]): Verdict {
  const gravest: readonly Verdict[] = ['fail', 'inconclusive', 'insufficient'];
  return gravest.find((verdict) => verdicts.includes(verdict)) ?? 'pass';
}

function mergeHistograms(encoded: readonly EncodedHistogram[]): LatencyHistogram {
  if (encoded.length === 0) throw new RangeError('there is no run to merge');
  const merged = new LatencyHistogram();
  // One for all: there may be a thousand.
  const each = new LatencyHistogram();
  for (const histogram of encoded) merged.merge(LatencyHistogram.decode(histogram, each));
  return merged;
}

/** null when any part was not measured: the sum of the others would be too low. */
function sumMeasured(values: readonly (number | null)[]): number | null {
  let total = 0;
  for (const value of values) {
    if (value === null) return null;
    total += value;
  }
  return total;
}

function common<T>(values: readonly T[]): T | null {
  const [first] = values;
  return first !== undefined && values.every((value) => value === first) ? first : null;
}
