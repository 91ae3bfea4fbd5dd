/** Runs for Prometheus, as files of the node exporter's textfile collector or for a push gateway. What was not measured is left out. */
import { escapeControl } from '../../values/terminal.ts';
import { LatencyHistogram } from '../../stats/histogram.ts';
import type { NamedRun } from '../merge.ts';
import type { RunSummary } from '../run.ts';
import { renderText } from './exposition-text.ts';
import { FamilyList, toSeconds } from './families.ts';
import type { Labels, Sample } from './families.ts';
import type { JudgedRow } from './judged.ts';
import { BUCKETS_NS } from './prometheus.ts';

export interface EndedRun extends NamedRun {
  /** Wall clock, s since 1970. */
  readonly endedAtSeconds: number;
}

type NumberName = { [K in keyof RunSummary]-?: RunSummary[K] extends number | null | undefined ? K : never }[keyof RunSummary];

/** A run is over: what was counted in it is a gauge, and not to be added up over time. */
const NUMBERS: readonly (readonly [member: NumberName, name: string, help: string])[] = [
  ['total_channels', 'channels', 'Calls or streams of the run.'],
  ['sent', 'sent_packets', 'Packets sent.'],
  ['received', 'returned_packets', 'Packets whose echo came within the loss time-out.'],
  ['lost', 'lost_packets', 'Packets whose echo did not come within the loss time-out.'],
  ['late', 'late_packets', 'Returned packets that were late.'],
  ['in_flight', 'in_flight_packets', 'Packets whose fate was not known when the run ended.'],
  ['duplicates', 'duplicate_packets', 'Echoes of a packet whose echo had already come.'],
  ['reordered', 'reordered_packets', 'Echoes that arrived after the echo of a later packet.'],
  ['socket_drops', 'socket_drops', 'Datagrams that the kernel dropped because the buffer of a socket of ours was full.'],
  ['packet_loss_ratio', 'packet_loss_ratio', 'Lost packets as a fraction of the packets whose fate is known.'],
  ['late_ratio', 'late_ratio', 'Late packets as a fraction of the packets returned.'],
  ['r_factor', 'r_factor', 'R factor of ITU-T G.107.'],
  ['mos', 'mos', 'Estimated mean opinion score of ITU-T G.107.'],
];

/** @param rows of what was judged; each bound is 1 when it holds, and 0 when it is violated or nothing can be said. */
export function renderRunsPrometheus(ended: readonly EndedRun[], rows: readonly JudgedRow[]): string {
  const families = new FamilyList();
  const runs = ended.map((each) => ({ ...each, name: escapeControl(each.name) }));
  const each = (value: (run: NamedRun['run']) => number | null, labels: Labels = {}): readonly Sample[] =>
    runs.map(({ name, run }) => [value(run), { run: name, ...labels }]);
  families.gauge(
    'run_info',
    'What measured the run.',
    runs.map(({ name, run: { command, summary, tool } }) => [
      1,
      { run: name, command, engine: escapeControl(summary.engine), clock: summary.clock, version: escapeControl(tool.version) },
    ]),
  );
  families.gauge(
    'run_end_timestamp_seconds',
    'When the run ended.',
    runs.map(({ name, endedAtSeconds }) => [endedAtSeconds, { run: name }]),
  );
  families.gauge(
    'run_duration_seconds',
    'How long the run took.',
    each((run) => run.duration_seconds),
  );
  for (const [member, name, help] of NUMBERS) {
    families.gauge(
      `run_${name}`,
      help,
      each(({ summary }) => summary[member] ?? null),
    );
  }
  families.histogram('run_latency_seconds', 'Round trips of the run.', {
    parts: runs.map(({ name, run }) => [LatencyHistogram.decode(run.histogram), { run: name }]),
    boundsNs: BUCKETS_NS,
  });
  families.gauge('run_latency_percentile_seconds', 'Percentiles of the round trips, to 3 digits.', [
    ...each(({ summary }) => toSeconds(summary.p50_latency), { percentile: '50' }),
    ...each(({ summary }) => toSeconds(summary.p95_latency), { percentile: '95' }),
    ...each(({ summary }) => toSeconds(summary.p99_latency), { percentile: '99' }),
  ]);
  families.gauge(
    'run_latency_max_seconds',
    'Longest round trip.',
    each(({ summary }) => toSeconds(summary.max_latency)),
  );
  families.gauge(
    'run_jitter_seconds',
    'Interarrival jitter of RFC 3550.',
    each(({ summary }) => toSeconds(summary.jitter_ms)),
  );
  families.gauge('run_send_error_percentile_seconds', 'Actual minus due time of sending.', [
    ...each(({ summary }) => toSeconds(summary.send_error_ms?.p50 ?? null), { percentile: '50' }),
    ...each(({ summary }) => toSeconds(summary.send_error_ms?.p99 ?? null), { percentile: '99' }),
  ]);
  if (rows.length > 0) {
    families.gauge(
      'run_bound_held',
      'Whether a bound holds; 0 as well when nothing can be said.',
      rows.map(({ group, name, status }) => [Number(status === 'pass'), { group, bound: name, status }]),
    );
  }
  return renderText(families.list(), 'prometheus');
}
