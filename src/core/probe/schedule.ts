/**
 * When each packet of a probe is due. Streams start evenly spread over one interval, so that packet k of stream i is due at
 * `start + i × interval / N + k × interval`: counted through all streams, the n-th packet at `start + n × interval / N`.
 * Deadlines, not intervals: each is computed from n alone, so that no error adds up.
 */
export interface ScheduleOptions {
  readonly streams: number;
  /** Between two packets of one stream. */
  readonly intervalNs: number;
  /** Packets are due from 0 up to, and without, this. */
  readonly durationNs: number;
}

/** Forgives the rounding of durations that are whole multiples of the interval: a billionth of a packet. */
const ROUNDING = 1e-9;

export class Schedule {
  readonly streams: number;
  readonly intervalNs: number;
  readonly packetsPerStream: number;
  /** Packets of all streams. */
  readonly total: number;
  readonly #spacingNs: number;

  constructor(options: ScheduleOptions) {
    this.streams = options.streams;
    this.intervalNs = options.intervalNs;
    this.packetsPerStream = Math.max(1, Math.ceil(options.durationNs / options.intervalNs - ROUNDING));
    this.total = this.packetsPerStream * this.streams;
    this.#spacingNs = options.intervalNs / options.streams;
  }

  /** When packet `n` of all streams together is due, nanoseconds after the start. */
  dueNs(n: number): number {
    return n * this.#spacingNs;
  }

  /** Which stream packet `n` belongs to, from 0. */
  streamOf(n: number): number {
    return n % this.streams;
  }

  /** Which packet of its stream packet `n` is, from 0. */
  indexOf(n: number): number {
    return Math.floor(n / this.streams);
  }
}
