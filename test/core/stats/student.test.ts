import fc from 'fast-check';
import { expect, test } from 'vitest';
import { studentQuantile } from '../../../src/core/stats/student.ts';

// Tables of the distribution (Abramowitz & Stegun, table 26.10), and the normal one for many degrees.
test.each([
  [0.975, 1, 12.706],
  [0.975, 2, 4.303],
  [0.95, 4, 2.132],
  [0.995, 4, 4.604],
  [0.975, 10, 2.228],
  [0.9995, 10, 4.587],
  [0.995, 30, 2.75],
  [0.975, 120, 1.98],
  [0.9975, 1e6, 2.807],
])('P(T ≤ t) = %d with %d degrees of freedom', (p, degrees, expected) => {
  expect(studentQuantile(p, degrees)).toBeCloseTo(expected, 3);
});

test('falls with the degrees of freedom, rises with the probability', () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0.6, max: 0.999, noNaN: true }),
      fc.double({ min: 0.5, max: 500, noNaN: true }),
      fc.double({ min: 1.01, max: 3, noNaN: true }),
      (p, degrees, factor) => {
        const t = studentQuantile(p, degrees);
        expect(studentQuantile(p, degrees * factor)).toBeLessThan(t);
        expect(studentQuantile(p + (1 - p) / 2, degrees)).toBeGreaterThan(t);
      },
    ),
  );
});
