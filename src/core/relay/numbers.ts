/**
 * What the thread that handles packets and the one that reports share: for each call a block of numbers and a histogram, and one
 * such block for all calls together. Only the packet thread writes. A reader may see one packet in one number and not yet in the
 * next; every number by itself is whole.
 */
import type { InsideMembers, RelayCounters } from '../report/metrics.ts';
import { HISTOGRAM_BYTES, histogramStorage, LatencyHistogram } from '../stats/histogram.ts';
import { LATE_NUMBERS } from '../stats/late.ts';
import { RECENT_BYTES, RecentSeconds } from './recent-seconds.ts';
import { TRACKER_NUMBERS } from './tracker.ts';

/** Indexes into the numbers of a call; the tracker's own come first. */
export const FROM_PEER: number = TRACKER_NUMBERS;
export const BYTES_FROM_PEER: number = TRACKER_NUMBERS + 1;
export const FROM_ECHO: number = TRACKER_NUMBERS + 2;
export const TO_PEER: number = TRACKER_NUMBERS + 3;
export const LATE: number = TRACKER_NUMBERS + 4;
export const LATE_FROM_PEER: number = TRACKER_NUMBERS + 5;
export const MALFORMED: number = TRACKER_NUMBERS + 6;
export const REJECTED_SOURCE: number = TRACKER_NUMBERS + 7;
export const SEND_ERRORS: number = TRACKER_NUMBERS + 8;
/** NaN while unknown, like the next. */
export const SOCKET_DROPS: number = TRACKER_NUMBERS + 9;
export const JITTER_MS: number = TRACKER_NUMBERS + 10;
export const UNSTAMPED: number = TRACKER_NUMBERS + 11;
/** Time that packets spent here, ns, and of how many: on their way to the echo, and back. */
export const INSIDE_OUT_NS: number = TRACKER_NUMBERS + 12;
export const INSIDE_OUT: number = TRACKER_NUMBERS + 13;
export const INSIDE_BACK_NS: number = TRACKER_NUMBERS + 14;
export const INSIDE_BACK: number = TRACKER_NUMBERS + 15;
/** What readers have no use for: the state of the two detectors of late packets … */
export const LATE_STATE: number = TRACKER_NUMBERS + 16;
export const LATE_FROM_PEER_STATE: number = LATE_STATE + LATE_NUMBERS;
/** … and latencies that are not in the histogram yet: how many, and each of them. */
export const STAGED: number = LATE_FROM_PEER_STATE + LATE_NUMBERS;
export const STAGE: number = 15;
/** Odd while they are brought there. */
const FLUSHES = STAGED + 1 + STAGE;
const CALL_NUMBERS = FLUSHES + 1;

/** Indexes into the numbers of all calls together: what belongs to the way to the echo that they share. */
export const ECHO_SEND_ERRORS = 0;
export const ECHO_DROPS = 1;
export const ECHO_UNSTAMPED = 2;
/** Echoes of no call that is up. */
export const STRAY_ECHOES = 3;
const TOTAL_NUMBERS = 4;

const NUMBER_BYTES = 8;
const CALL_BYTES = align(CALL_NUMBERS * NUMBER_BYTES) + align(HISTOGRAM_BYTES);
const RECENT_AT = align(TOTAL_NUMBERS * NUMBER_BYTES) + 2 * align(HISTOGRAM_BYTES);
export const TOTALS_BYTES: number = RECENT_AT + align(RECENT_BYTES);
/** Calls that get their memory together: untouched pages of a large buffer cost nothing. */
const CALLS_A_BUFFER = 32;

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Where the memory of a call lies. */
export interface CallBlock {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
}

/** The memory of one call, as either thread sees it. */
export class CallMemory {
  readonly block: CallBlock;
  readonly numbers: Float64Array;
  readonly #histogram: LatencyHistogram;

  constructor(block: CallBlock) {
    this.block = block;
    this.numbers = new Float64Array(block.buffer, block.offset, CALL_NUMBERS);
    this.#histogram = new LatencyHistogram(histogramStorage(block.buffer, block.offset + align(CALL_NUMBERS * NUMBER_BYTES)));
  }

  reset(): void {
    this.numbers.fill(0);
    this.numbers[SOCKET_DROPS] = Number.NaN;
    this.numbers[JITTER_MS] = Number.NaN;
    this.#histogram.reset();
  }

  /** Interarrival jitter of what the peer sends, ms (RFC 3550 §6.4.1); null before its second packet. */
  get jitterMs(): number | null {
    return known(this.numbers[JITTER_MS]);
  }

  get socketDrops(): number | null {
    return known(this.numbers[SOCKET_DROPS]);
  }

  /** Datagrams received or sent without the kernel's stamp. */
  get unstamped(): number {
    return this.numbers[UNSTAMPED] ?? 0;
  }

  /** Mean time that packets spent here on each way, by the kernel's stamps; null where it gave none. */
  get insideMs(): InsideMembers | null {
    const mean = (sum: number, count: number): number => (this.numbers[sum] as number) / (this.numbers[count] as number) / 1e6;
    const [out, back] = [mean(INSIDE_OUT_NS, INSIDE_OUT), mean(INSIDE_BACK_NS, INSIDE_BACK)] as const;
    return Number.isFinite(out) && Number.isFinite(back) ? { out, back } : null;
  }

  /**
   * Takes a latency. The buckets of a thousand calls are more than a processor keeps at hand, so it goes there together with others,
   * by {@link flush} at the latest.
   */
  record(latencyNs: number): void {
    const { numbers } = this;
    const staged = numbers[STAGED] as number;
    numbers[STAGED + 1 + staged] = latencyNs;
    numbers[STAGED] = staged + 1;
    if (staged + 1 === STAGE) this.flush();
  }

  /** Brings there what waits. */
  flush(): void {
    const { numbers } = this;
    const staged = numbers[STAGED] as number;
    const flushes = numbers[FLUSHES] as number;
    numbers[FLUSHES] = flushes + 1;
    for (let i = 1; i <= staged; i++) this.#histogram.record(numbers[STAGED + i] as number);
    numbers[STAGED] = 0;
    numbers[FLUSHES] = flushes + 2;
  }

  /** Every latency so far. Valid until that of this or of another call is asked for: there is one copy for all. */
  get histogram(): LatencyHistogram {
    const { numbers } = this;
    for (let tries = 0; ; tries++) {
      const before = numbers[FLUSHES] as number;
      const staged = numbers[STAGED] as number;
      if (staged === 0 && before % 2 === 0) return this.#histogram;
      READ.reset();
      READ.merge(this.#histogram);
      for (let i = 1; i <= staged; i++) READ.record(numbers[STAGED + i] as number);
      // Some that were brought there meanwhile would be counted twice.
      if ((before % 2 === 0 && numbers[FLUSHES] === before) || tries === MOST_TRIES) return READ;
    }
  }

  counters(): RelayCounters {
    const n = this.numbers;
    const at = (index: number): number => n[index] as number;
    const [sent, returned, lost, lateAfterLoss, duplicates, duplicatesSent, reordered, unmatched, untracked] = n;
    return {
      from_peer: at(FROM_PEER),
      bytes_from_peer: at(BYTES_FROM_PEER),
      from_echo: at(FROM_ECHO),
      to_peer: at(TO_PEER),
      sent: sent as number,
      returned: returned as number,
      lost: lost as number,
      in_flight: (sent as number) - (returned as number) - (lost as number),
      late: at(LATE),
      late_from_peer: at(LATE_FROM_PEER),
      late_after_loss: lateAfterLoss as number,
      duplicates: duplicates as number,
      duplicates_sent: duplicatesSent as number,
      reordered: reordered as number,
      unmatched: unmatched as number,
      untracked: untracked as number,
      malformed: at(MALFORMED),
      rejected_source: at(REJECTED_SOURCE),
      send_errors: at(SEND_ERRORS),
    };
  }
}

/** Where histograms are put together for their readers. */
const READ = new LatencyHistogram();
/** A flush takes a moment; whoever meets so many in a row takes what there is. */
const MOST_TRIES = 100;

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Hands out memory for calls and takes it back. */
export class CallMemoryPool {
  readonly #spare: CallMemory[] = [];

  take(): CallMemory {
    if (this.#spare.length === 0) {
      const buffer = new SharedArrayBuffer(CALLS_A_BUFFER * CALL_BYTES);
      for (let i = CALLS_A_BUFFER - 1; i >= 0; i--) this.#spare.push(new CallMemory({ buffer, offset: i * CALL_BYTES }));
    }
    const memory = this.#spare.pop() as CallMemory;
    memory.reset();
    return memory;
  }

  /** @param memory that no thread uses any more. */
  giveBack(memory: CallMemory): void {
    this.#spare.push(memory);
  }
}

/** The memory of all calls together. */
export class TotalsMemory {
  readonly numbers: Float64Array;
  /** Every latency sample since the start. */
  readonly histogram: LatencyHistogram;
  /** What a clock in user space would have added to each of them. */
  readonly hostDelay: LatencyHistogram;
  /** What happened in each of the last seconds. */
  readonly recent: RecentSeconds;

  constructor(buffer: SharedArrayBuffer) {
    this.numbers = new Float64Array(buffer, 0, TOTAL_NUMBERS);
    const first = align(TOTAL_NUMBERS * NUMBER_BYTES);
    this.histogram = new LatencyHistogram(histogramStorage(buffer, first));
    this.hostDelay = new LatencyHistogram(histogramStorage(buffer, first + align(HISTOGRAM_BYTES)));
    this.recent = new RecentSeconds(buffer, RECENT_AT);
  }

  reset(): void {
    this.numbers.fill(0);
    this.histogram.reset();
    this.hostDelay.reset();
    this.recent.reset();
  }
}
