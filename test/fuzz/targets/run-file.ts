import { RtplatError } from '../../../src/core/errors.ts';
import { mergeRuns } from '../../../src/core/report/merge.ts';
import { parseRun, parseRunAmongOthers } from '../../../src/core/report/read-run.ts';
import type { RunDocument } from '../../../src/core/report/run.ts';
import { checkRun } from '../../../src/core/report/verdict.ts';
import { makeRun } from '../../core/report/make-run.ts';
import { bytesOf, must, mustEqual, textOf } from '../target.ts';
import type { FuzzTarget } from '../target.ts';

export const target: FuzzTarget = {
  name: 'run-file',
  what: 'run files: read, judged and merged with themselves, or one line that says which member is wrong; written and read again they are the same',
  code: ['report/read-run.ts', 'report/json-shape.ts', 'report/ari-schema.ts', 'report/merge.ts', 'report/verdict.ts'],
  mostBytes: 12_000,
  inputs: 100_000,
  seeds: () => [
    ...bytesOf(JSON.stringify(makeRun()), JSON.stringify({ ...makeRun(), series: [], calls: [] })),
    ...bytesOf('{"schema":"rtplat.run/1"}', '{"schema":"rtplat.run/99"}', '[[[[[[]]]]]]', '"rtplat.run/1"', '{"schema":"\u001B[2J"}'),
  ],
  check(input) {
    const text = textOf(input);
    const run = read(() => parseRun(text, 'x.json'));
    const other = read(() => parseRunAmongOthers(text, 'x.json'));
    must(run === undefined || other !== undefined, 'a run is none among others');
    if (run === undefined) return;
    const written = JSON.stringify(run);
    mustEqual(JSON.stringify(parseRun(written, 'x.json')), written, 'written and read again');
    checkRun(run.summary);
    const merged = mergeRuns([
      { name: 'a', run },
      { name: 'b', run },
    ]);
    must(merged.histogram.count === 2 * run.histogram.count, 'merged samples', merged.histogram.count, run.histogram.count);
  },
};

function read(reading: () => RunDocument | undefined): RunDocument | undefined {
  try {
    return reading();
  } catch (error) {
    if (!(error instanceof RtplatError)) throw error;
    must(error.code === 'format' && !error.message.includes('\n') && error.message.length < 600, 'the message', error.message);
    return undefined;
  }
}
