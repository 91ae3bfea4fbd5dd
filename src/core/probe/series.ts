/**
 * What happened in each second of a probe. A packet belongs to the second in which it was due, whenever its echo comes, so that
 * a row's loss is the loss of its own packets. Histograms are kept only for seconds whose packets may still come back.
 */
import { toMs } from '../report/latency-summary.ts';
import type { SeriesRow } from '../report/run.ts';
import { LatencyHistogram } from '../stats/histogram.ts';

const NS_PER_SECOND = 1e9;

interface OpenSecond {
  sent: number;
  received: number;
  late: number;
  readonly histogram: LatencyHistogram;
}

export class SecondSeries {
  readonly #timeoutNs: number;
  readonly #rows: SeriesRow[] = [];
  /** The seconds after those of #rows, in order. */
  readonly #open: OpenSecond[] = [];
  readonly #spare: LatencyHistogram[] = [];

  /** @param timeoutNs an echo that takes longer counts as lost. */
  constructor(timeoutNs: number) {
    this.#timeoutNs = timeoutNs;
  }

  /** @param dueNs when the packet was due, since the start. */
  sent(dueNs: number): void {
    const second = this.#second(dueNs);
    if (second !== undefined) second.sent += 1;
  }

  /** The first echo of the packet due at `dueNs` came, within the time-out. */
  received(dueNs: number, latencyNs: number, late: boolean): void {
    const second = this.#second(dueNs);
    if (second === undefined) return;
    second.received += 1;
    if (late) second.late += 1;
    second.histogram.record(latencyNs);
  }

  /** Finishes the seconds whose packets' fates are all known at `elapsedNs`. Call it now and then. */
  settle(elapsedNs: number): void {
    while (this.#open.length > 0 && elapsedNs > (this.#rows.length + 1) * NS_PER_SECOND + this.#timeoutNs) {
      const second = this.#open[0] as OpenSecond;
      this.#close(second.sent - second.received);
    }
  }

  /**
   * All rows, at the end of the run.
   *
   * @param elapsedNs when that is.
   * @param lost packets lost in the whole run: what older rows do not account for was lost in the second that holds
   * `elapsedNs − timeout`, and what was due after it is in flight.
   */
  finish(elapsedNs: number, lost: number): readonly SeriesRow[] {
    this.settle(elapsedNs);
    let unaccounted = this.#rows.reduce((left, row) => left - row.lost, lost);
    while (this.#open.length > 0) {
      const second = this.#open[0] as OpenSecond;
      const here = Math.max(0, Math.min(unaccounted, second.sent - second.received));
      unaccounted -= here;
      this.#close(here);
    }
    return this.#rows;
  }

  #second(dueNs: number): OpenSecond | undefined {
    const index = Math.floor(dueNs / NS_PER_SECOND) - this.#rows.length;
    if (index < 0) return undefined;
    while (this.#open.length <= index) {
      this.#open.push({ sent: 0, received: 0, late: 0, histogram: this.#spare.pop() ?? new LatencyHistogram() });
    }
    return this.#open[index];
  }

  #close(lost: number): void {
    const second = this.#open.shift();
    if (second === undefined) return;
    const { sent, received, late, histogram } = second;
    this.#rows.push({
      t: this.#rows.length,
      sent,
      received,
      lost,
      late,
      p50: toMs(histogram.quantileNs(0.5)),
      p95: toMs(histogram.quantileNs(0.95)),
      p99: toMs(histogram.quantileNs(0.99)),
      max: toMs(histogram.maxNs),
    });
    histogram.reset();
    this.#spare.push(histogram);
  }
}
