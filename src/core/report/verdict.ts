/** The service-level verdict of what `report` read: the checks of `stats/service-level.ts`, and whether they may be believed. */
import { checkServiceLevel } from '../stats/service-level.ts';
import type { ServiceLevelMeasurement } from '../stats/service-level.ts';
import type { Spread } from './metrics.ts';
import { peakChannels, worst } from './merge.ts';
import type { MetricsDocument } from './metrics.ts';
import type { RunSummary, Verdict } from './run.ts';

/** One bound: milliseconds or a fraction of 1, as the name says. */
export interface ReportCheck {
  readonly name: string;
  readonly bound: number;
  /** null when it was not measured. */
  readonly value: number | null;
  readonly status: Verdict;
  /** Samples that the value rests on, and how many a pass takes when there are too few. */
  readonly samples: number;
  readonly needed?: number;
}

export interface ReportVerdict {
  readonly checks: readonly ReportCheck[];
  readonly verdict: Verdict;
  /** How many channels the row of the table was picked for. */
  readonly channels: number;
}

/**
 * Checks a run, or several merged. When its own verdict is `inconclusive` the instrument was in doubt: what it passed or failed
 * may be the instrument's doing, so those checks are `inconclusive` too. So is a latency that would be within its bound but for
 * the sender's own error, which a probe's latencies contain.
 */
export function checkRun(summary: RunSummary): ReportVerdict {
  const measurement = { summary, fateKnown: summary.received + summary.lost };
  const { send_error_ms: sendError } = summary;
  return check(peakChannels(summary), measurement, (name, excess) => {
    if (summary.verdict === 'inconclusive') return true;
    // With the kernel's clock a packet's latency counts from when it really left.
    if (sendError === null || summary.clock === 'kernel') return false;
    return excess > 0 && excess <= sendErrorOf(name, QUANTILES.get(name) ?? null, sendError);
  });
}

/** Checks a live service. */
export function checkService(metrics: MetricsDocument): ReportVerdict {
  const { returned, lost } = metrics.counters;
  return check(metrics.peak_channels, { summary: metrics, fateKnown: returned + lost }, () => false);
}

/** @param inDoubt whether a check by this name, whose value exceeds its bound by so much, says more of the instrument than of the path. */
function check(channels: number, measurement: ServiceLevelMeasurement, inDoubt: (name: string, excess: number) => boolean): ReportVerdict {
  const checks: ReportCheck[] = [];
  for (const made of checkServiceLevel(channels, measurement).checks) {
    const { name, status, value, bound } = made;
    const doubted = status !== 'insufficient' && inDoubt(name, value === null ? 0 : value - bound);
    checks.push({ ...made, status: doubted ? 'inconclusive' : status });
  }
  return { checks, verdict: worst(checks.map(({ status }) => status)), channels };
}

const QUANTILES: ReadonlyMap<string, number> = new Map([
  ['p50_latency', 0.5],
  ['p95_latency', 0.95],
  ['p99_latency', 0.99],
]);

/**
 * What the sender's error may have added to a latency, ms; 0 for anything else. Of its percentiles only p50, p99 and the maximum are
 * known: one between them takes the next higher. Its mean is not known: p99 stands for it.
 *
 * @param quantile of a percentile, else null.
 */
export function sendErrorOf(name: string, quantile: number | null, sendError: Spread): number {
  if (quantile !== null) return quantile <= 0.5 ? sendError.p50 : quantile <= 0.99 ? sendError.p99 : sendError.max;
  if (name === 'avg_latency') return sendError.p99;
  return name === 'max_latency' ? sendError.max : 0;
}
