/** What the sources of `rtplat report` make together: one run, one live service, or several runs as one. */
import { checkCapture } from '../core/capture/verdict.ts';
import { RtplatError } from '../core/errors.ts';
import { baselineDocument } from '../core/report/baseline/document.ts';
import { callSubject, runSubject, runSubjects, serviceSubject, tripSubject } from '../core/report/gate/subject.ts';
import type { GateSubjects } from '../core/report/gate/subject.ts';
import { gateDocument } from '../core/report/gate/document.ts';
import { mergeRuns } from '../core/report/merge.ts';
import type { MergedDocument } from '../core/report/merge.ts';
import { runsDocument } from '../core/report/runs-document.ts';
import type { Judged } from '../core/report/render/judged.ts';
import type { ServiceSource } from '../core/report/service-source.ts';
import type { CaptureSource, RunSource, Source } from '../core/report/sources.ts';
import { checkRun, checkService } from '../core/report/verdict.ts';
import type { ReportVerdict } from '../core/report/verdict.ts';

export type Result =
  | { readonly kind: 'run'; readonly source: RunSource; readonly verdict: ReportVerdict }
  | { readonly kind: 'service'; readonly source: ServiceSource; readonly verdict: ReportVerdict }
  | { readonly kind: 'capture'; readonly source: CaptureSource; readonly verdict: ReportVerdict }
  | { readonly kind: 'several'; readonly sources: readonly RunSource[]; readonly merged: MergedDocument; readonly verdict: ReportVerdict };

/** @throws RtplatError `usage` for a live service or a capture beside other sources. */
export function evaluate(sources: readonly Source[]): Result {
  const [first] = sources;
  if (first !== undefined && sources.length === 1) {
    switch (first.kind) {
      case 'run':
        return { kind: 'run', source: first, verdict: checkRun(first.run.summary) };
      case 'service':
        return { kind: 'service', source: first, verdict: checkService(first.metrics) };
      case 'capture':
        return { kind: 'capture', source: first, verdict: checkCapture(first.capture) };
    }
  }
  const alone = sources.find((source) => source.kind !== 'run');
  if (alone !== undefined) {
    const why =
      alone.kind === 'service'
        ? 'a live service and can only be reported alone: it gives out no histogram to merge'
        : 'a capture and can only be reported alone: it is no run to merge';
    throw new RtplatError('usage', `${alone.name} is ${why}`);
  }
  const runs = sources.filter((source) => source.kind === 'run');
  const merged = mergeRuns(runs);
  return { kind: 'several', sources: runs, merged, verdict: checkRun(merged.summary) };
}

/** The document as `--json` prints it, with what the bounds and the baseline said where any were given. */
export function documentOf(result: Result, { gate, baseline }: Judged): object {
  return {
    ...bareDocument(result),
    ...(gate !== null && { gate: gateDocument(gate) }),
    ...(baseline !== null && { baseline: baselineDocument(baseline) }),
  };
}

function bareDocument(result: Result): object {
  switch (result.kind) {
    case 'run':
      return result.source.run;
    case 'service':
      return { ...result.source.metrics, channels: result.source.calls };
    case 'capture':
      return result.source.capture;
    case 'several':
      return runsDocument(result.sources, result.merged, result.verdict);
  }
}

/** What bounds are checked on. */
export function gateSubjects(result: Result): GateSubjects {
  switch (result.kind) {
    case 'run':
      return runSubjects(result.source);
    case 'service': {
      const { name, metrics, calls } = result.source;
      const all = serviceSubject(name, metrics);
      return { all, runs: [all], calls: calls.map((call) => callSubject(call, all, '')) };
    }
    case 'capture': {
      const { name, capture } = result.source;
      // What the capture itself has lost cannot be told from what was lost on the way.
      const all = tripSubject(name, capture.round_trips, (capture.frames.dropped ?? 0) > 0);
      return { all, runs: [all], calls: [] };
    }
    case 'several': {
      const runs = result.sources.map(({ name, run }) => ({ run, subject: runSubject(name, run.summary, run.histogram) }));
      return {
        all: runSubject('all, merged', result.merged.summary, result.merged.histogram),
        runs: runs.map(({ subject }) => subject),
        calls: runs.flatMap(({ run, subject }) => run.calls.map((call) => callSubject(call, subject, `${subject.name}: `))),
      };
    }
  }
}
