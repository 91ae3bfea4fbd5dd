import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fft } from '../../../src/core/match/fft.ts';

/** By the definition. */
function dft(re: readonly number[], im: readonly number[], sign: number): { re: number[]; im: number[] } {
  const size = re.length;
  const out = { re: [] as number[], im: [] as number[] };
  for (let k = 0; k < size; k++) {
    let [x, y] = [0, 0];
    for (let n = 0; n < size; n++) {
      const angle = (sign * 2 * Math.PI * ((k * n) % size)) / size;
      x += re[n]! * Math.cos(angle) - im[n]! * Math.sin(angle);
      y += re[n]! * Math.sin(angle) + im[n]! * Math.cos(angle);
    }
    out.re.push(x);
    out.im.push(y);
  }
  return out;
}

const value = fc.double({ min: -1, max: 1, noNaN: true });
const signal = fc
  .constantFrom(2, 4, 8, 16, 32, 64, 128)
  .chain((size) =>
    fc.record({ re: fc.array(value, { minLength: size, maxLength: size }), im: fc.array(value, { minLength: size, maxLength: size }) }),
  );

test.each([
  ['forward', -1],
  ['inverse', 1],
] as const)('%s: what the definition gives, of odd and even powers of two', (direction, sign) => {
  fc.assert(
    fc.property(signal, ({ re, im }) => {
      const fft = new Fft(re.length);
      const [x, y] = [Float64Array.from(re), Float64Array.from(im)];
      fft[direction](x, y);
      const wanted = dft(re, im, sign);
      for (let k = 0; k < re.length; k++) {
        expect(x[k]).toBeCloseTo(wanted.re[k]!, 10);
        expect(y[k]).toBeCloseTo(wanted.im[k]!, 10);
      }
    }),
    { numRuns: 60 },
  );
});

test.each([0, 1, 3, 12, 2 ** 21, 2.5, Number.NaN])('%s points are refused', (size) => {
  expect(() => new Fft(size)).toThrow(RangeError);
});
