/** A second as one line: for people, and for programs. */
import type { PortCounts } from '../report/metrics.ts';
import { formatCount, formatMs, formatRatio } from '../report/render/table.ts';
import type { Snapshot } from './snapshot.ts';
import { safeText } from './text.ts';

/** @param at wall clock, ISO 8601. */
export function plainLine(at: string, { metrics, health, sla, mediaPorts }: Snapshot): string {
  const parts = [health.reason === null ? health.status : `${health.status} (${safeText(health.reason)})`];
  parts.push(`calls ${formatCount(metrics.calls?.active ?? metrics.active_channels)}`);
  if (sla === null) parts.push('no call is relayed');
  else {
    const { p50_latency: p50, p95_latency: p95, p99_latency: p99, max_latency: max } = metrics;
    parts.push(`SLA ${sla.verdict}`);
    parts.push(`p50 ${withMs(p50)}, p95 ${withMs(p95)}, p99 ${withMs(p99)}, max ${withMs(max)}`);
    parts.push(`lost ${formatRatio(metrics.packet_loss_ratio)}, late ${formatRatio(metrics.late_ratio)}`);
  }
  parts.push(`ports ${portsText(mediaPorts ?? metrics.ports)}`);
  if (mediaPorts !== null && metrics.ports.total > 0) parts.push(`relay ports ${portsText(metrics.ports)}`);
  return `${at} ${parts.join('; ')}`;
}

/** @param problem as it came. */
export function plainProblem(at: string, problem: string): string {
  return `${at} no connection: ${safeText(problem)}; trying again`;
}

function withMs(ms: number | null): string {
  return ms === null ? formatMs(ms) : `${formatMs(ms)} ms`;
}

function portsText({ bound, total }: PortCounts): string {
  return `${formatCount(bound)} of ${formatCount(total)}`;
}

/** Of `--json`: the same members with and without a connection. */
interface WatchDocument {
  readonly at: string;
  /** Without credentials. */
  readonly url: string;
  readonly connected: boolean;
  /** Why there is no connection; null while there is one. */
  readonly problem: string | null;
  readonly health: Snapshot['health'] | null;
  /** null where nothing is relayed, too. */
  readonly sla: Snapshot['sla'];
  readonly metrics: Snapshot['metrics'] | null;
  readonly calls: Snapshot['calls'] | null;
}

export function jsonLine(at: string, url: string, { health, sla, metrics, calls }: Snapshot): string {
  return asJson({ at, url, connected: true, problem: null, health, sla, metrics, calls });
}

export function jsonProblem(at: string, url: string, problem: string): string {
  return asJson({ at, url, connected: false, problem, health: null, sla: null, metrics: null, calls: null });
}

/** JSON escapes the control characters below the space alone, and standard output may be a terminal. */
function asJson(document: WatchDocument): string {
  let out = '';
  for (const character of JSON.stringify(document)) {
    const isSafe = character < '\u007f' || (character > '\u00a0' && safeText(character) === character);
    out += isSafe ? character : escapedUnits(character);
  }
  return out;
}

function escapedUnits(character: string): string {
  let out = '';
  for (let i = 0; i < character.length; i++) out += `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`;
  return out;
}
