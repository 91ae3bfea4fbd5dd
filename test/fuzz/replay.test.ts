/** Every input that is kept, and some thousands of new ones: what `npm run fuzz` does at length, without its guidance. */
import { describe, expect, test } from 'vitest';
import { readCorpus } from './driver/corpus.ts';
import { fuzz } from './driver/run.ts';
import { loadTarget, TARGET_NAMES } from './targets/index.ts';

/** Less where an input takes a millisecond. */
const INPUTS = 1_500;
const SLOW_INPUTS = 150;
/** Inputs a full run gives a target that takes a millisecond for one, at the most. */
const SLOW_BELOW = 100_000;

describe.each(TARGET_NAMES)('%s', (name) => {
  test('nothing is found in the corpus, nor in inputs made of it', { timeout: 300_000 }, async () => {
    const target = await loadTarget(name);
    const corpus = readCorpus(name).map(({ bytes }) => bytes);
    expect(corpus.length).toBeGreaterThan(0);
    const inputs = corpus.length + (target.inputs < SLOW_BELOW ? SLOW_INPUTS : INPUTS);
    try {
      const outcome = await fuzz(target, { inputs, seed: 7, corpus });
      expect(outcome.findings.map(({ what, input }) => `${what} ${Buffer.from(input).toString('base64')}`)).toEqual([]);
      expect(outcome.inputs).toBeGreaterThanOrEqual(inputs);
    } finally {
      await target.close?.();
    }
  });

  test('says what it is', async () => {
    const target = await loadTarget(name);
    expect(target.name).toBe(name);
    expect(target.code.length).toBeGreaterThan(0);
  });
});
