import { expect, test } from 'vitest';
import { readThresholds } from '../../../../src/core/report/gate/thresholds.ts';
import { describeProblem } from '../../../../src/core/service/config/problem.ts';

const problemsOf = (toml: string): readonly string[] => readThresholds(toml, 'bounds.toml').problems.map(describeProblem);

test('bounds stand in a list', () => {
  const { bounds, problems } = readThresholds('# ours\nbounds = [\n  "p99 < 20ms", # per contract\n  "call:loss<1%",\n]\n', 'bounds.toml');
  expect(problems).toEqual([]);
  expect(bounds.map(({ text }) => text)).toEqual(['p99<20ms', 'call:loss<1%']);
});

test('everything that is wrong is told at once, each with its line', () => {
  expect(problemsOf('bounds = [\n  "p99<20ms",\n  "q99<20ms",\n  "p95<10",\n]\nbound = 3\n')).toEqual([
    'bounds.toml:3: "q99<20ms": column 1: unknown field "q99" (did you mean p99?)',
    'bounds.toml:4: "p95<10": column 5: p95 is a time and needs a unit (write p95<10ms)',
    'bounds.toml:6: unknown key "bound" at the top level (did you mean "bounds"?)',
  ]);
});

test.each(['', 'bounds = []', 'bounds = [3]', 'bounds = ["p99<1ms', 'bounds = ["p99<1ms", "p99<1ms"]'])(
  'a file without a bound is no file of bounds: %s',
  (toml) => {
    const { bounds, problems } = readThresholds(toml, 'bounds.toml');
    expect(bounds).toEqual([]);
    expect(problems).toHaveLength(1);
  },
);
