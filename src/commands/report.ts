/** `rtplat report`: shows run files and live services, and gives the verdict on the service level and on bounds of a user's own. */
import { Command } from 'commander';
import type { Bound } from '../core/report/gate/expression.ts';
import type { Judged } from '../core/report/render/judged.ts';
import { boundOptions, readBounds, STATUS_OF } from './bounds.ts';
import type { BoundOptions } from './bounds.ts';
import { baselineOptions, compareWithBaseline, renderBaseline, saveBaseline } from './report-baseline.ts';
import type { BaselineOptions } from './report-baseline.ts';
import { serviceToken, serviceTokenOption } from './http-options.ts';
import type { ServiceTokenOptions } from './http-options.ts';
import { widthOf } from './io.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { durationNs, option, repeated } from './options.ts';
import { FORMATS } from './report-formats.ts';
import type { Format } from './report-formats.ts';

const DEFAULT_SERVICE = 'http://127.0.0.1:9090';

interface ReportOptions extends BoundOptions, BaselineOptions, ServiceTokenOptions {
  readonly json?: true;
  readonly format?: Format;
  readonly out?: readonly string[];
  readonly sla?: true;
  readonly color: boolean;
  readonly service: string;
  readonly timeout: number;
}

export function reportCommand(io: CommandIo): Command {
  const command = new Command('report')
    .description('show run files or a live service as tables or JSON, and check them against the service level')
    .argument(
      '[source...]',
      'run file, directory, glob, capture (pcap, pcapng), - (standard input) or http://HOST:PORT; none: the service, else the newest run here or in ./runs',
    )
    .addOption(
      option(
        '-j, --json',
        'the same as --format json: print the document; for several sources, all of them with what they make together',
        {},
      ),
    )
    .addOption(option('-f, --format <format>', 'what standard output gets; table unless given', { choices: FORMATS }))
    .addOption(
      option(
        '-o, --out <file>',
        'write the report to a file as well, in the form of its ending (.txt .json .md .xml .csv .prom .hgrm .html); may be repeated',
        {
          parse: repeated,
        },
      ),
    )
    .addOption(
      option('--sla', 'give the service-level verdict: exit status 3 when a bound is violated, 4 when the numbers cannot be trusted', {}),
    )
    .addOption(option('--service <url>', 'service to ask when no source is named', { default: DEFAULT_SERVICE, env: 'RTPLAT_SERVICE' }))
    .addOption(serviceTokenOption())
    .addOption(
      option('--timeout <duration>', 'how long a service may take to answer', {
        parse: durationNs({ atLeastNs: 1e6 }),
        default: '5s',
        env: 'RTPLAT_TIMEOUT',
      }),
    )
    .addOption(option('--no-color', 'no colours, as with the environment variable NO_COLOR', {}));
  for (const each of [...boundOptions(), ...baselineOptions()]) command.addOption(each);
  return command
    .addHelpText(
      'after',
      `
Examples:
  $ rtplat report                                 the service on port 9090, else the newest run
  $ rtplat report run.json --sla                  a verdict for a pipeline
  $ rtplat report run.json --fail-on 'p99<20ms' --fail-on 'loss<0.2%'
  $ rtplat report 'new/*.json' --baseline main.json    better, same or worse than before
  $ rtplat report run.json --sla --out verdict.xml --out verdict.md
  $ rtplat report run.json --out report.html      a page with charts, in one file
  $ rtplat report 'runs/*.json' --json            several runs, merged exactly
  $ rtplat report call.pcapng                     the RTP streams and round trips in a capture
  $ rtplat probe udp://host:4000 --json | rtplat report -`,
    )
    .action(async (names: readonly string[], options: ReportOptions) => {
      const status = await report(names, options, io);
      if (status !== 0) io.exit(status);
    });
}

async function report(names: readonly string[], options: ReportOptions, io: CommandIo): Promise<ExitStatus> {
  const output = await import('./report-output.ts');
  const format = await formatOf(options);
  const files = output.outFiles(options.out ?? []);
  const bounds = await readBounds(options, io);
  if (bounds === undefined) return 2;
  output.refuseEmptyVerdict(
    [format, ...files.map((file) => file.format)],
    options.sla === true || bounds.length > 0 || options.baseline !== undefined,
  );
  const { readSources } = await import('../core/report/sources.ts');
  const reading = {
    directory: process.cwd(),
    stdin: io.stdin,
    timeoutMs: options.timeout / 1e6,
    defaultService: options.service,
    token: await serviceToken(options, io.env),
    withRows: needsRows([format, ...files.map((file) => file.format)], bounds, options),
  };
  const sources = await readSources(names, reading);
  const { evaluate, gateSubjects } = await import('./report-result.ts');
  const { isJudged, judgedLines, verdictOf } = await import('../core/report/render/judged.ts');
  const { checkBounds } = await import('../core/report/gate/check.ts');
  const result = evaluate(sources);
  const judged: Judged = {
    sla: options.sla === true ? result.verdict : null,
    gate: bounds.length > 0 ? checkBounds(bounds, gateSubjects(result)) : null,
    baseline: await compareWithBaseline(sources, options, reading),
  };
  const status = isJudged(judged) ? STATUS_OF[verdictOf(judged)] : 0;
  const { saveBaseline: keepAs } = options;
  const kept = keepAs === undefined ? undefined : await renderBaseline(sources, keepAs);
  const plain = new (await import('chalk')).Chalk({ level: 0 });
  const view = { chalk: options.color ? await io.chalk() : plain, columns: widthOf(io.stdout) };
  const shown = await output.renderAs(format, result, judged, view);
  const texts = await output.renderFiles(files, result, judged, plain);
  await output.addStepSummary(io, result, judged, plain);
  try {
    await output.writeFiles(texts);
    if (keepAs !== undefined && kept !== undefined) await saveBaseline(io, keepAs, kept, status === 0);
  } finally {
    // A file that cannot be written does not take the verdict with it.
    io.stdout.write(shown);
    if (isJudged(judged) && format !== 'table') io.stderr.write(judgedLines(judged));
  }
  return status;
}

/** Whether anything of several runs is shown, judged or kept that is not in their summaries and histograms. */
function needsRows(formats: readonly Format[], bounds: readonly Bound[], { baseline, saveBaseline: keepAs }: ReportOptions): boolean {
  if (baseline !== undefined || keepAs !== undefined) return true;
  return formats.some((format) => !WITHOUT_ROWS.has(format)) || bounds.some(({ scope }) => scope === 'call');
}

/** What has no rows of seconds or calls when it is of several runs. */
const WITHOUT_ROWS: ReadonlySet<Format> = new Set(['table', 'markdown', 'junit', 'prometheus', 'hgrm']);

async function formatOf({ json, format }: ReportOptions): Promise<Format> {
  if (json !== true || format === undefined || format === 'json') return format ?? (json === true ? 'json' : 'table');
  const { RtplatError } = await import('../core/errors.ts');
  throw new RtplatError('usage', `--json and --format ${format} are two forms for one standard output`, {
    hint: 'write one of them to a file with --out',
  });
}
