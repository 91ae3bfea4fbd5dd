/**
 * What happened in each of the last seconds, in memory that threads share: one writes a second when the fate of its packets is known,
 * others read. As large for a thousand calls as for none.
 */
import type { SeriesRow } from '../report/run.ts';
import { readRow, ROW_NUMBERS, writeRow } from '../report/series-rows.ts';

/** Seconds that a reader finds. */
export const RECENT_SECONDS = 300;
/** More than are written while one reader reads: what it finds is never half of the next. */
const SPARE_SECONDS = 4;
const SLOTS = RECENT_SECONDS + SPARE_SECONDS;
/** The first number is how many seconds were written in all. */
const NUMBERS = 1 + SLOTS * ROW_NUMBERS;

export const RECENT_BYTES: number = NUMBERS * Float64Array.BYTES_PER_ELEMENT;

export class RecentSeconds {
  readonly #numbers: Float64Array;

  /** @param byteOffset a multiple of 8, with {@link RECENT_BYTES} behind it: zeros, or what another has written. */
  constructor(buffer: SharedArrayBuffer, byteOffset: number) {
    this.#numbers = new Float64Array(buffer, byteOffset, NUMBERS);
  }

  reset(): void {
    this.#numbers.fill(0);
  }

  /** @param second by a clock that goes on when another thread takes over; `t` of the row is not looked at. */
  add(second: number, row: SeriesRow): void {
    const numbers = this.#numbers;
    const written = numbers[0] as number;
    writeRow(numbers, slot(written), { ...row, t: second });
    // Last: a reader that sees the number finds the second.
    numbers[0] = written + 1;
  }

  /** Oldest first. @param now the second that `t` counts from. */
  rows(now: number): readonly SeriesRow[] {
    const written = this.#numbers[0] as number;
    const rows: SeriesRow[] = [];
    for (let i = Math.max(0, written - RECENT_SECONDS); i < written; i++) {
      const row = readRow(this.#numbers, slot(i));
      rows.push({ ...row, t: row.t - now });
    }
    return rows;
  }
}

function slot(second: number): number {
  return 1 + (second % SLOTS) * ROW_NUMBERS;
}
