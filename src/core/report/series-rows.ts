/** Rows of a series as plain numbers: many of them in little memory, which threads may share. */
import type { SeriesRow } from './run.ts';

/** In the order in which they lie. */
const MEMBERS = ['t', 'sent', 'received', 'lost', 'late', 'p50', 'p95', 'p99', 'max'] as const satisfies readonly (keyof SeriesRow)[];

/** A row takes so many. */
export const ROW_NUMBERS: number = MEMBERS.length;
const FIRST_ROWS = 64;

/** What is null lies there as NaN. */
export function writeRow(numbers: Float64Array, at: number, row: SeriesRow): void {
  for (const [i, member] of MEMBERS.entries()) numbers[at + i] = row[member] ?? Number.NaN;
}

export function readRow(numbers: Float64Array, at: number): SeriesRow {
  const [t = 0, sent = 0, received = 0, lost = 0, late, p50, p95, p99, max] = numbers.subarray(at, at + ROW_NUMBERS);
  return { t, sent, received, lost, late: known(late), p50: known(p50), p95: known(p95), p99: known(p99), max: known(max) };
}

function known(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** The last rows that were added. */
export class SeriesRows {
  readonly #most: number;
  #numbers: Float64Array;
  #added = 0;

  /** @param most so many are kept. */
  constructor(most: number = Number.POSITIVE_INFINITY) {
    this.#most = most;
    this.#numbers = new Float64Array(Math.min(most, FIRST_ROWS) * ROW_NUMBERS);
  }

  add(row: SeriesRow): void {
    const room = this.#numbers.length / ROW_NUMBERS;
    if (this.#added === room && room < this.#most) {
      const larger = new Float64Array(Math.min(this.#most, 2 * room) * ROW_NUMBERS);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    writeRow(this.#numbers, this.#at(this.#added), row);
    this.#added += 1;
  }

  /** Oldest first. */
  list(): SeriesRow[] {
    const first = Math.max(0, this.#added - this.#most);
    return Array.from({ length: this.#added - first }, (_, i) => readRow(this.#numbers, this.#at(first + i)));
  }

  #at(row: number): number {
    return (row * ROW_NUMBERS) % this.#numbers.length;
  }
}
