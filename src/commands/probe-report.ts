/** The end of a probe: its document written and shown, bounds checked, the exit status. */
import type { GateResult } from '../core/report/gate/check.ts';
import type { Bound } from '../core/report/gate/expression.ts';
import type { NamedRun } from '../core/report/merge.ts';
import type { RunDocument } from '../core/report/run.ts';
import { STATUS_OF } from './bounds.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { writeGate } from './probe-view.ts';

export interface ReportedRun extends NamedRun {
  readonly bounds: readonly Bound[];
  /** What is shown where no JSON is wanted. */
  readonly table: () => Promise<string>;
}

/** @returns what the bounds say; null without a bound. @throws RtplatError `file` when the document cannot be written, after it was shown. */
export async function writeRun(
  io: CommandIo,
  options: { readonly out?: string; readonly json?: true },
  { name, run, bounds, table }: ReportedRun,
): Promise<GateResult | null> {
  const gate = await gateOf(bounds, { name, run });
  const { renderJson } = await import('../core/report/render/json.ts');
  try {
    if (options.out !== undefined) {
      const { writeAtomically } = await import('../core/report/files.ts');
      await writeAtomically(options.out, renderJson(run));
    }
  } finally {
    // All there is of the measurement when the file cannot be written.
    if (options.json === true) io.stdout.write(renderJson(run));
    else io.stdout.write(await table());
    if (gate !== null) await writeGate(io, gate, options.json === true);
  }
  return gate;
}

/** null without a bound. */
async function gateOf(bounds: readonly Bound[], run: NamedRun): Promise<GateResult | null> {
  if (bounds.length === 0) return null;
  const [{ checkBounds }, { runSubjects }] = await Promise.all([
    import('../core/report/gate/check.ts'),
    import('../core/report/gate/subject.ts'),
  ]);
  return checkBounds(bounds, runSubjects(run));
}

export function statusOf(run: RunDocument, gate: GateResult | null): ExitStatus {
  if (run.summary.received === 0) return 1;
  if (gate !== null && gate.verdict !== 'pass') return STATUS_OF[gate.verdict];
  return run.summary.verdict === 'inconclusive' ? 4 : 0;
}
