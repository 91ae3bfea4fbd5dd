/** The service-level verdict of what `report` read: the checks of `stats/service-level.ts`, and whether they may be believed. */
import { checkServiceLevel } from '../stats/service-level.ts';
import type { ServiceLevelMeasurement } from '../stats/service-level.ts';
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
}

export interface ReportVerdict {
  readonly checks: readonly ReportCheck[];
  readonly verdict: Verdict;
  /** How many channels the row of the table was picked for. */
  readonly channels: number;
}

/**
 * Checks a run, or several merged. When its own verdict is `inconclusive` the instrument was in doubt: what it passed or failed
 * may be the instrument's doing, so those checks are `inconclusive` too.
 */
export function checkRun(summary: RunSummary): ReportVerdict {
  const measurement = { summary, fateKnown: summary.received + summary.lost };
  return check(peakChannels(summary), measurement, summary.verdict === 'inconclusive');
}

/** Checks a live service. */
export function checkService(metrics: MetricsDocument): ReportVerdict {
  const { returned, lost } = metrics.counters;
  return check(metrics.peak_channels, { summary: metrics, fateKnown: returned + lost }, false);
}

function check(channels: number, measurement: ServiceLevelMeasurement, inDoubt: boolean): ReportVerdict {
  const checks = checkServiceLevel(channels, measurement).checks.map(({ name, bound, value, status }): ReportCheck => ({
    name,
    bound,
    value,
    status: inDoubt && status !== 'insufficient' ? 'inconclusive' : status,
  }));
  return { checks, verdict: worst(checks.map(({ status }) => status)), channels };
}
