/**
 * What the packet thread and the one that reports share: a block of numbers for each call, one histogram for all of them. Only the
 * packet thread writes. Every number by itself is whole; a reader may see a packet in one of them and not yet in the next.
 */
import { HISTOGRAM_BYTES, histogramStorage, LatencyHistogram } from '../stats/histogram.ts';

/** Numbers that start at 0, and add up over calls. */
const COUNTS = [
  'sent',
  'sentBytes',
  'received',
  'receivedBytes',
  'duplicates',
  'reordered',
  'late',
  'refusedSource',
  'malformed',
  'otherPayload',
  'sendErrors',
  'skipped',
  'rtcpSent',
  'rtcpReceived',
  'rtcpMalformed',
  'dtmfDigits',
  'recordedBytes',
  'recordingDroppedBytes',
] as const;

/** Numbers that are not known at first. */
const MEASURES = ['lost', 'jitterMs', 'socketDrops', 'pacingMaxMs', 'roundTripMs', 'remoteLost', 'remoteJitterMs'] as const;

const NAMES = [...COUNTS, ...MEASURES];

type CountName = (typeof COUNTS)[number];
type MeasureName = (typeof MEASURES)[number];

/**
 * Counted since the call began; null is unknown.
 *
 * `sent`, `received` RTP packets, `…Bytes` of their payload · `lost` by the sequence numbers of what arrived · `late` behind its
 * timestamp · `refusedSource` datagrams of somebody else · `malformed` no RTP · `otherPayload` RTP of a payload type that was not agreed
 * on · `skipped` packets that were not sent because their time was long over · `socketDrops` by our kernel, for a full buffer ·
 * `pacingMaxMs` how far behind its time a packet left at most · `roundTripMs`, `remoteLost`, `remoteJitterMs` by the peer's last RTCP
 * report · `recordingDroppedBytes` that the disk did not take in time.
 */
export type MediaCounters = { readonly [Name in CountName]: number } & { readonly [Name in MeasureName]: number | null };

export type MediaNumber = CountName | MeasureName;

/** Where each number of a call lies. */
export const AT: { readonly [Name in MediaNumber]: number } = Object.fromEntries(NAMES.map((name, i) => [name, i])) as {
  [Name in MediaNumber]: number;
};

const NUMBER_BYTES = 8;
const CALL_BYTES = align(NAMES.length * NUMBER_BYTES);
/** Calls that get their memory together. */
const CALLS_A_BUFFER = 64;

function align(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

/** Where the numbers of a call lie. */
export interface MediaBlock {
  readonly buffer: SharedArrayBuffer;
  readonly offset: number;
}

export function numbersOf({ buffer, offset }: MediaBlock): Float64Array {
  return new Float64Array(buffer, offset, NAMES.length);
}

export function readCounters(numbers: Float64Array): MediaCounters {
  const entries = NAMES.map((name, i) => {
    const value = numbers[i] as number;
    return [name, Number.isNaN(value) ? null : value];
  });
  return Object.fromEntries(entries) as MediaCounters;
}

/** Hands out the memory of calls and takes it back. */
export class MediaMemoryPool {
  readonly #spare: MediaBlock[] = [];

  take(): MediaBlock {
    if (this.#spare.length === 0) {
      const buffer = new SharedArrayBuffer(CALLS_A_BUFFER * CALL_BYTES);
      for (let i = CALLS_A_BUFFER - 1; i >= 0; i--) this.#spare.push({ buffer, offset: i * CALL_BYTES });
    }
    const block = this.#spare.pop() as MediaBlock;
    const numbers = numbersOf(block);
    numbers.fill(0, 0, COUNTS.length);
    numbers.fill(Number.NaN, COUNTS.length);
    return block;
  }

  /** @param block that no thread uses any more. */
  giveBack(block: MediaBlock): void {
    this.#spare.push(block);
  }
}

/** Sums over calls. Of the measures only those that add up, null where no call has one: the rest of them belong to one call. */
export type MediaSums = Pick<MediaCounters, CountName | SummedName>;

const SUMMED: readonly ['lost', 'socketDrops', 'remoteLost'] = ['lost', 'socketDrops', 'remoteLost'];
type SummedName = (typeof SUMMED)[number];

/** Adds calls up. */
export class MediaSum {
  readonly #counts = new Map<CountName, number>();
  readonly #measures = new Map<SummedName, number>();

  add(counters: MediaSums): void {
    for (const name of COUNTS) this.#counts.set(name, (this.#counts.get(name) ?? 0) + counters[name]);
    for (const name of SUMMED) {
      const value = counters[name];
      if (value !== null) this.#measures.set(name, (this.#measures.get(name) ?? 0) + value);
    }
  }

  /** @param others what else is to be in the sum. */
  with(others: Iterable<MediaSums>): MediaSums {
    const sum = new MediaSum();
    for (const [name, value] of this.#counts) sum.#counts.set(name, value);
    for (const [name, value] of this.#measures) sum.#measures.set(name, value);
    for (const counters of others) sum.add(counters);
    return Object.fromEntries([
      ...COUNTS.map((name) => [name, sum.#counts.get(name) ?? 0]),
      ...SUMMED.map((name) => [name, sum.#measures.get(name) ?? null]),
    ]) as MediaSums;
  }
}

const PENDING_BYTES = 64;
/** What {@link MediaTotals} takes. */
export const MEDIA_TOTALS_BYTES: number = PENDING_BYTES + 2 * HISTOGRAM_BYTES;

/** What all calls share. */
export class MediaTotals {
  /** How far behind its time each packet was handed to the kernel. */
  readonly pacing: LatencyHistogram;
  /** Round trips that the RTCP reports of peers tell (RFC 3550 §6.4.1), one for each. */
  readonly roundTrip: LatencyHistogram;
  /** Bytes of recordings on their way to the disk: the packet thread adds, the one that writes takes off. */
  readonly #pending: Int32Array;

  /** @param buffer of {@link MEDIA_TOTALS_BYTES}; zeros at first. */
  constructor(buffer: SharedArrayBuffer) {
    this.#pending = new Int32Array(buffer, 0, 1);
    this.pacing = new LatencyHistogram(histogramStorage(buffer, PENDING_BYTES));
    this.roundTrip = new LatencyHistogram(histogramStorage(buffer, PENDING_BYTES + HISTOGRAM_BYTES));
  }

  get pendingBytes(): number {
    return Atomics.load(this.#pending, 0);
  }

  addPending(bytes: number): void {
    Atomics.add(this.#pending, 0, bytes);
  }
}
