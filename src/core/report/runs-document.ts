/** `rtplat.runs/1`: what `report --json` prints of several runs; `schema/rtplat.runs-1.schema.json` is generated from its form. */
import * as v from 'valibot';
import type { MergedDocument, NamedRun } from './merge.ts';
import { HistogramSchema, RunSchema, RunSummarySchema } from './read-run.ts';
import { VERDICTS } from './run.ts';
import type { RunDocument, Verdict } from './run.ts';
import type { ReportCheck, ReportVerdict } from './verdict.ts';

export const RUNS_SCHEMA = 'rtplat.runs/1';

export interface RunsDocument {
  readonly schema: typeof RUNS_SCHEMA;
  readonly runs: readonly RunDocument[];
  readonly merged: MergedDocument;
  /** On the service level. */
  readonly checks: readonly ReportCheck[];
  readonly verdict: Verdict;
}

export function runsDocument(runs: readonly NamedRun[], merged: MergedDocument, { checks, verdict }: ReportVerdict): RunsDocument {
  return { schema: RUNS_SCHEMA, runs: runs.map(({ run }) => run), merged, checks, verdict };
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

export const RunsSchema: v.GenericSchema<unknown, RunsDocument> = v.looseObject({
  schema: v.literal(RUNS_SCHEMA),
  runs: v.array(RunSchema),
  merged: v.looseObject({
    runs: count,
    summary: RunSummarySchema,
    histogram: HistogramSchema,
    send_error_histogram: v.exactOptional(HistogramSchema),
  }),
  checks: v.array(
    v.looseObject({
      name: v.string(),
      bound: v.pipe(v.number(), v.minValue(0)),
      value: v.nullable(v.number()),
      status: v.picklist(VERDICTS),
      samples: count,
      needed: v.exactOptional(count),
    }),
  ),
  verdict: v.picklist(VERDICTS),
});
