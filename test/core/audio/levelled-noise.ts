import { SeededRandom } from '../../../src/core/probe/random.ts';

/** White noise at 16 kHz whose level changes every quarter of a second, from full scale down to a unit. Always the same. */
export function levelledNoise(seconds: number): Int16Array {
  const random = new SeededRandom(2);
  return Int16Array.from({ length: seconds * 16_000 }, (_, i) => (random.uint16() - 32_768) >> (1 + (Math.floor(i / 4_000) % 14)));
}
