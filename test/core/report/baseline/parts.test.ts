import { describe, expect, it } from 'vitest';
import { baselineRun, runsIn } from '../../../../src/core/report/baseline/parts.ts';
import type { NamedRun } from '../../../../src/core/report/merge.ts';
import { parseRun } from '../../../../src/core/report/read-run.ts';
import type { RunDocument } from '../../../../src/core/report/run.ts';
import { makeRun } from '../make-run.ts';
import { simulate } from './simulate.ts';

const VERSION = '0.1.0';
const again = (run: RunDocument): NamedRun => ({ name: 'main.json', run: parseRun(JSON.stringify(run), 'main.json') });

describe('a baseline of several runs', () => {
  const runs = [1, 2, 3].map((seed) => simulate({ seed, seconds: 6, packetsPerSecond: 50 }));
  const kept = baselineRun(runs, VERSION);

  it('is a run, of all their packets', () => {
    const { run } = again(kept);
    expect(run.summary).toMatchObject({ total_latencies: 900, sent: 900, clock: 'kernel' });
    expect(run.duration_seconds).toBe(18);
    expect(run.options).toEqual(runs[0]?.run.options);
  });

  it('gives them back as they were, but for their calls', () => {
    expect(runsIn(again(kept)).map(({ run }) => run)).toEqual(runs.map(({ run }) => ({ ...run, calls: [] })));
    expect(runsIn(again(kept)).map(({ name }) => name)).toEqual(['main.json, part 1', 'main.json, part 2', 'main.json, part 3']);
  });

  it('is the same when it is kept once more', () => {
    expect(baselineRun(runsIn(again(kept)), VERSION).parts).toEqual(kept.parts);
  });

  it('keeps only the options that all have', () => {
    const other = { name: 'other', run: makeRun({ options: { target: 'udp://127.0.0.1:4000', streams: 2 } }) };
    expect(baselineRun([...runs, other], VERSION).options).toEqual({ target: 'udp://127.0.0.1:4000' });
  });

  it('lasts from the first to the end of the last', () => {
    const early = { name: 'early', run: makeRun({ startedAt: '2026-11-20T10:00:00.000Z', endedAt: '2026-11-20T10:00:10.000Z' }) };
    expect(baselineRun([...runs, early], VERSION)).toMatchObject({
      started_at: '2026-11-20T10:00:00.000Z',
      ended_at: '2026-11-21T10:00:10.000Z',
    });
  });

  it.each([
    ['no list', { parts: 3 }, '"parts" holds no runs'],
    ['an empty list', { parts: [] }, '"parts" holds no runs'],
    ['no run', { parts: [{}] }, 'main.json, part 1 is not a run'],
    ['nothing', { parts: [null] }, 'main.json, part 1 is not a run'],
    ['too few', { parts: kept.parts?.slice(1) }, 'its parts have 600 latencies, the whole has 900'],
  ])('that has %s for parts is refused', (_, wrong, message) => {
    const run = { ...again(kept).run, ...wrong };
    expect(() => runsIn({ name: 'main.json', run })).toThrow(message);
    expect(() => runsIn({ name: 'main.json', run })).toThrow(expect.objectContaining({ code: 'format' }));
  });
});

it('a baseline of one run is that run', () => {
  const run = { name: 'run.json', run: makeRun() };
  expect(baselineRun([run], VERSION)).toEqual(run.run);
  expect(runsIn(run)).toEqual([run]);
});
