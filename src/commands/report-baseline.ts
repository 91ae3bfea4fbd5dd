/** `--baseline`, `--min-effect` and `--save-baseline` of `report`. */
import { InvalidArgumentError } from 'commander';
import type { Option } from 'commander';
import { RtplatError } from '../core/errors.ts';
import type { ComparedQuantile, Comparison } from '../core/report/baseline/compare.ts';
import type { NamedRun } from '../core/report/merge.ts';
import type { Source, SourceOptions } from '../core/report/sources.ts';
import type { CommandIo } from './io.ts';
import { fraction, option, repeated } from './options.ts';

export interface BaselineOptions {
  readonly baseline?: readonly string[];
  readonly minEffect: number;
  readonly percentiles: readonly ComparedQuantile[];
  readonly saveBaseline?: string;
}

/** The same runs give the same verdict, always. */
const SEED = 1;

export function baselineOptions(): readonly Option[] {
  return [
    option(
      '--baseline <source>',
      'compare with an earlier run (file, directory or glob; several runs are one baseline): exit status 3 when a percentile got worse, 4 when it cannot be told; may be repeated',
      { parse: repeated },
    ),
    option('--min-effect <part>', 'how much a percentile must differ from the baseline to be better or worse', {
      parse: fraction,
      default: '5%',
      env: 'RTPLAT_MIN_EFFECT',
    }),
    option('--percentiles <list>', 'which percentiles the baseline decides on: a tail needs many packets and a quiet host', {
      parse: comparedQuantiles,
      default: 'p50,p95,p99',
      env: 'RTPLAT_PERCENTILES',
    }),
    option('--save-baseline <file>', 'keep the runs as a baseline in one file, unless the verdict is against them', {}),
  ];
}

const COMPARED: ReadonlyMap<string, ComparedQuantile> = new Map([
  ['p50', 'p50_latency'],
  ['p95', 'p95_latency'],
  ['p99', 'p99_latency'],
]);

function comparedQuantiles(text: string): readonly ComparedQuantile[] {
  return text.split(',').map((word) => {
    const name = COMPARED.get(word.trim().toLowerCase());
    if (name === undefined) throw new InvalidArgumentError(`Percentiles that can be compared are ${[...COMPARED.keys()].join(', ')}.`);
    return name;
  });
}

/**
 * The runs that sources stand for, by name.
 *
 * @throws RtplatError `usage` for a live service or a capture; `format` for a file that contradicts itself.
 */
async function runsOf(sources: readonly Source[], flag: string): Promise<readonly NamedRun[]> {
  const { runsIn } = await import('../core/report/baseline/parts.ts');
  return sources.flatMap((source) => {
    if (source.kind === 'run') return runsIn(source);
    const what = source.kind === 'service' ? 'a live service, which gives out no histogram' : 'a capture';
    throw new RtplatError('usage', `${flag}: ${source.name} is ${what}: only runs can be compared`);
  });
}

/**
 * What the baseline says of the sources; null without one.
 *
 * @throws RtplatError what reading sources throws, and `usage` for a source that is its own baseline.
 */
export async function compareWithBaseline(
  sources: readonly Source[],
  { baseline, minEffect, percentiles }: BaselineOptions,
  options: SourceOptions,
): Promise<Comparison | null> {
  if (baseline === undefined) return null;
  if (baseline.includes('-')) throw new RtplatError('usage', '--baseline takes no standard input', { hint: 'name a file' });
  const [{ readSources }, { compareRuns }] = await Promise.all([
    import('../core/report/sources.ts'),
    import('../core/report/baseline/compare.ts'),
  ]);
  const now = await runsOf(sources, '--baseline');
  const before = await readSources(baseline, options);
  await refuseItself(before, sources);
  return compareRuns(await runsOf(before, '--baseline'), now, { quantiles: percentiles, minEffect, seed: SEED });
}

/** A run is never worse than itself: such a gate would be green for ever. */
async function refuseItself(before: readonly Source[], now: readonly Source[]): Promise<void> {
  const { placeOf } = await import('./report-output.ts');
  const places = new Set(await Promise.all(now.map(({ name }) => placeOf(name))));
  for (const { name } of before) {
    if (places.has(await placeOf(name))) throw new RtplatError('usage', `--baseline ${name} is a source of this report itself`);
  }
}

export interface KeptBaseline {
  readonly text: string;
  /** The first of the runs of which not even the median can be believed, by name; null when there is none. */
  readonly distrusted: string | null;
}

/** @throws RtplatError `usage` when the file is one of the sources, or there are no runs to keep. */
export async function renderBaseline(sources: readonly Source[], file: string): Promise<KeptBaseline> {
  const [{ placeOf }, { isDistrusted }, { baselineRun }, { renderJson }, { VERSION }] = await Promise.all([
    import('./report-output.ts'),
    import('../core/report/baseline/instrument.ts'),
    import('../core/report/baseline/parts.ts'),
    import('../core/report/render/json.ts'),
    import('../version.ts'),
  ]);
  const runs = await runsOf(sources, '--save-baseline');
  const place = await placeOf(file);
  for (const { name } of sources) {
    if ((await placeOf(name)) === place) throw new RtplatError('usage', `--save-baseline ${file} would replace a source of this report`);
  }
  const distrusted = runs.find(({ run }) => isDistrusted(run.summary, 0.5))?.name ?? null;
  return { text: renderJson(baselineRun(runs, VERSION)), distrusted };
}

/**
 * What is judged and did not hold is no baseline: the one that is there stays.
 *
 * @throws RtplatError `file`; `untrusted` for runs that distrust their instrument: nothing could be compared with them.
 */
export async function saveBaseline(io: CommandIo, file: string, { text, distrusted }: KeptBaseline, holds: boolean): Promise<void> {
  const { escapeControl } = await import('../core/values/terminal.ts');
  if (!holds) {
    io.stderr.write(`rtplat: ${escapeControl(file)} is left as it is: the verdict is against these runs\n`);
    return;
  }
  if (distrusted !== null) {
    throw new RtplatError('untrusted', `--save-baseline ${file}: ${distrusted} distrusts its own instrument`, {
      hint: 'measure again on a quieter host',
    });
  }
  const { writeAtomically } = await import('../core/report/files.ts');
  await writeAtomically(file, text);
}
