/** Which tables a result has, and what is to be doubted about it. */
import { captureLayout } from '../core/capture/tables.ts';
import type { Judged } from '../core/report/render/judged.ts';
import { ariLoadTables } from '../core/report/render/ari-load.ts';
import { budgetTable } from '../core/report/render/budget.ts';
import { comparedTable } from '../core/report/render/compared.ts';
import { boundTable } from '../core/report/render/judged.ts';
import { qualityTable } from '../core/report/render/quality.ts';
import { setUpTable } from '../core/report/render/set-up.ts';
import * as table from '../core/report/render/table.ts';
import type { Table } from '../core/report/render/table.ts';
import type { RunSource } from '../core/report/sources.ts';
import type { Result } from './report-result.ts';

export interface Layout {
  readonly title: string;
  readonly tables: readonly Table[];
  /** Why the numbers below should not be believed as they stand. */
  readonly doubts: readonly string[];
}

/** Calls whose budget is shown. */
const BUDGET_ROWS = 40;

export function layOut(result: Result): Layout {
  switch (result.kind) {
    case 'run': {
      const { name, run } = result.source;
      const { summary } = run;
      const showCalls = run.command === 'ari-serve' || run.command === 'sip-serve' || run.sip !== undefined || run.ari !== undefined;
      return {
        title: table.runTitle(name, run),
        tables: [
          table.latencyTable(summary),
          table.packetTable(summary, summary),
          table.streamTable(summary),
          qualityTable(summary),
          table.instrumentTable(summary),
          ...(run.sip === undefined ? [] : [setUpTable(run.sip)]),
          ...(run.ari === undefined ? [] : ariLoadTables(run.ari)),
          ...(run.budget === undefined ? [] : [budgetTable(run.budget, BUDGET_ROWS)]),
          ...(showCalls ? [table.callTable(run.calls)] : []),
        ],
        doubts: doubtsOf(result.source),
      };
    }
    case 'service': {
      const { name, metrics, calls } = result.source;
      return {
        title: `${name}: a live service`,
        tables: table.serviceTables(metrics, calls, metrics.calls),
        doubts: [],
      };
    }
    case 'capture':
      return captureLayout(result.source.capture);
    case 'several': {
      const { sources, merged } = result;
      const runs = sources.map(({ name, run }) => ({ name, summary: run.summary }));
      return {
        title: `${sources.length} runs`,
        tables: [table.comparisonTable(runs, merged.summary), table.packetTable(merged.summary, merged.summary)],
        doubts: sources.flatMap((source) => doubtsOf(source).map((doubt) => `${source.name}: ${doubt}`)),
      };
    }
  }
}

function doubtsOf({ run }: RunSource): readonly string[] {
  return run.summary.verdict === 'pass' ? [] : run.summary.verdict_reasons.map((reason) => `${run.summary.verdict}: ${reason}`);
}

/** The tables of what was judged. */
export function judgedTables({ sla, gate, baseline }: Judged): readonly Table[] {
  return [
    ...(sla === null ? [] : [table.checkTable(sla.checks, sla.channels)]),
    ...(gate === null ? [] : [boundTable(gate)]),
    ...(baseline === null ? [] : [comparedTable(baseline)]),
  ];
}
