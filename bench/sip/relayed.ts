/** Calls through `relay`: sip-serve without an Asterisk, and `rtplat echo`. */
import { setTimeout as delay } from 'node:timers/promises';
import type { SipMetricsDocument } from '../../src/core/sip-server/metrics.ts';
import { PHONES } from '../calls/callers.ts';
import type { Pacing } from '../calls/callers.ts';
import type { Bars } from '../lib/bars.ts';
import { start } from '../lib/process.ts';
import { rtplatArgs } from '../lib/rtplat.ts';
import { newFolder } from './caller.ts';
import { startSipServe } from './servers.ts';

const ECHO_PORT = 4000;
const CALLS_PER_SECOND = 25;
/** Until the last packet has come back, or been given up. */
const SETTLE_MS = 2500;

export interface RelayedForm {
  readonly calls: number;
  readonly seconds: number;
}

export interface RelayedResult {
  readonly form: RelayedForm;
  readonly metrics: SipMetricsDocument;
  readonly phones: Pacing;
  readonly echo: { readonly packets: number; readonly send_errors: number; readonly socket_drops: number | null };
}

export async function measureRelayed(form: RelayedForm): Promise<RelayedResult> {
  const { calls, seconds } = form;
  const echoArgs = ['--port', String(ECHO_PORT), '--bind', '127.0.0.1', '--status-interval', '0', '--log-format', 'json'];
  const echo = await start(process.execPath, rtplatArgs('echo', ...echoArgs), { readyLine: /echo listening on/ });
  const server = await startSipServe({
    ...{ port: 5070, httpPort: 8080, rtp: 10_000, level: 'info', behavior: { mode: 'relay', auto_answer_delay_ms: 0 } },
    more: `[relay]\necho_port = ${ECHO_PORT}`,
  });
  const target = `127.0.0.1:${server.port}`;
  const callers = await PHONES.start({ folder: newFolder(), calls, callsPerSecond: CALLS_PER_SECOND, target });
  await Promise.race([callers.done, server.active(calls)]);
  await Promise.race([callers.done, delay(seconds * 1000)]);
  const phones = await callers.silence();
  await delay(SETTLE_MS);
  const metrics = await server.metrics();
  await server.running.stop();
  await callers.done;
  const told = await echo.stop('SIGINT');
  if (metrics.total_latencies === 0 || phones === null) throw new Error('sip-serve has relayed nothing');
  const [summary] = told
    .split('\n')
    .flatMap((line) => (line.includes('"socket_drops"') ? [JSON.parse(line) as RelayedResult['echo']] : []));
  if (summary === undefined) throw new Error(`the echo did not say what it did:\n${told}`);
  return { form, metrics, phones, echo: summary };
}

export function relayedTable({ form, metrics, phones, echo }: RelayedResult, bars: Bars): string {
  const { counters } = metrics;
  const dropped = (metrics.socket_drops ?? 0) + (echo.socket_drops ?? 0) + counters.send_errors + echo.send_errors;
  const lost = counters.lost + dropped + (counters.to_peer - phones.received);
  const verdict = bars.atMost(`${form.calls} relayed calls: packets lost`, lost, 0);
  const ms = (value: number | null): string => (value === null ? '–' : value.toFixed(2));
  const head = ['calls', 'packets measured', 'lost between the phones', 'latency p50 / p99 / max, ms', 'late', 'bar'];
  const late = metrics.late_ratio === null ? '–' : `${(100 * metrics.late_ratio).toFixed(2)} %`;
  const latency = [metrics.p50_latency, metrics.p99_latency, metrics.max_latency].map(ms).join(' / ');
  const cells = [`${form.calls} through \`relay\`, 50 packets/s each`, metrics.total_latencies, lost, latency, late, verdict];
  return [`| ${head.join(' | ')} |`, `|${head.map(() => '---|').join('')}`, `| ${cells.join(' | ')} |`].join('\n');
}
