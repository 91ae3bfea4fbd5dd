/** A run as a comparison needs it: its latencies as a curve that is read both ways, and its seconds one by one. */
import { LatencyHistogram } from '../../stats/histogram.ts';
import type { WeightedValue } from '../../stats/bootstrap.ts';
import type { RunDocument, SeriesRow } from '../run.ts';

const NS_PER_MS = 1e6;

/** The latencies of a run or of several, ascending. */
export class LatencyCurve {
  readonly count: number;
  readonly #upToNs: Float64Array;
  /** Samples up to and with each bucket. */
  readonly #reached: Float64Array;
  readonly #minNs: number;
  readonly #maxNs: number;

  constructor(histogram: LatencyHistogram) {
    const buckets = [...histogram.buckets()];
    this.count = histogram.count;
    this.#upToNs = Float64Array.from(buckets, ({ upToNs }) => upToNs);
    let reached = 0;
    this.#reached = Float64Array.from(buckets, ({ count }) => (reached += count));
    this.#minNs = histogram.minNs ?? 0;
    this.#maxNs = histogram.maxNs ?? 0;
  }

  /** The share of the samples at or below a value, to the resolution of the buckets. */
  shareAt(valueNs: number): number {
    let low = 0;
    let high = this.#upToNs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#upToNs[middle] as number) <= valueNs) low = middle + 1;
      else high = middle;
    }
    if (valueNs >= this.#maxNs) return 1;
    return low === 0 ? 0 : (this.#reached[low - 1] as number) / this.count;
  }

  /** The value at or below which that share of the samples lies, ns; of a share beyond 0 or 1, the minimum or the maximum. */
  quantileNs(share: number): number {
    const rank = share * this.count;
    let low = 0;
    let high = this.#reached.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#reached[middle] as number) < rank) low = middle + 1;
      else high = middle;
    }
    return share <= 0 ? this.#minNs : Math.max(this.#minNs, Math.min(this.#maxNs, this.#upToNs[low] ?? this.#maxNs));
  }
}

export interface RunShape {
  readonly curve: LatencyCurve;
  readonly series: readonly SeriesRow[];
  readonly durationSeconds: number;
}

export function shapeOf(run: RunDocument): RunShape {
  return { curve: new LatencyCurve(LatencyHistogram.decode(run.histogram)), series: run.series, durationSeconds: run.duration_seconds };
}

/**
 * Which share of each second's packets was at or below the run's quantile. A row has three percentiles and the maximum; in between the
 * second is taken to be shaped as the whole run is: a straight line, not over the latency, but over the share of the run's packets
 * that are at or below it. A straight line over the latency would have half of the packets where there are hardly any.
 *
 * @returns the seconds with packets that came back, in order.
 */
export function sharesBySecond({ series, curve }: RunShape, quantile: number): readonly WeightedValue[] {
  return series.flatMap(({ received, p50, p95, p99, max }) => {
    if (received === 0 || p50 === null || p95 === null || p99 === null || max === null) return [];
    const knots = [
      [p50, 0.5],
      [p95, 0.95],
      [p99, 0.99],
      [max, 1],
    ] as const;
    const ofRun = knots.map(([valueMs, share]) => [curve.shareAt(valueMs * NS_PER_MS), share] as const);
    return [{ weight: received, value: shareBetween(ofRun, quantile) }];
  });
}

/** Where several knots stand at one place, the highest share counts: so many are at or below it. */
function shareBetween(knots: readonly (readonly [ofRun: number, share: number])[], quantile: number): number {
  let [from, least] = [0, 0];
  for (const [ofRun, share] of knots) {
    if (ofRun > quantile) return least + ((quantile - from) / (ofRun - from)) * (share - least);
    [from, least] = [ofRun, share];
  }
  return 1;
}
