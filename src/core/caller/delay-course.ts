/** A delay over the time of a call: by how much it moved, and whether a clock drifts. Pure. */

import { median } from '../stats/median.ts';
import type { DelayMove } from '../report/run.ts';

export interface DelayFacts {
  readonly moves: readonly DelayMove[];
  /** How much faster (below 0) or slower the far end's clock runs than ours; null when the call was too short to tell. */
  readonly skewPpm: number | null;
  /** Three standard errors of it. */
  readonly skewErrorPpm: number | null;
}

const NS_PER_SECOND = 1e9;
/** Steps of a jitter buffer are whole frames, of 10 ms or more; the median of a second is quieter than this where the jitter is below 25 ms. */
const MOVE_NS = 7e6;
/** A level is what three seconds have in common: a hiccup of one is none. */
const LEVEL_SECONDS = 3;
/** The level before is the median of so many, in which a hiccup that has just ended does not weigh. */
const SECONDS_BEFORE = 2 * LEVEL_SECONDS - 1;
/** Seconds on one level that a slope is taken from, and in all. */
const LEAST_SEGMENT = 5;
const LEAST_SECONDS = 10;
/** Packets of a second that its median is known from. */
const LEAST_PACKETS = 5;
const MOST_MOVES = 20;

interface Second {
  /** Middle of its packets, s. */
  readonly t: number;
  readonly medianNs: number;
}

export class DelayCourse {
  readonly #seconds: Second[] = [];
  #current: number[] = [];
  #startNs: number | undefined;
  #number = 0;

  /** In order of arrival, or nearly so. */
  add(arrivedNs: number, delayNs: number): void {
    this.#startNs ??= arrivedNs;
    const number = Math.floor((arrivedNs - this.#startNs) / NS_PER_SECOND);
    if (number > this.#number) {
      this.#close();
      this.#number = number;
    }
    this.#current.push(delayNs);
  }

  facts(): DelayFacts {
    const seconds = this.#current.length < LEAST_PACKETS ? this.#seconds : [...this.#seconds, this.#second()];
    const moves: DelayMove[] = [];
    const segments: Second[][] = [];
    let from = 0;
    for (let at = 1; at <= seconds.length; at++) {
      const byNs = at === seconds.length ? 0 : stepAt(seconds, from, at);
      if (at < seconds.length && byNs === 0) continue;
      segments.push(seconds.slice(from, at));
      from = at;
      if (at < seconds.length && moves.length < MOST_MOVES) {
        moves.push({ at_seconds: Math.floor(seconds[at]?.t ?? 0), by_ms: Math.round(byNs / 1e4) / 100 });
      }
    }
    return { moves, ...slopeOf(segments.filter(({ length }) => length >= LEAST_SEGMENT)) };
  }

  #close(): void {
    if (this.#current.length >= LEAST_PACKETS) this.#seconds.push(this.#second());
    this.#current = [];
  }

  #second(): Second {
    return { t: this.#number + 0.5, medianNs: median(this.#current) };
  }
}

/** By how much the level from `at` on is off that before; 0 where that is less than a move, or what comes does not stay there. */
function stepAt(seconds: readonly Second[], from: number, at: number): number {
  const before = median(levels(seconds.slice(Math.max(from, at - SECONDS_BEFORE), at)));
  const after = levels(seconds.slice(at, at + LEVEL_SECONDS));
  if (after.length < LEVEL_SECONDS) return 0;
  const steps = after.map((level) => level - before);
  return Math.min(...steps) >= MOVE_NS || Math.max(...steps) <= -MOVE_NS ? median(steps) : 0;
}

function levels(seconds: readonly Second[]): readonly number[] {
  return seconds.map(({ medianNs }) => medianNs);
}

/** Least squares, one slope through all segments, each at a height of its own. */
function slopeOf(segments: readonly (readonly Second[])[]): Pick<DelayFacts, 'skewPpm' | 'skewErrorPpm'> {
  const count = segments.reduce((sum, { length }) => sum + length, 0);
  const free = count - segments.length - 1;
  if (count < LEAST_SECONDS || free < 1) return { skewPpm: null, skewErrorPpm: null };
  const centred = segments.flatMap((segment) => {
    const t = mean(segment.map((second) => second.t));
    const level = mean(levels(segment));
    return segment.map((second) => ({ x: second.t - t, y: second.medianNs - level }));
  });
  const xx = centred.reduce((sum, { x }) => sum + x * x, 0);
  const slope = centred.reduce((sum, { x, y }) => sum + x * y, 0) / xx;
  const rest = centred.reduce((sum, { x, y }) => sum + (y - slope * x) ** 2, 0);
  // Nanoseconds a second are parts in a billion.
  return { skewPpm: slope / 1e3, skewErrorPpm: (3 * Math.sqrt(rest / free / xx)) / 1e3 };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
