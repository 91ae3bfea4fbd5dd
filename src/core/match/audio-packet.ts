/**
 * One packet's audio against the reference, at the places that the windows propose. The reference is compared at five neighbouring
 * samples, and what they explain together counts: a delay between two samples and the filters of a codec spread it over them.
 */
import type { NoiseReference } from './reference.ts';

/** Samples on either side of the proposed place. */
const SPREAD = 2;
const TAPS = 2 * SPREAD + 1;
/**
 * The least share of the energy that counts: 37/n of a packet of n samples, which chance reaches once in a million (χ² with 5 degrees
 * of freedom), and a fifth of a long one.
 */
const CHANCE_CHI_SQUARE = 37;
const LEAST_SHARE = 0.2;
/**
 * Another place with a tenth of the best one's share means that the packet holds both; chance makes 18/n of n samples in three of a thousand.
 * A piece has the square of its length: what is told of a packet holds for two thirds of it at the least.
 */
const TORN_SHARE = 0.1;
const TORN_CHI_SQUARE = 18;
/** Closer than this, in samples (5 ms), filters alone make a second place: it must have half of the best one's share. */
const FILTER_LENGTH = 40;
const TORN_SHARE_NEAR = 0.5;
/** A neighbour must be so much higher to be taken for the true place: two that are alike are a place between them. */
const CLEARLY = 1.2;
/** A piece of fewer samples would have to be untouched: its least share is three quarters. */
const SHORTEST_PIECE = Math.ceil(CHANCE_CHI_SQUARE / 0.75);
/** Of a packet, half a second. */
export const MOST_SAMPLES = 4_000;

/** How a packet fits at one place. */
export interface Fit {
  readonly share: number;
  /** Samples that the best fit is off the proposed place, −2 … 2; 0 in nearly all cases. */
  readonly moved: number;
}

/** Samples of a packet: `count` of them, `from` so many behind its beginning. */
export interface Piece {
  readonly from: number;
  readonly count: number;
}

export class PacketJudge {
  readonly #reference: NoiseReference;
  readonly #noise = new Int16Array(MOST_SAMPLES + 2 * SPREAD);

  constructor(reference: NoiseReference) {
    this.#reference = reference;
  }

  /**
   * Compares `count` samples with the reference from `position`, a whole number, on.
   *
   * @param heard a ring whose length is a power of two, from slot `at` on.
   * @param energy the sum of the samples' squares, above 0.
   */
  fit(heard: Int16Array, at: number, count: number, energy: number, position: number): Fit {
    const noise = this.#noise;
    const wrap = heard.length - 1;
    this.#reference.read(position - SPREAD, count + 2 * SPREAD, noise, 0);
    let own = 0;
    for (let i = SPREAD; i < SPREAD + count; i++) own += (noise[i] as number) ** 2;
    let share = 0;
    let best = SPREAD;
    let highest = 0;
    let middle = 0;
    for (let tap = 0; tap < TAPS; tap++) {
      let sum = 0;
      for (let i = 0; i < count; i++) sum += (heard[(at + i) & wrap] as number) * (noise[i + tap] as number);
      const squared = (sum * sum) / (energy * own);
      share += squared;
      if (tap === SPREAD) middle = squared;
      if (squared > highest) {
        highest = squared;
        best = tap;
      }
    }
    return { share: Math.min(1, share), moved: highest > CLEARLY * CLEARLY * middle ? best - SPREAD : 0 };
  }
}

/**
 * What a packet that does not fit is looked at in: its end first, for what came last is what the packet brought, then its beginning; half of
 * it each, and a third. Behind a packet that was lost, filters that hold sound back join what was before it to what comes then.
 */
export function piecesOf(count: number): readonly Piece[] {
  const sizes = [Math.floor(count / 2), Math.floor(count / 3)].filter((size) => size >= SHORTEST_PIECE);
  return sizes.flatMap((size) => [
    { from: count - size, count: size },
    { from: 0, count: size },
  ]);
}

export function leastShare(count: number): number {
  return Math.max(LEAST_SHARE, CHANCE_CHI_SQUARE / count);
}

/** Whether a packet of `count` samples fits at another place, too, which is `apart` samples from the best one. */
export function isTorn(best: number, other: number, apart: number, count: number): boolean {
  if (Math.abs(apart) < FILTER_LENGTH) return other >= TORN_SHARE_NEAR * best;
  return other >= Math.max(TORN_SHARE * best, TORN_CHI_SQUARE / count);
}
