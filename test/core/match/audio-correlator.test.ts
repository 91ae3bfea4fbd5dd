import { describe, expect, it, test } from 'vitest';
import { AudioCorrelator, thresholdOf, WINDOW } from '../../../src/core/match/audio-correlator.ts';
import type { Peak } from '../../../src/core/match/audio-correlator.ts';
import { NoiseReference, REFERENCE_VARIANCE } from '../../../src/core/match/reference.ts';
import { SeededRandom } from '../../../src/core/probe/random.ts';
import { clip, normal } from './kit/path.ts';

const SEED = 5;
const reference = new NoiseReference(SEED);

function part(position: number, count: number): Int16Array {
  const samples = new Int16Array(count);
  reference.read(position, count, samples, 0);
  return samples;
}

function energyOf(samples: Int16Array): number {
  return samples.reduce((sum, sample) => sum + sample ** 2, 0);
}

/** By the definition: the window's products with the reference from `position` on, over what chance would make them. */
function direct(window: Int16Array, present: number, position: number): number {
  const noise = part(position, WINDOW);
  const sum = window.reduce((all, sample, i) => all + sample * noise[i]!, 0);
  return Math.abs(sum) / Math.sqrt(energyOf(window) * present * REFERENCE_VARIANCE);
}

function search(window: Int16Array, present: number, blocks: readonly [number, number]): readonly Peak[] {
  const correlator = new AudioCorrelator();
  const peaks: Peak[] = [];
  correlator.load(window, present, energyOf(window));
  correlator.search(correlator.block(reference, blocks[0]), correlator.block(reference, blocks[1]), peaks);
  return peaks;
}

describe('a window of the reference', () => {
  test.each([0, 1, 2_047, 2_048, 3_000, 4_095, 4_097])('from %d on is found there, in two blocks, and nowhere else', (position) => {
    const window = part(position, WINDOW);
    const first = Math.floor(position / WINDOW);
    for (const blocks of [
      [first, first + 1],
      [first - 1, first],
      [first, first],
    ] as const) {
      const peaks = search(window, WINDOW, blocks);
      expect(peaks).toHaveLength(1);
      expect(Math.abs(peaks[0]!.position - position)).toBeLessThan(0.05);
      expect(peaks[0]!.correlation).toBeCloseTo(Math.min(1, direct(window, WINDOW, position)), 4);
    }
  });

  it('is found under noise, upside down and in part, as strong as the definition says', () => {
    const random = new SeededRandom(1);
    for (const [level, sign, present] of [
      [0, -1, WINDOW],
      [2_540, 1, WINDOW],
      [5_000, 1, WINDOW],
      [1_000, -1, 700],
    ] as const) {
      const window = part(3_333, WINDOW).map((sample, i) => (i < present ? clip(sign * sample + level * normal(random)) : 0));
      const [peak] = search(window, present, [1, 2]);
      expect(Math.abs(peak!.position - 3_333)).toBeLessThan(0.2);
      expect(peak!.correlation).toBeCloseTo(Math.min(1, direct(window, present, 3_333)), 4);
    }
  });

  it('with two places in it has two peaks, the stronger first', () => {
    const [a, b] = [part(1_000, WINDOW), part(2_500, WINDOW)];
    const window = a.map((sample, i) => (i < 1_200 ? sample : b[i]!));
    const peaks = search(window, WINDOW, [0, 1]);
    expect(peaks.map(({ position }) => Math.round(position))).toEqual([1_000, 2_500]);
    expect(peaks.map(({ correlation }) => correlation.toFixed(1))).toEqual(['0.6', '0.4']);
  });
});

test('a window of other noise has no peak', () => {
  const other = new Int16Array(WINDOW);
  new NoiseReference(SEED + 1).read(0, WINDOW, other, 0);
  expect(search(other, WINDOW, [0, 1])).toEqual([]);
});

test('what counts is the chance, so that fewer samples must agree better', () => {
  expect(thresholdOf(WINDOW)).toBeCloseTo(0.198, 3);
  expect(thresholdOf(WINDOW / 2)).toBeCloseTo(0.28, 2);
  expect(thresholdOf(79)).toBeGreaterThan(1);
});
