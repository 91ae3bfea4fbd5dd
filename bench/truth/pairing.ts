/** What an instrument measured against what was true, packet by packet. */

/** Errors at these quantiles, µs. */
export interface ErrorSummary {
  readonly p50: number;
  readonly p99: number;
  /** Round trips that were measured and are known. */
  readonly count: number;
}

/**
 * Measured less true round trip of every packet, ns, ascending.
 *
 * Both series are in the order of sending. An instrument that leaves out its first and last packets (sockperf) does not say how
 * many: its series is put where its errors are least. Every packet is held a little differently, so that only one place fits, and
 * all others are a quarter of a millisecond off at the median.
 *
 * @param measuredNs null when lost.
 * @param trueNs null when it was not answered.
 * @throws Error when more was measured than sent, or nothing fits.
 */
export function errorsOf(measuredNs: readonly (number | null)[], trueNs: readonly (number | null)[]): readonly number[] {
  if (measuredNs.length > trueNs.length)
    throw new Error(`${measuredNs.length} round trips were measured, and only ${trueNs.length} packets came`);
  let best: readonly number[] = [];
  let least = Number.POSITIVE_INFINITY;
  for (let skipped = 0; skipped <= trueNs.length - measuredNs.length; skipped++) {
    const errors = differences(measuredNs, trueNs.slice(skipped));
    const middle = quantile(
      errors.map((error) => Math.abs(error)).toSorted((a, b) => a - b),
      0.5,
    );
    if (middle >= least) continue;
    least = middle;
    best = errors;
  }
  if (best.length === 0) throw new Error('no round trip was measured');
  return best.toSorted((a, b) => a - b);
}

/** @param errors ns, ascending. */
export function summarize(errors: readonly number[]): ErrorSummary {
  return { p50: quantile(errors, 0.5) / 1000, p99: quantile(errors, 0.99) / 1000, count: errors.length };
}

function differences(measuredNs: readonly (number | null)[], trueNs: readonly (number | null)[]): readonly number[] {
  return measuredNs.flatMap((measured, i) => {
    const truth = trueNs[i] ?? null;
    return measured === null || truth === null ? [] : [measured - truth];
  });
}

/** The nearest rank; infinite of no values. */
function quantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.POSITIVE_INFINITY;
}
