/** How much of what came in the last seconds was what: milliseconds of audio, in steps of 100 ms. Pure; memory is fixed. */

/**
 * `ours`: what this call sent · `repeated`: the same once more · `silent`: silence or comfort noise · `other`: sound that this call did not
 * send · `waiting`: it is not known yet.
 */
export const HEARD_KINDS = ['ours', 'repeated', 'silent', 'other', 'waiting'] as const;
export type HeardKind = (typeof HEARD_KINDS)[number];
export type HeardMs = Readonly<Record<HeardKind, number>>;

const STEP_NS = 100e6;
const STEPS = 32;
const KINDS = HEARD_KINDS.length;

export class HeardWindow {
  readonly #ms: Float64Array = new Float64Array(STEPS * KINDS);
  readonly #numbers: Float64Array = new Float64Array(STEPS).fill(-1);

  /** Audio of `ms` came; negative takes back what was said before. Of what is too long ago nothing is kept. */
  add(atNs: number, kind: HeardKind, ms: number): void {
    const number = Math.floor(atNs / STEP_NS);
    const step = number % STEPS;
    if ((this.#numbers[step] as number) > number) return;
    if (this.#numbers[step] !== number) {
      if (ms < 0) return;
      this.#numbers[step] = number;
      this.#ms.fill(0, step * KINDS, (step + 1) * KINDS);
    }
    const slot = step * KINDS + HEARD_KINDS.indexOf(kind);
    this.#ms[slot] = (this.#ms[slot] as number) + ms;
  }

  /** Of what came after `sinceNs`, 3 s back at the most. */
  since(sinceNs: number): HeardMs {
    const first = Math.floor(sinceNs / STEP_NS);
    const sums = { ours: 0, repeated: 0, silent: 0, other: 0, waiting: 0 };
    for (let step = 0; step < STEPS; step++) {
      if ((this.#numbers[step] as number) < first) continue;
      for (const [i, kind] of HEARD_KINDS.entries()) sums[kind] += this.#ms[step * KINDS + i] as number;
    }
    return sums;
  }
}
