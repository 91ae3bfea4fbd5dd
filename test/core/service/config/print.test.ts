import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { printConfig } from '../../../../src/core/service/config/print.ts';
import { readConfig } from '../../../../src/core/service/config/read.ts';
import { SAMPLE } from './sample.ts';
import type { Sample } from './sample.ts';

function configOf(text: string): Sample {
  const { config, problems } = readConfig(text, 'sample.toml', SAMPLE);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}

const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => text.trim() !== '');

const samples: fc.Arbitrary<Sample> = fc.record({
  name: word.filter((name) => name.length <= 20),
  server: fc.record({
    port: fc.nat({ max: 65_535 }),
    hosts: fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 3 }),
    mode: fc.constantFrom('slow', 'quick', 'off'),
    verbose: fc.boolean(),
    tls: fc.record({ port: fc.nat({ max: 65_535 }), cert: word }, { requiredKeys: ['port'] }),
  }),
  limits: fc.record({
    low: fc.nat({ max: 50 }),
    high: fc.integer({ min: 50, max: 100 }),
    ratio: fc.double({ min: 0.001, max: 1, noNaN: true }),
  }),
  rule: fc.array(
    fc.record(
      {
        match: word.map((text) => `m${text}`),
        weight: fc.nat({ max: 9 }),
        levels: fc.array(fc.nat({ max: 9 }), { maxLength: 4 }),
      },
      { requiredKeys: ['match', 'weight'] },
    ),
    { maxLength: 3 },
  ),
});

test('what is printed is read as the same configuration', () => {
  fc.assert(
    fc.property(samples, (sample) => {
      expect(configOf(printConfig(SAMPLE, sample))).toEqual(sample);
    }),
  );
});

describe('the printed configuration', () => {
  const printed = printConfig(SAMPLE, configOf('server.token = "hunter2"\nserver.port = 81\n[[rule]]\nmatch = "7"'));

  it('documents every key with its bounds and its default', () => {
    expect(printed).toContain('\n# Its port. (a whole number from 0 to 65535; 80 by default)\nport = 81\n');
    expect(printed).toContain('\n# How it works. (one of "slow", "quick", "off"; "slow" by default; reloads)\nmode = "slow"\n');
    expect(printed).toContain('\n# The certificate. (a file name)\n# cert = "cert.pem"\n');
    expect(printed).toContain('\n# - match: What it is for. (text; must be set)\n');
  });

  it('does not show a secret', () => {
    expect(printed).not.toContain('hunter2');
    expect(printed).toContain('# token = "(set)"');
  });

  it('has the tables of a list behind an example of one', () => {
    expect(printed).toContain('\n# [[rule]]\n# match = "6??"\n# weight = 2\n\n[[rule]]\nmatch = "7"\nweight = 1\n');
  });

  it('has no line longer than 120 characters', () => {
    expect(printed.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });
});
