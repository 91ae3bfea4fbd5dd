/**
 * A baseline as a file: one run, or several as one run document that carries each of them in `parts`. So every reader of runs can read
 * it, and a later comparison still sees by how much the runs differed. Parts leave out the rows of calls.
 */
import { RtplatError } from '../../errors.ts';
import { mergeRuns } from '../merge.ts';
import type { NamedRun } from '../merge.ts';
import { parseRun } from '../read-run.ts';
import { RUN_SCHEMA } from '../run.ts';
import type { RunDocument } from '../run.ts';

export interface BaselineRun extends RunDocument {
  /** Missing in a run that stands for itself. */
  readonly parts?: readonly RunDocument[];
}

/**
 * @param runs those of {@link runsIn}, one at least.
 * @param version of rtplat.
 */
export function baselineRun(runs: readonly NamedRun[], version: string): BaselineRun {
  const [first] = runs;
  if (first === undefined) throw new RangeError('there is no run to keep');
  if (runs.length === 1) return first.run;
  const documents = runs.map(({ run }) => run);
  const { summary, histogram, send_error_histogram: sendErrors } = mergeRuns(runs);
  const { host, command } = first.run;
  return {
    schema: RUN_SCHEMA,
    tool: { name: 'rtplat', version },
    host,
    command,
    // As rtplat writes them, all in UTC and of one length: text sorts as time does.
    started_at: documents.map((run) => run.started_at).toSorted()[0] ?? first.run.started_at,
    ended_at:
      documents
        .map((run) => run.ended_at)
        .toSorted()
        .at(-1) ?? first.run.ended_at,
    duration_seconds: documents.reduce((total, run) => total + run.duration_seconds, 0),
    options: commonOptions(documents),
    summary,
    histogram,
    ...(sendErrors !== undefined && { send_error_histogram: sendErrors }),
    series: [],
    calls: [],
    parts: documents.map((run) => Object.assign({}, run, { calls: [] })),
  };
}

/**
 * The runs that a run document stands for: its parts, or itself.
 *
 * @throws RtplatError `format` when a part is no run, or the parts are not what the whole says.
 */
export function runsIn({ name, run }: NamedRun): readonly NamedRun[] {
  const { parts } = run as { readonly parts?: unknown };
  if (parts === undefined) return [{ name, run }];
  if (!Array.isArray(parts) || parts.length === 0) throw new RtplatError('format', `${name} is not a valid run: "parts" holds no runs`);
  const runs = parts.map((part: unknown, i): NamedRun => {
    const partName = `${name}, part ${i + 1}`;
    return { name: partName, run: parseRun(JSON.stringify(part) ?? '', partName) };
  });
  const samples = runs.reduce((total, part) => total + part.run.summary.total_latencies, 0);
  if (samples === run.summary.total_latencies) return runs;
  throw new RtplatError(
    'format',
    `${name} is not a valid run: its parts have ${samples} latencies, the whole has ${run.summary.total_latencies}`,
  );
}

function commonOptions(runs: readonly RunDocument[]): RunDocument['options'] {
  const [first, ...others] = runs;
  const entries = Object.entries(first?.options ?? {});
  return Object.fromEntries(
    entries.filter(([name, value]) => others.every(({ options }) => JSON.stringify(options[name]) === JSON.stringify(value))),
  );
}
