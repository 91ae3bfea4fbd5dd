/** What an echo tells of itself: in JSON, to Prometheus, and in a line. */
import { REFUSALS } from '../guard/guard.ts';
import type { Refusal } from '../guard/guard.ts';
import { expose } from '../report/render/exposition.ts';
import { FamilyList } from '../report/render/families.ts';
import type { MetricFamily } from '../report/render/families.ts';
import { negotiate } from '../report/render/negotiate.ts';
import { json } from '../service/http.ts';
import type { HttpAnswer, HttpRequest } from '../service/http.ts';
import type { HttpCounts } from '../service/http-counts.ts';
import type { EchoCounters } from './memory.ts';

type EchoNumbers = Readonly<Record<string, number | null>>;

/** The counters, flat: of a log line and of `GET /metrics`. */
export function echoNumbers(counters: EchoCounters): EchoNumbers {
  return {
    packets: counters.packets,
    bytes: counters.bytes,
    sent: counters.sent,
    send_errors: counters.sendErrors,
    refused: counters.refused,
    ...Object.fromEntries(REFUSALS.map((name) => [`refused_${name}`, counters.refusals[name]])),
    socket_drops: counters.socketDrops,
    unstamped: counters.unstamped,
  };
}

/** What is not known is left out, never 0. */
export function echoFamilies(counters: EchoCounters, uptimeSeconds: number): readonly MetricFamily[] {
  const families = new FamilyList();
  families.counter('echo_packets', 'Datagrams received.', counters.packets);
  families.counter('echo_bytes', 'Bytes received, UDP payload.', counters.bytes);
  families.counter('echo_sent_packets', 'Datagrams handed back to the kernel, those it then refused included.', counters.sent);
  families.counter('echo_send_errors', 'Datagrams that the kernel refused to send.', counters.sendErrors);
  families.counter(
    'echo_refused_packets',
    'Datagrams not answered, by why.',
    REFUSALS.map((reason) => [counters.refusals[reason], { reason }]),
  );
  families.counter('echo_socket_drops', 'Datagrams that the kernel dropped since the receive buffer was full.', counters.socketDrops);
  families.gauge('echo_uptime_seconds', 'Time since the echo started.', uptimeSeconds);
  return families.list();
}

export interface EchoRouteSources {
  readonly counters: () => EchoCounters;
  readonly uptimeSeconds: () => number;
  /** Of the HTTP service itself. */
  readonly http: HttpCounts;
}

export function echoRoutes({ counters, uptimeSeconds, http }: EchoRouteSources): (request: HttpRequest) => HttpAnswer | undefined {
  return ({ path, accept }) => {
    switch (path) {
      case '/health':
        return json(200, { status: 'healthy', uptime_seconds: uptimeSeconds() });
      case '/metrics': {
        const format = negotiate(accept);
        if (format === 'json') return json(200, { ...echoNumbers(counters()), uptime_seconds: uptimeSeconds() });
        return { status: 200, ...expose([...echoFamilies(counters(), uptimeSeconds()), ...http.families()], format) };
      }
      default:
        return undefined;
    }
  };
}

const WORDS: Readonly<Record<Refusal, string>> = {
  port: 'from a port that echoes or servers have',
  not_allowed: 'not allowed',
  not_rtp: 'not RTP',
  rtcp: 'RTCP',
  token: 'without a token',
  source_rate: 'over --source-rate',
  total_rate: 'over --total-rate',
  loop: 'going round in a loop',
};

/** `12 over --source-rate, 1 RTCP`: what was refused since the counters of `before`; empty when nothing was. */
export function refusedSince(before: EchoCounters, now: EchoCounters): string {
  return REFUSALS.map((name) => [WORDS[name], now.refusals[name] - before.refusals[name]] as const)
    .filter(([, count]) => count > 0)
    .map(([words, count]) => `${count} ${words}`)
    .join(', ');
}
