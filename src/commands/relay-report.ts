/** What a relay service tells while it runs and when it ends. */
import { buildRun } from '../core/report/run.ts';
import type { RunDocument, RunCommand, Verdict } from '../core/report/run.ts';
import type { RelayFleet } from '../core/relay/fleet.ts';
import type { RelayNumbers } from '../core/relay/none.ts';
import { writeAtomically } from '../core/report/files.ts';
import { renderJson } from '../core/report/render/json.ts';
import { checkTable, formatCount, formatMs, formatRatio, serviceTables, verdictTone } from '../core/report/render/table.ts';
import { checkService } from '../core/report/verdict.ts';
import type { Logger } from '../core/service/log.ts';
import { VERSION } from '../version.ts';
import { thisHost } from './host.ts';
import { widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import { paint, renderTables } from './report-view.ts';

/** A status line every `intervalNs`, when something happened since the last one; 0 for none. */
export function relayStatusReporter(fleet: RelayFleet, log: Logger, intervalNs: number): { stop(): void } {
  if (intervalNs === 0) return { stop: () => {} };
  let said = '';
  const timer = setInterval(() => {
    const metrics = fleet.metrics();
    const state = `${metrics.total_channels} ${metrics.active_channels} ${metrics.counters.from_peer} ${metrics.counters.lost}`;
    if (state === said) return;
    said = state;
    log.info(
      `calls up: ${metrics.active_channels}, so far: ${metrics.total_channels}; ${formatCount(metrics.total_latencies)} packets measured: ` +
        `p50 ${formatMs(metrics.p50_latency)} ms, p95 ${formatMs(metrics.p95_latency)} ms, p99 ${formatMs(metrics.p99_latency)} ms, ` +
        `max ${formatMs(metrics.max_latency)} ms, late ${formatRatio(metrics.late_ratio)}, lost ${formatRatio(metrics.packet_loss_ratio)}`,
    );
  }, intervalNs / 1e6);
  return { stop: () => clearInterval(timer) };
}

export interface RelayReportOptions {
  readonly command: RunCommand;
  readonly startedAt: Date;
  /** As the run file shows them; nothing secret. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly out: string | undefined;
  readonly logFormat: 'text' | 'json';
}

/** Writes the run file, when one was asked for, and prints the final report, which is all there is when the file cannot be written. */
export async function reportRelay(io: CommandIo, fleet: RelayFleet, options: RelayReportOptions): Promise<void> {
  const run = await relayRun(fleet, options);
  try {
    if (options.out !== undefined) await writeAtomically(options.out, renderJson(run));
  } finally {
    await printReport(io, fleet, run, options);
  }
}

async function printReport(io: CommandIo, fleet: RelayFleet, run: RunDocument, options: RelayReportOptions): Promise<void> {
  if (options.logFormat === 'json') {
    io.stdout.write(`${JSON.stringify({ time: run.ended_at, level: 'info', message: 'final report', summary: run.summary })}\n`);
    return;
  }
  const metrics = fleet.metrics();
  const { checks, channels, verdict } = checkService(metrics);
  const tables = [...serviceTables(metrics, run.calls), checkTable(checks, channels)];
  const chalk = await io.chalk();
  io.stdout.write(`\n${await renderTables(tables, { chalk, columns: widthOf(io.stdout) })}`);
  io.stdout.write(`verdict: ${paint(chalk, { text: verdict, tone: verdictTone(verdict) })}\n`);
}

/** The run document of everything that the fleet relayed. */
export async function relayRun(
  fleet: RelayNumbers,
  options: Pick<RelayReportOptions, 'command' | 'startedAt' | 'options'>,
): Promise<RunDocument> {
  const metrics = fleet.metrics();
  const { counters } = metrics;
  const { verdict, reasons } = trustIn(fleet, metrics.total_latencies);
  return buildRun({
    command: options.command,
    version: VERSION,
    host: thisHost(),
    startedAt: options.startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    durationSeconds: metrics.uptime_seconds,
    options: options.options,
    latency: fleet.histogram,
    sendError: null,
    hostDelay: fleet.hostDelay,
    counts: {
      totalChannels: metrics.total_channels,
      activeChannels: metrics.active_channels,
      peakChannels: metrics.peak_channels,
      sent: counters.sent,
      received: counters.returned,
      lost: counters.lost,
      late: counters.late,
      duplicates: counters.duplicates,
      reordered: counters.reordered,
      inFlight: counters.in_flight,
      socketDrops: metrics.socket_drops,
    },
    jitterMs: fleet.register.jitterMs(),
    rFactor: null,
    mos: null,
    quality: null,
    clock: metrics.clock,
    engine: metrics.engine,
    engineReason: metrics.engine_reason,
    unstamped: metrics.unstamped,
    match: 'header',
    verdict,
    verdictReasons: reasons,
    series: await fleet.series(),
    calls: fleet.calls(),
  });
}

function trustIn({ interruptions }: RelayNumbers, samples: number): { readonly verdict: Verdict; readonly reasons: readonly string[] } {
  if (interruptions > 0) {
    const reason = `the relay thread failed and was started again (${interruptions}): the seconds of the series are not known`;
    return { verdict: 'inconclusive', reasons: [reason] };
  }
  return samples === 0 ? { verdict: 'insufficient', reasons: ['no packet was measured'] } : { verdict: 'pass', reasons: [] };
}
