/** What the instrument, and not the path, may have to do with a difference; and how small a difference it can show at all. */
import { UNTRUSTED_P50_NS } from '../../probe/doubts.ts';
import { toMs } from '../latency-summary.ts';
import type { Spread } from '../metrics.ts';
import type { RunSummary } from '../run.ts';
import { FEW_RUNS_FACTOR } from './verdict.ts';
import type { BaselineVerdict, Doubt } from './verdict.ts';

/** The runs of one side, together and each. */
export interface Side {
  readonly summary: RunSummary;
  readonly runs: readonly RunSummary[];
}

/**
 * How far a measured round trip may be off the true one (docs/performance.md, "Truth"), ms: no smaller
 * difference is one. The user clock has rtplat's own scheduling in it.
 */
const ERROR_MS = { kernel: { median: 0.05, tail: 0.125 }, user: { median: 0.5, tail: 1 } } as const;

/** The least difference that both sides can show at a quantile, ms. */
export function leastTimeMs(before: Side, after: Side, quantile: number): number {
  const errors = ERROR_MS[before.summary.clock === 'kernel' && after.summary.clock === 'kernel' ? 'kernel' : 'user'];
  return quantile <= 0.5 ? errors.median : errors.tail;
}

export interface Judgement {
  readonly before: Side;
  readonly after: Side;
  readonly quantile: number;
  readonly differenceMs: number;
  readonly judged: BaselineVerdict;
  /** Whether too few runs show how much runs differ by themselves: then a host's delay counts for more. */
  readonly fewRuns: boolean;
}

/** A part of what lies beyond a quantile: so many packets missing could have moved it by more than they say. */
const MOST_MISSING = 0.1;

/** Why the instrument makes the verdict doubtful; null when it does not. */
export function doubtOf({ before, after, quantile, differenceMs, judged, fewRuns }: Judgement): Doubt | null {
  const sides = [before, after];
  if (sides.some(({ runs }) => runs.some((run) => isDistrusted(run, quantile)))) return { reason: 'distrusted', detail: '' };
  const clocks = sides.map(({ summary }) => summary.clock);
  if (clocks[0] !== clocks[1]) return { reason: 'clock', detail: `${clocks.join(' then ')} clock` };
  const beyond = (1 - quantile) * MOST_MISSING;
  const dropped = Math.max(...sides.map(({ summary }) => (summary.socket_drops ?? 0) / Math.max(1, summary.sent)));
  if (dropped > beyond) return { reason: 'socket_drops', detail: '' };
  if (judged === 'worse' || judged === 'better') {
    const sizeMs = Math.abs(differenceMs);
    // With the kernel's clock a packet's latency counts from when it really left.
    const sendErrorMs = clocks[0] === 'kernel' ? 0 : highest(sides, quantile, ({ send_error_ms: spread }) => spread);
    if (sizeMs <= sendErrorMs) return { reason: 'send_error', detail: `${sendErrorMs.toFixed(3)} ms` };
    const hostDelayMs = highest(sides, quantile, ({ host_delay_ms: spread }) => spread);
    if (sizeMs <= hostDelayMs * (fewRuns ? FEW_RUNS_FACTOR : 1)) return { reason: 'host_delay', detail: `${hostDelayMs.toFixed(3)} ms` };
  }
  const moreLost = missingOf(after.summary) - missingOf(before.summary);
  // Lost packets would have been the slowest: what is worse without them is worse.
  return moreLost > beyond && (judged === 'same' || judged === 'better') ? { reason: 'loss', detail: '' } : null;
}

/** Packets without a latency, as a share: lost, or of a call that is matched by what is heard, not found. */
function missingOf({ received, lost }: RunSummary): number {
  return lost / Math.max(1, received + lost);
}

/**
 * A probe distrusts all of its run when one packet in a hundred left much too late. So few can have made the highest latencies, and
 * cannot have moved the median: that one stands unless the median packet left too late as well.
 */
export function isDistrusted({ verdict, send_error_ms: sendError }: RunSummary, quantile: number): boolean {
  if (verdict !== 'inconclusive') return false;
  return quantile > 0.5 || sendError === null || sendError.p50 > toMs(UNTRUSTED_P50_NS);
}

/** The highest of all runs at the rank of a quantile: p99's stands for p95's. 0 where none was measured. */
function highest(sides: readonly Side[], quantile: number, spreadOf: (summary: RunSummary) => Spread | null): number {
  const spreads = sides.flatMap(({ runs }) => runs.map(spreadOf)).filter((spread) => spread !== null);
  return Math.max(0, ...spreads.map((spread) => (quantile <= 0.5 ? spread.p50 : spread.p99)));
}
