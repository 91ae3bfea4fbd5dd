/** What `rtplat echo` says while it runs, and when it ends. */
import { echoNumbers, refusedSince } from '../core/echo/documents.ts';
import { NONE_REFUSED } from '../core/echo/memory.ts';
import type { EchoCounters } from '../core/echo/memory.ts';
import type { Spread } from '../core/report/metrics.ts';
import type { Logger } from '../core/service/log.ts';
import { widthOf } from './io.ts';
import type { CommandIo } from './io.ts';
import type { Serving } from './serving.ts';

/** A line when something came, or went wrong, since the last one. */
export function statusReporter(counters: () => EchoCounters, lastError: () => string | null, log: Logger): () => void {
  // What came before this line was reached is news too.
  let last: EchoCounters = { ...counters(), packets: 0, sendErrors: 0, socketDrops: 0, refusals: NONE_REFUSED };
  let lastMs = performance.now();
  return () => {
    const now = counters();
    const nowMs = performance.now();
    const rate = (now.packets - last.packets) / ((nowMs - lastMs) / 1e3);
    lastMs = nowMs;
    const trouble = [
      now.sendErrors > last.sendErrors ? `${now.sendErrors - last.sendErrors} not sent (${lastError() ?? 'refused by the kernel'})` : '',
      (now.socketDrops ?? 0) > (last.socketDrops ?? 0)
        ? `${(now.socketDrops ?? 0) - (last.socketDrops ?? 0)} dropped in the receive buffer`
        : '',
      refusalText(last, now),
    ].filter((text) => text !== '');
    // A packet is counted before it is judged, and this thread may look between the two: a refusal is news without a new packet.
    if (now.packets === last.packets && trouble.length === 0) return;
    last = now;
    const line = `${now.packets} packets, ${now.bytes} bytes, ${Math.round(rate)} packets/s`;
    const fields = { ...echoNumbers(now), last_over_rate: now.lastOverRate };
    if (trouble.length === 0) log.info(line, fields);
    else log.warn(`${line}, ${trouble.join(', ')}`, fields);
  };
}

/** Who has many calls wants to know how to be let in. */
function refusalText(last: EchoCounters, now: EchoCounters): string {
  const text = refusedSince(last, now);
  if (text === '') return '';
  const { source_rate: bySource, total_rate: byTotal } = now.refusals;
  const overRate = bySource > last.refusals.source_rate || byTotal > last.refusals.total_rate;
  return `not answered: ${text}${overRate && now.lastOverRate !== null ? ` (the last from ${now.lastOverRate}; --allow lifts the caps)` : ''}`;
}

interface EchoSummary {
  readonly counters: EchoCounters;
  readonly seconds: number;
  /** Milliseconds; null where only our own clock stamps. */
  readonly hostDelay: Spread | null;
  /** Packets of each worker. */
  readonly shares: readonly number[];
}

export async function summarize(io: CommandIo, around: Serving, format: 'text' | 'json', summary: EchoSummary): Promise<void> {
  const { counters, seconds, hostDelay, shares } = summary;
  if (format === 'json') {
    around.final('echo stopped', {
      ...echoNumbers(counters),
      last_over_rate: counters.lastOverRate,
      host_delay_p50_ms: hostDelay?.p50 ?? null,
      host_delay_p99_ms: hostDelay?.p99 ?? null,
      host_delay_max_ms: hostDelay?.max ?? null,
      worker_packets: shares,
      uptime_seconds: seconds,
    });
    return;
  }
  if (around.logsElsewhere) around.log.info(`echo stopped after ${counters.packets} packets, ${counters.bytes} bytes`);
  const [{ pairTable }, { formatCount, formatMs }] = await Promise.all([import('./table.ts'), import('../core/report/render/table.ts')]);
  const delay = (value: number | undefined): string => formatMs(value ?? null);
  const refusals = counters.refused === 0 ? '' : ` (${refusedSince({ ...counters, refusals: NONE_REFUSED }, counters)})`;
  io.stdout.write(
    pairTable(
      'echo stopped',
      [
        ['time', `${seconds.toFixed(1)} s`],
        ['packets received', formatCount(counters.packets)],
        ['bytes received', formatCount(counters.bytes)],
        ['packets returned', formatCount(counters.sent - counters.sendErrors)],
        ['packets per second', (counters.packets / Math.max(seconds, 1e-3)).toFixed(1)],
        ['not sent', formatCount(counters.sendErrors)],
        ['not answered', `${formatCount(counters.refused)}${refusals}`],
        ['dropped in the receive buffer', formatCount(counters.socketDrops)],
        ['host delay p50, p99, max, ms', [hostDelay?.p50, hostDelay?.p99, hostDelay?.max].map(delay).join(', ')],
        ...(shares.length === 1 ? [] : ([['packets of each worker', shares.map(formatCount).join(', ')]] as const)),
      ],
      await io.chalk(),
      widthOf(io.stdout),
    ),
  );
}
