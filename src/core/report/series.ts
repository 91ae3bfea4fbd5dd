/**
 * What happened in each second of a run. A packet belongs to the second in which it was due, whenever its echo comes, so that
 * a row's loss is the loss of its own packets. Histograms are kept only for seconds whose packets may still come back.
 */
import { toMs } from './latency-summary.ts';
import type { SeriesRow } from './run.ts';
import { SeriesRows } from './series-rows.ts';
import { LatencyHistogram } from '../stats/histogram.ts';

const NS_PER_SECOND = 1e9;

/** A second of a service without a call. */
const NOTHING_SENT: Omit<SeriesRow, 't'> = { sent: 0, received: 0, lost: 0, late: 0, p50: null, p95: null, p99: null, max: null };

interface OpenSecond {
  sent: number;
  received: number;
  late: number;
  readonly histogram: LatencyHistogram;
}

export class SecondSeries {
  readonly #timeoutNs: number;
  readonly #told: (row: SeriesRow) => void;
  readonly #rows: SeriesRows;
  /** Rows made so far, those that are no longer kept among them. */
  #made = 0;
  /** Packets lost in all rows made so far. */
  #lost = 0;
  /** The seconds after those of #rows, in order. */
  readonly #open: OpenSecond[] = [];
  readonly #spare: LatencyHistogram[] = [];

  /**
   * @param timeoutNs an echo that takes longer counts as lost.
   * @param maxRows the last so many seconds are kept: a service may run for years.
   * @param told of each row as it is made.
   */
  constructor(timeoutNs: number, maxRows: number = Number.POSITIVE_INFINITY, told: (row: SeriesRow) => void = () => {}) {
    this.#timeoutNs = timeoutNs;
    this.#rows = new SeriesRows(maxRows);
    this.#told = told;
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
    this.#closeKnown(elapsedNs);
    while (this.#isKnown(elapsedNs)) this.#row(NOTHING_SENT);
  }

  /**
   * All rows, at the end of the run.
   *
   * @param elapsedNs when that is.
   * @param lost packets lost in the whole run: what older rows do not account for was lost in the second that holds
   * `elapsedNs − timeout`, and what was due after it is in flight.
   */
  finish(elapsedNs: number, lost: number): readonly SeriesRow[] {
    this.#closeKnown(elapsedNs);
    let unaccounted = lost - this.#lost;
    while (this.#open.length > 0) {
      const second = this.#open[0] as OpenSecond;
      const here = Math.max(0, Math.min(unaccounted, second.sent - second.received));
      unaccounted -= here;
      this.#close(here);
    }
    return this.#rows.list();
  }

  /** Whether the fate of every packet of the next row is known. */
  #isKnown(elapsedNs: number): boolean {
    return elapsedNs > (this.#made + 1) * NS_PER_SECOND + this.#timeoutNs;
  }

  #closeKnown(elapsedNs: number): void {
    while (this.#isKnown(elapsedNs)) {
      const second = this.#open[0];
      if (second === undefined) return;
      this.#close(second.sent - second.received);
    }
  }

  #second(dueNs: number): OpenSecond | undefined {
    const index = Math.floor(dueNs / NS_PER_SECOND) - this.#made;
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
    this.#row({
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

  #row(row: Omit<SeriesRow, 't'>): void {
    const made = { t: this.#made, ...row };
    this.#rows.add(made);
    this.#told(made);
    this.#made += 1;
    this.#lost += row.lost;
  }
}
