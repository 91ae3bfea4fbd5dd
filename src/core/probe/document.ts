/** A probe's result as a run document. */
import { oneWayMembers } from '../oneway/document.ts';
import { buildRun } from '../report/run.ts';
import type { RunDocument, RunHost } from '../report/run.ts';
import { scoreStream } from '../stats/quality.ts';
import type { StreamScore } from '../stats/quality.ts';
import { formatHostPort } from '../values/address.ts';
import { judge } from './doubts.ts';
import type { ProbeResult } from './result.ts';
import { isG711, PCMU_AUDIO } from './source.ts';

/** What a result does not know about itself. */
export interface RunLabels {
  readonly version: string;
  readonly host: RunHost;
  /** Wall clock, ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** The target as the user wrote it. */
  readonly target: string;
  /** Why that UDP engine, one phrase. */
  readonly engineReason?: string;
}

export function probeRun(result: ProbeResult, labels: RunLabels): RunDocument {
  const { options } = result;
  const meanNs = result.latency.meanNs;
  const settled = result.received + result.lost;
  // G.107 is for telephone bandwidth: of other codecs it says nothing.
  const score = isG711((options.audio ?? PCMU_AUDIO).name)
    ? scoreStream({
        codec: 'G.711',
        packets: settled,
        lossRatio: settled === 0 ? null : result.lost / settled,
        roundTripMs: meanNs === null ? null : meanNs / 1e6,
      })
    : undefined;
  const { verdict, reasons } = judge(result);
  return buildRun({
    command: 'probe',
    version: labels.version,
    host: labels.host,
    startedAt: labels.startedAt,
    endedAt: labels.endedAt,
    durationSeconds: result.durationNs / 1e9,
    options: {
      target: labels.target,
      address: result.targets.map(({ address, port }) => formatHostPort(address, port)).join(' '),
      streams: options.streams,
      rate_pps: 1e9 / options.intervalNs,
      ptime_ms: options.ptimeNs / 1e6,
      duration_seconds: options.durationNs / 1e9,
      timeout_ms: options.timeoutNs / 1e6,
      late_threshold_ms: options.lateThresholdNs / 1e6,
      seed: options.seed,
    },
    latency: result.latency,
    sendError: result.sendError,
    hostDelay: result.hostDelay,
    counts: {
      totalChannels: options.streams,
      activeChannels: 0,
      sent: result.sent,
      received: result.received,
      lost: result.lost,
      late: result.late,
      duplicates: result.duplicates,
      reordered: result.reordered,
      inFlight: result.inFlight,
      socketDrops: result.socketDrops,
    },
    jitterMs: result.jitterMs,
    rFactor: score?.rFactor ?? null,
    mos: score?.mos ?? null,
    quality: score === undefined ? null : qualityOf(score),
    clock: result.clock,
    unstamped: result.unstamped,
    engine: result.engine,
    ...(labels.engineReason === undefined ? {} : { engineReason: labels.engineReason }),
    match: 'header',
    verdict,
    verdictReasons: reasons,
    series: result.series,
    calls: result.streams,
    ...(result.oneWay === undefined ? {} : { oneWay: oneWayMembers(result.oneWay) }),
  });
}

/** The inputs of R and MOS, and what R is the sum of, under the names of a run document. */
function qualityOf({ inputs, terms }: StreamScore): Readonly<Record<string, unknown>> {
  return {
    codec: inputs.codec,
    concealment: inputs.concealment,
    ie: inputs.ie,
    bpl: inputs.bpl,
    one_way_ms: inputs.oneWayMs,
    delay_source: inputs.delaySource,
    loss_percent: inputs.lossPercent,
    burst_r: inputs.burstR,
    packets: inputs.packets,
    ro: terms?.ro ?? null,
    is: terms?.is ?? null,
    id: terms?.id ?? null,
    ie_eff: terms?.ieEff ?? null,
    a: terms?.a ?? null,
  };
}
