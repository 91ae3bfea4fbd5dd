/**
 * A fast Fourier transform of a fixed power of two, in place, on two arrays. Radix 4 where the length allows it, else one pass of
 * radix 2 first; the tables are made once, nothing is allocated afterwards.
 */

export class Fft {
  readonly size: number;
  /** For each pass of radix 4 behind the first: cosine and sine of one, two and three times the angle of each of its places, side by side. */
  readonly #turns: readonly Float64Array[];
  /** Pairs of places that the order of reversed bits changes about. */
  readonly #swaps: Uint32Array;

  /** A RangeError for anything but a power of two from 2 to 2^20. */
  constructor(size: number) {
    const bits = Math.log2(size);
    if (!Number.isInteger(bits) || bits < 1 || bits > 20)
      throw new RangeError(`a transform of ${size} points: not a power of two up to 2^20`);
    this.size = size;
    const turns: Float64Array[] = [];
    for (let span = bits % 2 === 1 ? 2 : 4; span < size; span *= 4) turns.push(turnsOf(span));
    this.#turns = turns;
    const swaps: number[] = [];
    for (let i = 0; i < size; i++) if (reverse(i, bits) > i) swaps.push(i, reverse(i, bits));
    this.#swaps = Uint32Array.from(swaps);
  }

  /** X[k] = Σ x[n]·e^(−2πi·kn/N), not scaled. `re` and `im` have `size` values each. */
  forward(re: Float64Array, im: Float64Array): void {
    this.#permute(re, im);
    let span = 4;
    if (Math.log2(this.size) % 2 === 1) {
      this.#pairs(re, im);
      span = 2;
    } else this.#plainFours(re, im);
    for (const turns of this.#turns) {
      this.#fours(re, im, span, turns);
      span *= 4;
    }
  }

  /** N times the inverse: x[n] = Σ X[k]·e^(+2πi·kn/N). */
  inverse(re: Float64Array, im: Float64Array): void {
    this.forward(im, re);
  }

  #permute(re: Float64Array, im: Float64Array): void {
    const swaps = this.#swaps;
    for (let at = 0; at < swaps.length; at += 2) {
      const i = swaps[at] as number;
      const j = swaps[at + 1] as number;
      const a = re[i] as number;
      re[i] = re[j] as number;
      re[j] = a;
      const b = im[i] as number;
      im[i] = im[j] as number;
      im[j] = b;
    }
  }

  #pairs(re: Float64Array, im: Float64Array): void {
    for (let i = 0; i < this.size; i += 2) {
      const [a, b, c, d] = [re[i] as number, im[i] as number, re[i + 1] as number, im[i + 1] as number];
      re[i] = a + c;
      im[i] = b + d;
      re[i + 1] = a - c;
      im[i + 1] = b - d;
    }
  }

  /** The first pass: four points each, which turn by nothing. */
  #plainFours(re: Float64Array, im: Float64Array): void {
    for (let i = 0; i < this.size; i += 4) {
      const evenRe = (re[i] as number) + (re[i + 1] as number);
      const evenIm = (im[i] as number) + (im[i + 1] as number);
      const crossRe = (re[i] as number) - (re[i + 1] as number);
      const crossIm = (im[i] as number) - (im[i + 1] as number);
      const oddRe = (re[i + 2] as number) + (re[i + 3] as number);
      const oddIm = (im[i + 2] as number) + (im[i + 3] as number);
      const turnedRe = (im[i + 2] as number) - (im[i + 3] as number);
      const turnedIm = (re[i + 3] as number) - (re[i + 2] as number);
      re[i] = evenRe + oddRe;
      im[i] = evenIm + oddIm;
      re[i + 1] = crossRe + turnedRe;
      im[i + 1] = crossIm + turnedIm;
      re[i + 2] = evenRe - oddRe;
      im[i + 2] = evenIm - oddIm;
      re[i + 3] = crossRe - turnedRe;
      im[i + 3] = crossIm - turnedIm;
    }
  }

  /** Joins four transforms of `span` points into one. In the order of reversed bits, the second and third are changed about. */
  #fours(re: Float64Array, im: Float64Array, span: number, turns: Float64Array): void {
    const { size } = this;
    for (let start = 0; start < size; start += 4 * span) {
      for (let k = 0; k < span; k++) {
        const i0 = start + k;
        const i2 = i0 + span;
        const i1 = i2 + span;
        const i3 = i1 + span;
        const w = 6 * k;
        const c1 = turns[w] as number;
        const s1 = turns[w + 1] as number;
        const c2 = turns[w + 2] as number;
        const s2 = turns[w + 3] as number;
        const c3 = turns[w + 4] as number;
        const s3 = turns[w + 5] as number;
        const r0 = re[i0] as number;
        const m0 = im[i0] as number;
        const x1 = re[i1] as number;
        const y1 = im[i1] as number;
        const r1 = x1 * c1 + y1 * s1;
        const m1 = y1 * c1 - x1 * s1;
        const x2 = re[i2] as number;
        const y2 = im[i2] as number;
        const r2 = x2 * c2 + y2 * s2;
        const m2 = y2 * c2 - x2 * s2;
        const x3 = re[i3] as number;
        const y3 = im[i3] as number;
        const r3 = x3 * c3 + y3 * s3;
        const m3 = y3 * c3 - x3 * s3;
        const evenRe = r0 + r2;
        const evenIm = m0 + m2;
        const oddRe = r1 + r3;
        const oddIm = m1 + m3;
        const crossRe = r0 - r2;
        const crossIm = m0 - m2;
        // −i times the difference.
        const turnedRe = m1 - m3;
        const turnedIm = r3 - r1;
        re[i0] = evenRe + oddRe;
        im[i0] = evenIm + oddIm;
        re[i2] = crossRe + turnedRe;
        im[i2] = crossIm + turnedIm;
        re[i1] = evenRe - oddRe;
        im[i1] = evenIm - oddIm;
        re[i3] = crossRe - turnedRe;
        im[i3] = crossIm - turnedIm;
      }
    }
  }
}

/** For a pass that joins transforms of `span` points. */
function turnsOf(span: number): Float64Array {
  return Float64Array.from({ length: 6 * span }, (_, i) => {
    const angle = (2 * Math.PI * Math.floor(i / 6) * (1 + (Math.floor(i / 2) % 3))) / (4 * span);
    return i % 2 === 0 ? Math.cos(angle) : Math.sin(angle);
  });
}

function reverse(value: number, bits: number): number {
  let result = 0;
  for (let bit = 0; bit < bits; bit++) result |= ((value >> bit) & 1) << (bits - 1 - bit);
  return result;
}
