/** The metrics document as families. */
import type { HealthDocument } from '../../service/health.ts';
import type { LatencyHistogram } from '../../stats/histogram.ts';
import type { MetricsDocument, RelayCounters } from '../metrics.ts';
import { renderText } from './exposition-text.ts';
import type { TextFormat } from './exposition-text.ts';
import { FamilyList, toSeconds } from './families.ts';
import type { MetricFamily } from './families.ts';

/** Upper bounds of the latency buckets, ns: 0.25 ms to 10 s, finest around the bounds of the service-level table. */
export const BUCKETS_NS: readonly number[] = [
  0.25, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 20, 22, 25, 30, 40, 50, 75, 100, 150, 250, 500, 1_000, 2_500, 5_000, 10_000,
].map((ms) => ms * 1e6);

type CounterFamily = readonly [member: keyof RelayCounters, name: string, help: string];

/** Names without `_total`, which the samples carry. */
const COUNTERS: readonly CounterFamily[] = [
  ['from_peer', 'from_peer_packets', 'RTP packets received from the peer.'],
  ['bytes_from_peer', 'from_peer_bytes', 'Bytes of the RTP packets received from the peer.'],
  ['from_echo', 'from_echo_packets', 'Datagrams received from the echo server.'],
  ['to_peer', 'to_peer_packets', 'Datagrams returned to the peer.'],
  ['sent', 'sent_packets', 'Packets sent to the echo server.'],
  ['returned', 'returned_packets', 'Packets whose echo came within the loss time-out.'],
  ['lost', 'lost_packets', 'Packets whose echo did not come within the loss time-out.'],
  ['late', 'late_packets', 'Returned packets that were late.'],
  ['late_from_peer', 'late_from_peer_packets', 'Packets that were late already when they came from the peer.'],
  ['late_after_loss', 'late_after_loss_packets', 'Echoes that came after the loss time-out; counted as lost as well.'],
  ['duplicates', 'duplicate_packets', 'Echoes of a packet whose echo had already come.'],
  ['duplicates_sent', 'duplicate_sent_packets', 'Packets that the peer sent twice under one sequence number.'],
  ['reordered', 'reordered_packets', 'Echoes that arrived after the echo of a later packet.'],
  ['unmatched', 'unmatched_packets', 'Datagrams from the echo server that match no packet sent.'],
  ['untracked', 'untracked_packets', 'Packets forwarded but not measured: too many SSRCs at once.'],
  ['malformed', 'malformed_packets', 'Datagrams that are not RTP.'],
  ['rejected_source', 'rejected_source_packets', 'Datagrams from an address that is neither the peer nor the echo server.'],
  ['send_errors', 'send_errors', 'Datagrams that the kernel refused to send.'],
];

/** Of `GET /health`, what a graph can show. */
export type HealthVerdict = Pick<HealthDocument, 'status' | 'checks'>;

/** The text of one scrape. */
export function renderPrometheus(metrics: MetricsDocument, latency: LatencyHistogram, format: TextFormat, health?: HealthVerdict): string {
  return renderText(metricFamilies(metrics, latency, health), format);
}

/** All that a service tells whose calls are all relayed. */
export function metricFamilies(metrics: MetricsDocument, latency: LatencyHistogram, health?: HealthVerdict): readonly MetricFamily[] {
  const families = new FamilyList();
  instrumentFamilies(families, metrics);
  if (health !== undefined) healthFamilies(families, health);
  relayFamilies(families, metrics, latency);
  return families.list();
}

/** What every service tells. */
export function instrumentFamilies(families: FamilyList, { engine, clock, uptime_seconds: uptime }: MetricsDocument): void {
  families.info('instrument', 'What measured: the UDP engine, and the clock that stamps arrivals.', { engine, clock });
  families.gauge('uptime_seconds', 'Time since the service started.', uptime);
}

export function healthFamilies(families: FamilyList, { status, checks }: HealthVerdict): void {
  families.gauge('healthy', 'Whether GET /health answers 200.', Number(status === 'healthy'));
  families.gauge(
    'check_ok',
    'Whether a check of GET /health holds.',
    checks.map(({ name, ok }) => [Number(ok), { check: name }]),
  );
}

/** Of the relayed calls. */
export function relayFamilies(families: FamilyList, metrics: MetricsDocument, latency: LatencyHistogram): void {
  families.counter('channels', 'Calls taken.', metrics.total_channels);
  families.gauge('active_channels', 'Calls that are up.', metrics.active_channels);
  families.gauge('peak_channels', 'The most calls that were up at once since the start.', metrics.peak_channels);
  families.counter('calls_refused', 'Calls refused because no port was free.', metrics.calls_refused);
  families.counter('calls_failed', 'Calls that failed while they were set up.', metrics.calls_failed);
  const { ports } = metrics;
  families.gauge('ports', 'Ports of the range by state; foreign ones are held by another process.', [
    [ports.free, { state: 'free' }],
    [ports.bound, { state: 'bound' }],
    [ports.draining, { state: 'draining' }],
    [ports.foreign, { state: 'foreign' }],
  ]);
  for (const [member, name, help] of COUNTERS) families.counter(name, help, metrics.counters[member]);
  families.counter(
    'socket_drops',
    'Datagrams that the kernel dropped because the buffer of a socket of ours was full.',
    metrics.socket_drops,
  );
  families.counter('stray_echoes', 'Echoes that belong to no call that is up.', metrics.stray_echoes);
  families.counter('unstamped_packets', "Packets received or sent without the kernel's timestamp, where it gives them.", metrics.unstamped);
  families.gauge('in_flight_packets', 'Packets sent to the echo server whose fate is not known yet.', metrics.counters.in_flight);
  families.histogram('latency_seconds', 'Time from a packet leaving for the echo server to its echo coming back.', {
    parts: [[latency]],
    boundsNs: BUCKETS_NS,
  });
  families.gauge('latency_percentile_seconds', 'Percentiles of the latency since the start, to 3 digits.', [
    [toSeconds(metrics.p50_latency), { percentile: '50' }],
    [toSeconds(metrics.p95_latency), { percentile: '95' }],
    [toSeconds(metrics.p99_latency), { percentile: '99' }],
  ]);
  families.gauge('latency_max_seconds', 'Highest latency since the start.', toSeconds(metrics.max_latency));
  families.gauge('host_delay_percentile_seconds', 'What a clock in user space would have added to the latency.', [
    [toSeconds(metrics.host_delay_ms?.p50 ?? null), { percentile: '50' }],
    [toSeconds(metrics.host_delay_ms?.p99 ?? null), { percentile: '99' }],
  ]);
  families.gauge('late_ratio', 'Late packets as a fraction of the packets returned.', metrics.late_ratio);
  families.gauge(
    'packet_loss_ratio',
    'Packets whose echo never came as a fraction of the packets whose fate is known.',
    metrics.packet_loss_ratio,
  );
}
