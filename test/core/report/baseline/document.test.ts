import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { compareRuns } from '../../../../src/core/report/baseline/compare.ts';
import { baselineDocument } from '../../../../src/core/report/baseline/document.ts';
import { BaselineSchema } from '../../../../src/core/report/baseline/schema.ts';
import { histogramOf, makeRun } from '../make-run.ts';
import { simulate } from './simulate.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/rtplat.baseline-1.schema.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>;
const validate = new Ajv({ strict: true }).compile(schema);
const options = { minEffect: 0.05, seed: 1 };

test('a comparison is as the published schema says', () => {
  const baseline = [simulate({ seed: 1, seconds: 5 })];
  const none = { name: 'none', run: makeRun({ latency: histogramOf([]) }) };
  for (const now of [[simulate({ seed: 2, seconds: 5, shiftMs: 2 })], [simulate({ seed: 3, seconds: 1, packetsPerSecond: 50 })], [none]]) {
    const document: unknown = JSON.parse(JSON.stringify(baselineDocument(compareRuns(baseline, now, options))));
    expect(v.is(BaselineSchema, document)).toBe(true);
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  }
});

test('a reason stands where there is no verdict, and only there', () => {
  const { quantiles } = baselineDocument(
    compareRuns([simulate({ seed: 1, packetsPerSecond: 50 })], [simulate({ seed: 2, packetsPerSecond: 50, shiftMs: 5 })], options),
  );
  expect(quantiles.map(({ verdict, reason, detail }) => [verdict, reason, detail])).toEqual([
    ['worse', null, null],
    ['inconclusive', 'samples', '1000 of 2000'],
    ['inconclusive', 'samples', '1000 of 10000'],
  ]);
});

test('the schema refuses what is no such document', () => {
  const document = baselineDocument(compareRuns([simulate({ seed: 1 })], [simulate({ seed: 2 })], options));
  expect(validate(document)).toBe(true);
  expect(validate({ ...document, schema: 'rtplat.baseline/2' })).toBe(false);
  expect(validate({ ...document, verdict: 'pass' })).toBe(false);
  expect(validate({ ...document, seed: undefined })).toBe(false);
});
