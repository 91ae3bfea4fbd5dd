/**
 * One target in a process of its own: `node --expose-gc child.ts TARGET INPUTS SEED FOLDER MOST_SECONDS SAVE`. The last line of its
 * output is the outcome as JSON. A bug is a file below FOLDER.
 */
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { instrument } from './instrument.ts';

const [name = '', inputs = '0', seed = '1', folder = '', mostSeconds = '0', save = ''] = process.argv.slice(2);
// Before anything that is under test is imported.
const coverage = instrument();
const [{ SeededRandom }, { loadTarget }, { fuzz }, { readCorpus, writeCorpus, writeCrash }, { startWatchdog }, { minimised }] =
  await Promise.all([
    import('../../../src/core/probe/random.ts'),
    import('../targets/index.ts'),
    import('./run.ts'),
    import('./corpus.ts'),
    import('./watchdog.ts'),
    import('./minimise.ts'),
  ]);

const target = await loadTarget(name);
const corpus = readCorpus(name).map(({ bytes }) => bytes);
const watchdog = startWatchdog(target.mostBytes, path.join(folder, name, 'hang'));
const from = performance.now();
const mostMs = mostSeconds === '0' ? Infinity : Number(mostSeconds) * 1_000;
const outcome = await fuzz(target, {
  inputs: Number(inputs) || target.inputs,
  seed: Number(seed),
  corpus,
  coverage,
  before: (input) => watchdog.begin(input),
  elapsed: () => (performance.now() - from) / mostMs,
});
await watchdog.end();
if (save === 'save') {
  const seeds = target.seeds(new SeededRandom(Number(seed)));
  writeCorpus(name, await minimised(target, [...corpus, ...seeds, ...outcome.kept], coverage));
}
await target.close?.();
const findings = outcome.findings.map(({ what, input }) => ({ what, file: writeCrash(folder, name, input) }));
process.stdout.write(`${JSON.stringify({ ...outcome, kept: undefined, findings, corpus: readCorpus(name).length })}\n`);
