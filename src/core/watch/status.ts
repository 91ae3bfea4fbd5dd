/** What heads the screen: the connection, health, verdict, calls and ports. Without a fresh snapshot every number is a dash. */
import { formatCount, formatMs, formatRatio, formatSeconds, verdictTone } from '../report/render/table.ts';
import type { PortCounts } from '../report/metrics.ts';
import type { ServiceHealth } from '../report/read-metrics.ts';
import type { ReportCheck, ReportVerdict } from '../report/verdict.ts';
import { piece, widthOfLine, wrapped } from './line.ts';
import type { Line, Piece, Tone } from './line.ts';
import type { Snapshot } from './snapshot.ts';
import { freshOf } from './state.ts';
import type { Watched, WatchState } from './state.ts';
import { safeText } from './text.ts';

export const NOT_KNOWN = '–';
/** Names of numbers stand in this many cells. */
export const NAME_WIDTH = 8;
const MOST_REASON_LINES = 3;
const MOST_CHECKS = 3;
/** Narrower terminals have the counts of calls in two lines. */
const COLUMNS_FOR_CALLS = 64;

/** What is wrong with the connection, one line; undefined while numbers come in. */
function linkProblem(watched: Watched, nowMs: number): string | undefined {
  const age = wholeSeconds(nowMs - watched.latest.atMs);
  if (watched.problem !== null) return `no connection for ${age}; trying again (${safeText(watched.problem)})`;
  return freshOf(watched, nowMs) === null ? `connected, and nothing came for ${age}` : undefined;
}

function wholeSeconds(ms: number): string {
  return formatSeconds(Math.max(0, Math.floor(ms / 1000))).replace('.0 s', ' s');
}

/** What is watched, and whether it is: one line where it fits. @param url without credentials. */
export function headLines(url: string, state: WatchState, nowMs: number, columns: number): readonly Line[] {
  const problem = linkProblem(state, nowMs);
  const { uptime_seconds: uptime } = state.latest.snapshot.metrics;
  const link = problem === undefined ? piece(`live, up ${formatSeconds(uptime)}`, 'good') : piece(problem, 'bad');
  const { paused } = state;
  const pause = paused === null ? [] : [piece(`paused for ${wholeSeconds(nowMs - paused.atMs)}`, 'doubt')];
  // What is shown while paused is not what is live now.
  const said = paused === null || problem !== undefined ? [...pause, link] : pause;
  const title = piece(safeText(url), 'title');
  const line = [title, ...said.flatMap((each) => [piece('  '), each])];
  if (widthOfLine(line) <= columns) return [line];
  return [[title], ...said.flatMap(({ text, tone }) => wrapped(text, columns, MOST_REASON_LINES).map((each): Line => [piece(each, tone)]))];
}

export function statusLines(now: Snapshot | null, columns: number): readonly Line[] {
  return [...healthLines(now?.health, columns), ...slaLines(now, columns), ...callsLines(now, columns), ...portLines(now)];
}

function named(name: string, ...pieces: readonly Piece[]): Line {
  return [piece(name.padEnd(NAME_WIDTH), 'dim'), ...pieces];
}

function healthLines(health: ServiceHealth | undefined, columns: number): readonly Line[] {
  if (health === undefined) return [named('health', piece(NOT_KNOWN))];
  const reasons = health.checks.flatMap(({ ok, reason }) => (ok || reason === null ? [] : [reason]));
  const reason = health.reason ?? reasons.join('; ');
  const tone = health.status === 'unhealthy' ? 'bad' : reason === '' ? 'good' : 'doubt';
  const text = reason === '' ? health.status : `${health.status}: ${safeText(reason)}`;
  return sentence('health', text, tone, columns);
}

/** Words in several lines where one is too narrow. */
function sentence(name: string, text: string, tone: Tone, columns: number): readonly Line[] {
  const lines = wrapped(text, Math.max(1, columns - NAME_WIDTH), MOST_REASON_LINES);
  return lines.map((line, i) => named(i === 0 ? name : '', piece(line, tone)));
}

function slaLines(now: Snapshot | null, columns: number): readonly Line[] {
  if (now === null) return [named('SLA', piece(NOT_KNOWN))];
  const { sla } = now;
  if (sla === null) return [named('SLA', piece('no call is relayed, so none is measured', 'dim'))];
  return sentence('SLA', slaText(sla), verdictTone(sla.verdict), columns);
}

/** `fail for 10 channels: late_ratio 20.152 % above 0.100 %`; what decided comes with it. */
function slaText({ verdict, checks, channels }: ReportVerdict): string {
  const why = checks.filter(({ status }) => status === verdict && status !== 'pass').map(checkText);
  const head = `${verdict} for ${formatCount(channels)} ${channels === 1 ? 'channel' : 'channels'}`;
  const more = why.length - MOST_CHECKS;
  const told = [...why.slice(0, MOST_CHECKS), ...(more > 0 ? [`and ${more} more`] : [])];
  return told.length === 0 ? head : `${head}: ${told.join(', ')}`;
}

function checkText({ name, value, bound, status, samples, needed }: ReportCheck): string {
  const [label, format] = name.endsWith('_ratio') ? ([name, formatRatio] as const) : ([name.replace('_latency', ''), withMs] as const);
  if (status === 'insufficient') return `${label} ${formatCount(samples)} of ${formatCount(needed)} samples`;
  return `${label} ${format(value)} above ${format(bound)}`;
}

function withMs(ms: number | null): string {
  return ms === null ? NOT_KNOWN : `${formatMs(ms)} ms`;
}

function callsLines(now: Snapshot | null, columns: number): readonly Line[] {
  if (now === null) return [named('calls', piece(NOT_KNOWN))];
  const { metrics } = now;
  const { calls: answered } = metrics;
  const [active, taken, peak, refused, failed] =
    answered === undefined
      ? [metrics.active_channels, metrics.total_channels, metrics.peak_channels, metrics.calls_refused, metrics.calls_failed]
      : [answered.active, answered.taken, answered.peak, answered.refused, answered.failed];
  const counts = piece(`${formatCount(active)} now, ${formatCount(taken)} so far, ${formatCount(peak)} at most`);
  const troubles = [
    piece(`${formatCount(refused)} refused, `, refused > 0 ? 'doubt' : 'plain'),
    piece(`${formatCount(failed)} failed`, failed > 0 ? 'doubt' : 'plain'),
  ];
  if (columns < COLUMNS_FOR_CALLS) return [named('calls', counts), named('', ...troubles)];
  return [named('calls', counts, piece(', '), ...troubles)];
}

function portLines(now: Snapshot | null): readonly Line[] {
  if (now === null) return [named('ports', piece(NOT_KNOWN))];
  const relay = now.metrics.ports;
  if (now.mediaPorts === null) return [portLine('ports', relay)];
  return relay.total === 0 ? [portLine('ports', now.mediaPorts)] : [portLine('ports', now.mediaPorts), portLine('relay', relay)];
}

function portLine(name: string, ports: PortCounts): Line {
  const parts = [`${formatCount(ports.bound)} of ${formatCount(ports.total)} in use`, `${formatCount(ports.free)} free`];
  if (ports.draining > 0) parts.push(`${formatCount(ports.draining)} draining`);
  const held = ports.foreign > 0 ? [piece(`, ${formatCount(ports.foreign)} held by others`, 'doubt')] : [];
  return named(name, piece(parts.join(', '), ports.free === 0 ? 'bad' : 'plain'), ...held);
}
