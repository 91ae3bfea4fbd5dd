import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import * as v from 'valibot';
import { expect, test } from 'vitest';
import { checkBounds } from '../../../../src/core/report/gate/check.ts';
import { gateDocument } from '../../../../src/core/report/gate/document.ts';
import { parseBound } from '../../../../src/core/report/gate/expression.ts';
import { GateSchema } from '../../../../src/core/report/gate/schema.ts';
import { callSubject, runSubject } from '../../../../src/core/report/gate/subject.ts';
import { makeRun } from '../make-run.ts';

const schema = JSON.parse(readFileSync(new URL('../../../../schema/rtplat.gate-1.schema.json', import.meta.url), 'utf8')) as Record<
  string,
  unknown
>;
const validate = new Ajv({ strict: true }).compile(schema);

test('what was checked is as the published schema says', () => {
  const run = makeRun();
  const all = runSubject('run.json', run.summary, run.histogram);
  const texts = ['p99<20ms', 'max<1us', 'mos>4', 'run:lost==0', 'call:p50<1ms', 'call:lost==0', 'loss<0.2%', 'p99.9!=3ms'];
  const bounds = texts.map(parseBound).flatMap((read) => ('bound' in read ? [read.bound] : []));
  expect(bounds).toHaveLength(texts.length);
  const calls = run.calls.map((call) => callSubject(call, all, ''));
  for (const subjects of [
    { all, runs: [all], calls },
    { all, runs: [], calls: [] },
  ]) {
    const document: unknown = JSON.parse(JSON.stringify(gateDocument(checkBounds(bounds, subjects))));
    expect(v.is(GateSchema, document)).toBe(true);
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  }
});

test('the schema refuses what is no such document', () => {
  for (const wrong of [
    {},
    { schema: 'rtplat.gate/2', verdict: 'pass', checks: [] },
    { schema: 'rtplat.gate/1', verdict: 'green', checks: [] },
  ]) {
    expect(validate(wrong)).toBe(false);
  }
});
