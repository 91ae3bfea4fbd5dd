/** The service-level verdict of the round trips in a capture. */
import { NO_LATENCY } from '../report/latency-summary.ts';
import { worst } from '../report/merge.ts';
import type { ReportCheck, ReportVerdict } from '../report/verdict.ts';
import { checkServiceLevel } from '../stats/service-level.ts';
import type { CaptureDocument } from './document.ts';

/**
 * Checks them as those of a run; a capture without round trips is `insufficient`. What was lost cannot be told from what the capture
 * itself has lost: then the loss is `inconclusive`.
 */
export function checkCapture({ round_trips: roundTrips, frames }: Pick<CaptureDocument, 'round_trips' | 'frames'>): ReportVerdict {
  const summary = roundTrips?.summary;
  const fateKnown = summary === undefined ? 0 : summary.received + summary.lost;
  const { checks, channels } = checkServiceLevel(roundTrips?.peak_channels ?? 0, { summary: summary ?? NO_LATENCY, fateKnown });
  const isDoubtful = (frames.dropped ?? 0) > 0;
  const believed: ReportCheck[] = [];
  for (const check of checks) {
    const doubted = isDoubtful && check.name === 'packet_loss_ratio' && check.status !== 'insufficient';
    believed.push({ ...check, status: doubted ? 'inconclusive' : check.status });
  }
  return { checks: believed, verdict: worst(believed.map(({ status }) => status)), channels };
}
