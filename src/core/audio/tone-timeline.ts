/**
 * What a tone is, one or several sines at a time, in a pattern of parts, once or repeated; and its samples.
 *
 * Parts that follow each other with the same frequencies are one tone: its phase runs on, across packets, parts and repetitions.
 * Wherever the frequencies change, to or from silence included, the tone fades over 5 ms (raised cosine), because an edge is a
 * click. A tone that follows such an edge begins at phase 0.
 *
 * The sum of n frequencies has n sines of `amplitude / n`, so that the peaks never pass `amplitude` and nothing clips.
 */
import { RtplatError } from '../errors.ts';
import { FULL_SCALE } from './level.ts';

export interface TonePart {
  /** Heard at once, each above 0 and below half the sampling rate; none is silence. */
  readonly frequenciesHz: readonly number[];
  /** Above 0; Infinity for a part that never ends. */
  readonly ms: number;
}

export interface ToneSpec {
  readonly parts: readonly TonePart[];
  /** The highest peak as a fraction of full scale, 0 … 1: 1 is +3.2 dBm0 for a single sine, 0.5 is −2.8 dBm0. */
  readonly amplitude: number;
  /** Whether the parts begin again when they have ended. */
  readonly repeat: boolean;
}

/** A stretch of the same frequencies, with an edge on either side. */
export interface ToneRun {
  /** In samples; Infinity when it never ends. */
  readonly length: number;
  /** Frequencies in turns a sample. */
  readonly turns: readonly number[];
  /** Peak of each sine, in units of a sample. */
  readonly peak: number;
  /** Samples of either edge. */
  readonly fade: number;
}

/** What is heard: `intro` once, then `cycle` again and again; an empty cycle is the end. */
export interface ToneTimeline {
  readonly intro: readonly ToneRun[];
  readonly cycle: readonly ToneRun[];
}

const FADE_MS = 5;
/** One turn of a sine, and its beginning again. Read between the lines it is right to 3e-7, a hundredth of a sample's unit, and takes half the time. */
const SINE_STEPS = 4_096;
const SINE: Float64Array = Float64Array.from({ length: SINE_STEPS + 1 }, (_, step) => Math.sin((2 * Math.PI * step) / SINE_STEPS));

/**
 * Writes samples `from … from+count` of a run to `out` from `at` on. `shift`, a fraction of a sample, moves the sines (not the
 * edges) that much ahead.
 */
export function renderRun(run: ToneRun, from: number, shift: number, out: Int16Array, at: number, count: number): void {
  const { turns, peak, fade, length } = run;
  if (turns.length === 0) {
    out.fill(0, at, at + count);
    return;
  }
  for (let i = 0; i < count; i++) {
    const n = from + i;
    let sum = 0;
    for (let k = 0; k < turns.length; k++) {
      const phase = (turns[k] as number) * (n + shift);
      sum += sineOf(phase - Math.floor(phase));
    }
    const edge = Math.min(n, length - 1 - n);
    const gain = edge >= fade ? 1 : 0.5 - 0.5 * Math.cos((Math.PI * (edge + 0.5)) / fade);
    out[at + i] = Math.round(sum * peak * gain);
  }
}

/** The sine of a part of a turn, 0 up to but not including 1. */
function sineOf(turn: number): number {
  const place = turn * SINE_STEPS;
  const step = Math.trunc(place);
  const value = SINE[step] as number;
  return value + (place - step) * ((SINE[step + 1] as number) - value);
}

/** Checks a spec and lays it out in samples. Throws `usage` when it makes no sense at this rate. */
export function toneTimeline(spec: ToneSpec, rateHz: number): ToneTimeline {
  check(spec, rateHz);
  const runs: ToneRun[] = [];
  let endMs = 0;
  let end = 0;
  for (const part of spec.parts) {
    endMs += part.ms;
    // Ends are rounded, not lengths, so that a long pattern does not drift away from its milliseconds.
    const length = Math.round((endMs * rateHz) / 1_000) - end;
    if (length === 0) continue;
    end += length;
    const turns = part.frequenciesHz.map((frequencyHz) => frequencyHz / rateHz);
    const previous = runs.at(-1);
    if (previous !== undefined && sameTurns(previous.turns, turns))
      runs[runs.length - 1] = runOf(spec, rateHz, turns, previous.length + length);
    else runs.push(runOf(spec, rateHz, turns, length));
    // Nothing is heard after a part that never ends.
    if (length === Number.POSITIVE_INFINITY) break;
  }

  const [first] = runs;
  const last = runs.at(-1);
  if (first === undefined || last === undefined) throw new RtplatError('usage', 'a tone lasts less than one sample');
  if (!spec.repeat) return { intro: runs, cycle: [] };
  if (runs.length === 1) return { intro: [], cycle: [runOf(spec, rateHz, first.turns, Number.POSITIVE_INFINITY)] };
  if (!sameTurns(first.turns, last.turns)) return { intro: [], cycle: runs };
  // The tone runs on from the end of the pattern into its beginning: only the very first time does it begin with an edge.
  return { intro: [first], cycle: [...runs.slice(1, -1), runOf(spec, rateHz, first.turns, last.length + first.length)] };
}

function check(spec: ToneSpec, rateHz: number): void {
  // Not "< 0 or > 1": that lets NaN pass.
  if (!(spec.amplitude >= 0 && spec.amplitude <= 1)) throw new RtplatError('usage', `tone amplitude ${spec.amplitude} is not in 0 … 1`);
  if (spec.parts.length === 0) throw new RtplatError('usage', 'a tone without parts');
  for (const { frequenciesHz, ms } of spec.parts) {
    if (!(ms > 0)) throw new RtplatError('usage', `a tone cannot last ${ms} ms`);
    for (const frequencyHz of frequenciesHz) {
      if (!(frequencyHz > 0 && frequencyHz < rateHz / 2)) {
        throw new RtplatError('usage', `tone frequency ${frequencyHz} Hz is not between 0 and ${rateHz / 2} Hz, half the sampling rate`);
      }
    }
  }
}

function runOf(spec: ToneSpec, rateHz: number, turns: readonly number[], length: number): ToneRun {
  const peak = turns.length === 0 ? 0 : (spec.amplitude * FULL_SCALE) / turns.length;
  return { length, turns, peak, fade: Math.min((FADE_MS * rateHz) / 1_000, Math.floor(length / 2)) };
}

function sameTurns(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((turn, k) => turn === b[k]);
}
