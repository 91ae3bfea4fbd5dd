/**
 * Tones, for one call sample by sample, or encoded once for all calls that play the same: sending such a loop is copying bytes.
 */
import type { AudioCodec } from './codec.ts';
import { renderRun, toneTimeline } from './tone-timeline.ts';
import type { ToneRun, ToneSpec } from './tone-timeline.ts';

export type { ToneSpec } from './tone-timeline.ts';

const LONGEST_S = 60;
/** Short periods are repeated up to this, so that a packet never needs more than two copies. */
const SHORTEST_S = 1;
/** How far, in turns, the phase at the end of a loop may be from that at its beginning: 0.1 units of a full-scale sample. */
const PHASE_TOLERANCE = 5e-7;
/** Periods longer than this many samples meet so many steps of the codec that their errors cancel. */
const LEVELLED_SAMPLES = 2_000;
const SHIFTS = 32;

/**
 * Samples of a tone, one after the other. Nothing is allocated by {@link fill}, and how its counts cut the tone into packets
 * changes no sample.
 */
export class ToneGenerator {
  readonly #runs: readonly ToneRun[];
  /** The run that follows the last. */
  readonly #again: number;
  #index = 0;
  /** Samples of the present run that are done. */
  #position = 0;

  /** Throws `usage` when `spec` makes no sense at this rate. */
  constructor(spec: ToneSpec, rateHz: number) {
    const { intro, cycle } = toneTimeline(spec, rateHz);
    this.#runs = [...intro, ...cycle];
    this.#again = cycle.length === 0 ? this.#runs.length : intro.length;
  }

  /** Writes the next `count` samples to the beginning of `out`. @returns how many there were: fewer than `count` at the end. */
  fill(out: Int16Array, count: number): number {
    let filled = 0;
    while (filled < count) {
      const run = this.#runs[this.#index];
      if (run === undefined) break;
      const some = Math.min(count - filled, run.length - this.#position);
      renderRun(run, this.#position, 0, out, filled, some);
      filled += some;
      this.#position += some;
      if (this.#position === run.length) {
        this.#position = 0;
        this.#index = this.#index + 1 === this.#runs.length ? this.#again : this.#index + 1;
      }
    }
    return filled;
  }
}

/** A whole number of periods: after the last byte comes the first again. */
export interface ToneLoop {
  /** Encoded, on shared memory, so that every thread may have it without a copy. */
  readonly bytes: Uint8Array;
  readonly samples: number;
}

/**
 * The tone as a loop of 1 to 60 s; undefined when it does not repeat itself within that time (or at all): play it with a
 * {@link ToneGenerator} then. The loop differs from the generator in two things only: a tone without edges begins without a fade, and
 * one of a short period may begin up to a sample later in its phase (see {@link levelledShift}). Throws `usage` when `spec` makes
 * no sense at the codec's rate.
 */
export function renderLoop(spec: ToneSpec, codec: AudioCodec): ToneLoop | undefined {
  const { intro, cycle } = toneTimeline(spec, codec.clockRateHz);
  const [first] = cycle;
  if (first === undefined) return undefined;
  if (cycle.length === 1 && first.length === Number.POSITIVE_INFINITY) return steadyLoop(first, codec);
  const length = lengthOf(cycle);
  if (length > LONGEST_S * codec.clockRateHz) return undefined;
  // The end of the cycle that belongs to the beginning of the pattern comes first, as it is heard.
  const moved = lengthOf(intro);
  const samples = new Int16Array(length);
  let at = moved;
  for (const run of cycle) {
    const head = Math.min(run.length, length - at);
    renderRun(run, 0, 0, samples, at, head);
    renderRun(run, head, 0, samples, 0, run.length - head);
    at += run.length;
  }
  return encoded(samples, codec);
}

function lengthOf(runs: readonly ToneRun[]): number {
  return runs.reduce((sum, run) => sum + run.length, 0);
}

/** A tone that never changes. */
function steadyLoop(run: ToneRun, codec: AudioCodec): ToneLoop | undefined {
  const period = commonPeriod(run.turns, LONGEST_S * codec.clockRateHz);
  if (period === undefined) return undefined;
  const samples = new Int16Array(period);
  // The edge at the beginning of the run would be heard in every round.
  const steady = { ...run, fade: 0 };
  renderRun(steady, 0, levelledShift(steady, period, codec), samples, 0, period);
  return encoded(samples, codec);
}

/** The fewest samples in which every frequency makes whole turns. */
function commonPeriod(turns: readonly number[], longest: number): number | undefined {
  for (let length = 1; length <= longest; length++) {
    if (turns.every((turn) => Math.abs(turn * length - Math.round(turn * length)) <= PHASE_TOLERANCE)) return length;
  }
  return undefined;
}

/**
 * A period of few samples meets few steps of G.711, and their rounding may all go the same way: 1000 Hz, eight samples a period,
 * can be 0.2 dB off. Which steps it meets depends on where between two samples it begins: here, the best of 32 places.
 */
function levelledShift(run: ToneRun, period: number, codec: AudioCodec): number {
  if (period > LEVELLED_SAMPLES || run.peak === 0) return 0;
  const samples = new Int16Array(period);
  const bytes = new Uint8Array(period * codec.bytesPerSample);
  let best = 0;
  let leastError = Number.POSITIVE_INFINITY;
  for (let step = 0; step < SHIFTS; step++) {
    renderRun(run, 0, step / SHIFTS, samples, 0, period);
    codec.encode(samples, 0, period, bytes, 0);
    codec.decode(bytes, 0, period, samples, 0);
    const error = Math.max(...run.turns.map((turn) => Math.abs(peakAt(samples, turn) - run.peak)));
    if (error < leastError) {
      leastError = error;
      best = step / SHIFTS;
    }
  }
  return best;
}

/** Peak of the sine of this frequency, over a whole number of its turns. */
function peakAt(samples: Int16Array, turn: number): number {
  let re = 0;
  let im = 0;
  for (let n = 0; n < samples.length; n++) {
    const phase = 2 * Math.PI * turn * n;
    re += (samples[n] as number) * Math.cos(phase);
    im += (samples[n] as number) * Math.sin(phase);
  }
  return (2 * Math.hypot(re, im)) / samples.length;
}

function encoded(samples: Int16Array, codec: AudioCodec): ToneLoop {
  const copies = Math.ceil((SHORTEST_S * codec.clockRateHz) / samples.length);
  const chunk = samples.length * codec.bytesPerSample;
  const bytes = new Uint8Array(new SharedArrayBuffer(copies * chunk));
  codec.encode(samples, 0, samples.length, bytes, 0);
  for (let copy = 1; copy < copies; copy++) bytes.copyWithin(copy * chunk, 0, chunk);
  return { bytes, samples: copies * samples.length };
}
