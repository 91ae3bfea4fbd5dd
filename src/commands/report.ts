/** `rtplat report`: shows run files and live services, and gives the service-level verdict. */
import { Command } from 'commander';
import type { MergedDocument } from '../core/report/merge.ts';
import type * as tables from '../core/report/render/table.ts';
import type { Table } from '../core/report/render/table.ts';
import type { RunSource, ServiceSource, Source } from '../core/report/sources.ts';
import type { ReportVerdict } from '../core/report/verdict.ts';
import { widthOf } from './io.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { durationNs, option } from './options.ts';

const DEFAULT_SERVICE = 'http://127.0.0.1:9090';

interface ReportOptions {
  readonly json?: true;
  readonly sla?: true;
  readonly color: boolean;
  readonly service: string;
  readonly timeout: number;
}

export function reportCommand(io: CommandIo): Command {
  return new Command('report')
    .description('show run files or a live service as tables or JSON, and check them against the service level')
    .argument(
      '[source...]',
      'run file, directory, glob, - (standard input) or http://HOST:PORT; none: the service, else the newest run here or in ./runs',
    )
    .addOption(option('-j, --json', 'print the document; for several sources, all of them with what they make together', {}))
    .addOption(
      option('--sla', 'give the service-level verdict: exit status 3 when a bound is violated, 4 when the numbers cannot be trusted', {}),
    )
    .addOption(option('--service <url>', 'service to ask when no source is named', { default: DEFAULT_SERVICE, env: 'RTPLAT_SERVICE' }))
    .addOption(
      option('--timeout <duration>', 'how long a service may take to answer', {
        parse: durationNs({ atLeastNs: 1e6 }),
        default: '5s',
        env: 'RTPLAT_TIMEOUT',
      }),
    )
    .addOption(option('--no-color', 'no colours, as with the environment variable NO_COLOR', {}))
    .addHelpText(
      'after',
      `
Examples:
  $ rtplat report                                 the service on port 9090, else the newest run
  $ rtplat report run.json --sla                  a verdict for a pipeline
  $ rtplat report 'runs/*.json' --json            several runs, merged exactly
  $ rtplat probe udp://host:4000 --json | rtplat report -`,
    )
    .action(async (names: readonly string[], options: ReportOptions) => {
      const status = await report(names, options, io);
      if (status !== 0) io.exit(status);
    });
}

async function report(names: readonly string[], options: ReportOptions, io: CommandIo): Promise<ExitStatus> {
  const { readSources } = await import('../core/report/sources.ts');
  const sources = await readSources(names, {
    directory: process.cwd(),
    stdin: io.stdin,
    timeoutMs: options.timeout / 1e6,
    defaultService: options.service,
  });
  const result = await evaluate(sources);
  if (options.json === true) {
    const { renderJson } = await import('../core/report/render/json.ts');
    io.stdout.write(renderJson(documentOf(result)));
    if (options.sla === true) io.stderr.write(verdictLines(result.verdict));
  } else {
    await show(result, options, io);
  }
  return options.sla === true ? statusOf(result.verdict) : 0;
}

type Result =
  | { readonly kind: 'run'; readonly source: RunSource; readonly verdict: ReportVerdict }
  | { readonly kind: 'service'; readonly source: ServiceSource; readonly verdict: ReportVerdict }
  | { readonly kind: 'several'; readonly sources: readonly RunSource[]; readonly merged: MergedDocument; readonly verdict: ReportVerdict };

/** @throws RtplatError `usage` for a live service beside other sources: it gives out no histogram to merge. */
async function evaluate(sources: readonly Source[]): Promise<Result> {
  const { checkRun, checkService } = await import('../core/report/verdict.ts');
  const [first] = sources;
  if (first !== undefined && sources.length === 1) {
    return first.kind === 'run'
      ? { kind: 'run', source: first, verdict: checkRun(first.run.summary) }
      : { kind: 'service', source: first, verdict: checkService(first.metrics) };
  }
  const runs = sources.filter((source) => source.kind === 'run');
  const service = sources.find((source) => source.kind === 'service');
  if (service !== undefined) {
    const { RtplatError } = await import('../core/errors.ts');
    throw new RtplatError('usage', `${service.name} is a live service and can only be reported alone: it gives out no histogram to merge`);
  }
  const { mergeRuns } = await import('../core/report/merge.ts');
  const merged = mergeRuns(runs);
  return { kind: 'several', sources: runs, merged, verdict: checkRun(merged.summary) };
}

function documentOf(result: Result): object {
  switch (result.kind) {
    case 'run':
      return result.source.run;
    case 'service':
      return { ...result.source.metrics, channels: result.source.calls };
    case 'several':
      return {
        runs: result.sources.map(({ run }) => run),
        merged: result.merged,
        checks: result.verdict.checks,
        verdict: result.verdict.verdict,
      };
  }
}

async function show(result: Result, options: ReportOptions, io: CommandIo): Promise<void> {
  const table = await import('../core/report/render/table.ts');
  const { paint, renderTables } = await import('./report-view.ts');
  const { title, tables, doubts } = layOut(result, table);
  const level = options.color ? undefined : 0;
  const chalk = level === undefined ? await io.chalk() : new (await import('chalk')).Chalk({ level });
  const view = { chalk, columns: widthOf(io.stdout) };
  io.stdout.write(`${title}\n\n${await renderTables(tables, view)}`);
  for (const doubt of doubts) io.stdout.write(`${paint(chalk, { text: doubt, tone: 'doubt' })}\n`);
  if (options.sla !== true) return;
  const { checks, channels, verdict } = result.verdict;
  io.stdout.write(`\n${await renderTables([table.checkTable(checks, channels)], view)}`);
  io.stdout.write(`verdict: ${paint(chalk, { text: verdict, tone: table.verdictTone(verdict) })}\n`);
}

interface Layout {
  readonly title: string;
  readonly tables: readonly Table[];
  /** Why the numbers below should not be believed as they stand. */
  readonly doubts: readonly string[];
}

function layOut(result: Result, table: typeof tables): Layout {
  switch (result.kind) {
    case 'run': {
      const { name, run } = result.source;
      const { summary } = run;
      const showCalls = run.command === 'ari-serve' || run.command === 'sip-serve';
      return {
        title: table.runTitle(name, run),
        tables: [
          table.latencyTable(summary),
          table.packetTable(summary, summary),
          table.streamTable(summary),
          table.instrumentTable(summary),
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

/** Plain lines for the eye of whoever pipes the JSON away. */
function verdictLines({ checks, verdict }: ReportVerdict): string {
  const open = checks.filter(({ status }) => status !== 'pass');
  return [
    ...open.map(({ name, bound, value, status }) => `${name}: ${status}: ${value ?? '–'}, bound ${bound}`),
    `verdict: ${verdict}`,
    '',
  ].join('\n');
}

function statusOf({ verdict }: ReportVerdict): ExitStatus {
  switch (verdict) {
    case 'pass':
      return 0;
    case 'fail':
      return 3;
    case 'insufficient':
    case 'inconclusive':
      return 4;
  }
}
