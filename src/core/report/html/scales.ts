/** From milliseconds, seconds and percentiles to places in a picture, with marks at round numbers. */
import { scaleLinear, scaleLog } from 'd3-scale';
import type { Tick } from './plot.ts';

export interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly Tick[];
  /** Whether equal distances are equal factors. */
  readonly logarithmic: boolean;
}

/** The largest on a linear axis is at most so many times the least, so that the least is still seen. */
const LINEAR_RANGE = 25;
/** A nanosecond, and eleven days: no run file means what is beyond, and floating-point numbers go wrong far out. */
const LEAST_MS = 1e-6;
const MOST_MS = 1e9;

/**
 * An axis of milliseconds, from the bottom of a picture to its top: linear and from 0, or logarithmic when the values are too far apart.
 *
 * @param low the least value above 0 that must be told from 0, ms.
 * @param high the largest, ms.
 */
export function latencyScale(low: number, high: number, places: readonly [bottom: number, top: number], count: number): Scale {
  const top = high > 0 ? Math.min(high, MOST_MS) : 1;
  if (low > 0 && top / low > LINEAR_RANGE) {
    const scale = scaleLog()
      .domain([roundDown(Math.max(low, LEAST_MS)), roundUp(top)])
      .range(places)
      .clamp(true);
    const ticks = scale.ticks(count).filter(isRound);
    return {
      place: (value) => scale(value),
      ticks: spaced(ticks.map((value) => ({ at: scale(value), label: plain(value) }))),
      logarithmic: true,
    };
  }
  const scale = scaleLinear().domain([0, top]).range(places).nice(count).clamp(true);
  return {
    place: (value) => scale(value),
    ticks: scale.ticks(count).map((value) => ({ at: scale(value), label: plain(value) })),
    logarithmic: false,
  };
}

/** 1, 2 or 5, with any number of zeros. */
function isRound(value: number): boolean {
  const first = value / 10 ** Math.floor(Math.log10(value) + 1e-9);
  return [1, 2, 5].some((round) => Math.abs(first - round) < 1e-6);
}

/** Not to a power of ten: half of the picture could be empty. */
function roundDown(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * (value >= 5 * unit ? 5 : value >= 2 * unit ? 2 : 1);
}

function roundUp(value: number): number {
  const down = roundDown(value);
  if (down >= value) return down;
  return [2, 2.5, 5].map((factor) => down * factor).find((up) => up >= value && isRound(up)) ?? down * 10;
}

/** Labels that would lie upon each other are left out, px. */
const LABEL_HEIGHT = 15;

function spaced(ticks: readonly Tick[]): readonly Tick[] {
  const kept: Tick[] = [];
  for (const tick of ticks) {
    const last = kept.at(-1);
    if (last === undefined || Math.abs(tick.at - last.at) >= LABEL_HEIGHT) kept.push(tick);
  }
  return kept;
}

/** Without the noise of binary fractions. */
function plain(value: number): string {
  return String(Number(value.toPrecision(6)));
}

/** Seconds between marks that people read as time. */
const TIME_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400] as const;

/** The shortest of the {@link TIME_STEPS} that gives at most `count` of them in `seconds`, or whole days. */
export function timeStep(seconds: number, count: number): number {
  const least = seconds / count;
  return TIME_STEPS.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400;
}

/** An axis of seconds since a start, from left to right. */
export function timeScale(from: number, to: number, places: readonly [left: number, right: number], count: number): Scale {
  const scale = scaleLinear().domain([from, to]).range(places);
  const step = timeStep(to - from, count);
  const ticks: Tick[] = [];
  for (let i = Math.ceil(from / step); i * step <= to && ticks.length <= count; i++)
    ticks.push({ at: scale(i * step), label: clock(i * step) });
  return { place: (value) => scale(value), ticks, logarithmic: false };
}

/** Seconds as `0:05`, `12:00` or `3:00:00`; before the start with a minus sign. */
export function clock(seconds: number): string {
  if (seconds < 0) return `−${clock(-seconds)}`;
  const [h, m, s] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60), Math.floor(seconds % 60)];
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
