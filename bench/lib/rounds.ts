/** Rounds and what is read from them: medians, their ratio with an interval, and the noise. */
import { SeededRandom } from '../../src/core/probe/random.ts';

export interface Ratio {
  readonly ratio: number;
  /** The 95 % interval of the ratio, from a bootstrap over the rounds. */
  readonly low: number;
  readonly high: number;
}

const RESAMPLES = 2000;

/**
 * Runs every subject once a round, one after the other, so that a busy moment of the machine hits all of them. The order is
 * rotated each round. One round more comes first and is thrown away.
 *
 * @param run measures one subject once.
 * @returns the values of each subject, in the order of the rounds.
 */
export async function interleave<Subject, Value>(
  subjects: readonly Subject[],
  rounds: number,
  run: (subject: Subject) => Promise<Value>,
): Promise<Map<Subject, Value[]>> {
  const values = new Map<Subject, Value[]>(subjects.map((subject) => [subject, []]));
  for (let round = -1; round < rounds; round++) {
    const first = (round + subjects.length) % subjects.length;
    for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
      const value = await run(subject);
      if (round >= 0) values.get(subject)?.push(value);
    }
  }
  return values;
}

/** NaN of no values. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Half of the values lie this close together, as a fraction of the median: the noise of a figure. */
export function spread(values: readonly number[]): number {
  return (quantile(values, 0.75) - quantile(values, 0.25)) / median(values);
}

/**
 * median(a) / median(b). Values of the same round stand at the same place in both, and are drawn together: the noise that a
 * round brings to both is not counted as a difference.
 *
 * @throws Error when the two differ in length.
 */
export function ratioOfMedians(a: readonly number[], b: readonly number[]): Ratio {
  if (a.length !== b.length) throw new Error(`${a.length} rounds cannot be compared with ${b.length}`);
  const random = new SeededRandom(1);
  const ratios: number[] = [];
  for (let sample = 0; sample < RESAMPLES; sample++) {
    const drawn = a.map(() => random.uint32() % a.length);
    ratios.push(median(pick(a, drawn)) / median(pick(b, drawn)));
  }
  return { ratio: median(a) / median(b), low: quantile(ratios, 0.025), high: quantile(ratios, 0.975) };
}

function pick(values: readonly number[], indices: readonly number[]): number[] {
  return indices.map((index) => values[index] ?? Number.NaN);
}

/** Between the two nearest values, linearly; NaN of no values. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((x, y) => x - y);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)] ?? Number.NaN;
  const above = sorted[Math.ceil(position)] ?? Number.NaN;
  return below + (above - below) * (position - Math.floor(position));
}
