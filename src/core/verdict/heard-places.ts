/**
 * Which parts of what was sent have been heard, in places of 10 ms. By these it is known what is missing, whatever its packets were called.
 * Pure; the last 10 s are kept.
 */

/** Samples of a place, 8,000 a second. */
const PLACE = 80;
const PLACE_MS = 10;
const KEPT = 1_024;
/** Missing for so long is a pause, and no damage: what is missing is counted anew behind it. 1 s. */
const PAUSE = 100;
const MISSING = 0;
const HEARD = 1;
const LATE = 2;

export interface Damage {
  /** 0 … 1, of what should have been heard. */
  readonly share: number;
  readonly missingMs: number;
  readonly lateMs: number;
  readonly ofMs: number;
}

export class HeardPlaces {
  readonly #places = new Uint8Array(KEPT);
  #lowest: number | undefined;
  /** Behind the highest place that was heard. */
  #end = 0;
  /** What is missing is counted from here on. */
  #countedFrom = 0;
  /** Places between the first and the last that was heard, without pauses, and those that were heard. */
  #passed = 0;
  #heard = 0;

  /**
   * Samples `[position, position+count)` of what was sent were heard.
   *
   * @returns how many of their places, 0 … 1, had not been heard before.
   */
  put(position: number, count: number, late: boolean): number {
    const first = Math.max(0, Math.ceil(position / PLACE - 0.5));
    const end = Math.max(first + 1, Math.ceil((position + count) / PLACE - 0.5));
    this.#advance(first, end);
    let fresh = 0;
    for (let place = Math.max(first, this.#end - KEPT); place < end; place++) {
      if (this.#places[place % KEPT] === MISSING) {
        fresh += 1;
        this.#places[place % KEPT] = late ? LATE : HEARD;
      }
    }
    this.#heard += fresh;
    if (fresh > 0) {
      const lowest = this.#lowest;
      // What came first need not be what was sent first.
      if (lowest === undefined || (first < lowest && lowest - first < PAUSE)) {
        this.#passed += lowest === undefined ? end - first : lowest - first;
        if (lowest === undefined || this.#countedFrom === lowest) this.#countedFrom = first;
        this.#lowest = first;
      }
    }
    return fresh / (end - first);
  }

  /** What was sent before is not known to have been heard, ms; undefined while nothing was. */
  get beginsAtMs(): number | undefined {
    return this.#lowest === undefined ? undefined : this.#lowest * PLACE_MS;
  }

  /** Of all that was heard, without pauses. */
  get totalMissingMs(): number {
    return Math.max(0, this.#passed - this.#heard) * PLACE_MS;
  }

  /**
   * Of the last `overMs` that have been heard, but for the last `settlingMs`, in which packets may still overtake each other.
   *
   * @returns undefined when that is less than `leastMs`.
   */
  damage(overMs: number, settlingMs: number, leastMs: number): Damage | undefined {
    const end = this.#end - settlingMs / PLACE_MS;
    const start = Math.max(end - overMs / PLACE_MS, this.#countedFrom, this.#end - KEPT, 0);
    const ofMs = (end - start) * PLACE_MS;
    if (ofMs < leastMs) return undefined;
    let missing = 0;
    let late = 0;
    for (let place = start; place < end; place++) {
      if (this.#places[place % KEPT] === MISSING) missing += 1;
      else if (this.#places[place % KEPT] === LATE) late += 1;
    }
    return { share: ((missing + late) * PLACE_MS) / ofMs, missingMs: missing * PLACE_MS, lateMs: late * PLACE_MS, ofMs };
  }

  #advance(first: number, end: number): void {
    if (end <= this.#end) return;
    if (this.#lowest !== undefined) {
      const pause = first - this.#end >= PAUSE;
      if (pause) this.#countedFrom = first;
      this.#passed += end - (pause ? first : this.#end);
    }
    if (end - this.#end >= KEPT) this.#places.fill(MISSING);
    else for (let place = this.#end; place < end; place++) this.#places[place % KEPT] = MISSING;
    this.#end = end;
  }
}
