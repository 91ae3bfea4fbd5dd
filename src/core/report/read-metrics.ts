/** Reading what a live service answers: `GET /metrics`, `GET /channels`, and the events of `GET /events`. Unknown members are kept. */
import * as v from 'valibot';
import { RtplatError } from '../errors.ts';
import { excessOf } from './json-shape.ts';
import type { CallDocument, InsideMembers, MetricsDocument, RelayCounters } from './metrics.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const measured = v.nullable(v.pipe(v.number(), v.finite()));
const seconds = v.pipe(v.number(), v.finite(), v.minValue(0));

const latency = {
  total_latencies: count,
  p50_latency: measured,
  p95_latency: measured,
  p99_latency: measured,
  max_latency: measured,
  avg_latency: measured,
  late_ratio: measured,
  packet_loss_ratio: measured,
};

const counters = v.looseObject({
  from_peer: count,
  bytes_from_peer: count,
  from_echo: count,
  to_peer: count,
  sent: count,
  returned: count,
  lost: count,
  in_flight: count,
  late: count,
  late_from_peer: count,
  late_after_loss: count,
  duplicates: count,
  duplicates_sent: count,
  reordered: count,
  unmatched: count,
  untracked: count,
  malformed: count,
  rejected_source: count,
  send_errors: count,
});

/** Of all calls, relayed or not, of a service that answers them by itself. */
export interface AnsweredCalls {
  readonly taken: number;
  readonly active: number;
  readonly peak: number;
  readonly completed: number;
  readonly cancelled: number;
  readonly rejected: number;
  readonly failed: number;
  readonly refused: number;
  readonly digits: number;
}

/** What any service answers: `calls` is `sip-serve`'s. */
export interface ServiceMetrics extends MetricsDocument {
  readonly calls?: AnsweredCalls | undefined;
}

/** A {@link CallDocument}, or a call that was not relayed, which has no counters. */
export type ServiceCall = Omit<CallDocument, 'counters' | 'sip_call_id' | 'inside_ms'> & {
  readonly counters: RelayCounters | null;
  /** Missing from a service of an earlier version. */
  readonly sip_call_id?: string | null;
  readonly inside_ms?: InsideMembers | null;
};

/** Whether a service can take a call, and why not. */
export interface ServiceHealth {
  readonly status: 'healthy' | 'unhealthy';
  readonly reason: string | null;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly reason: string | null }[];
}

const MetricsSchema: v.GenericSchema<unknown, ServiceMetrics> = v.looseObject({
  ...latency,
  total_channels: count,
  active_channels: count,
  peak_channels: count,
  counters,
  calls_refused: count,
  calls_failed: count,
  ports: v.looseObject({ total: count, free: count, bound: count, draining: count, foreign: count }),
  socket_drops: v.nullable(count),
  uptime_seconds: seconds,
  clock: v.picklist(['kernel', 'user']),
  engine: v.picklist(['portable', 'batch']),
  // A service of version 0.1 tells none of these.
  engine_reason: v.optional(v.string(), ''),
  host_delay_ms: v.optional(v.nullable(v.object({ p50: v.number(), p99: v.number(), max: v.number() })), null),
  unstamped: v.optional(v.nullable(count), null),
  stray_echoes: v.optional(count, 0),
  calls: v.optional(
    v.looseObject({
      taken: count,
      active: count,
      peak: count,
      completed: count,
      cancelled: count,
      rejected: count,
      failed: count,
      refused: count,
      digits: count,
    }),
  ),
});

const CallSchema: v.GenericSchema<unknown, ServiceCall> = v.looseObject({
  ...latency,
  id: v.string(),
  name: v.string(),
  sip_call_id: v.exactOptional(v.nullable(v.string())),
  state: v.string(),
  port: v.nullable(count),
  peer: v.nullable(v.string()),
  started_at: v.string(),
  ended_at: v.nullable(v.string()),
  duration_seconds: seconds,
  setup_ms: measured,
  first_packet_ms: measured,
  jitter_ms: measured,
  inside_ms: v.exactOptional(v.nullable(v.looseObject({ out: v.number(), back: v.number() }))),
  counters: v.nullable(counters),
  end_reason: v.nullable(v.string()),
});

const ChannelsSchema = v.looseObject({ channels: v.array(CallSchema) });

const HealthSchema: v.GenericSchema<unknown, ServiceHealth> = v.looseObject({
  status: v.picklist(['healthy', 'unhealthy']),
  reason: v.nullable(v.string()),
  checks: v.array(v.looseObject({ name: v.string(), ok: v.boolean(), reason: v.nullable(v.string()) })),
});

const CallsSchema = v.array(CallSchema);

/** @throws RtplatError `format` when `text` is not a metrics document; `name` (a URL) is for the message. */
export function parseMetrics(text: string, name: string): ServiceMetrics {
  return parse(MetricsSchema, text, name, 'the metrics document of an rtplat service');
}

/** The rows of `{"channels": […]}`. @throws RtplatError `format`. */
export function parseChannels(text: string, name: string): readonly ServiceCall[] {
  return parse(ChannelsSchema, text, name, 'the list of channels of an rtplat service').channels;
}

/** The data of an event `calls`. @throws RtplatError `format`. */
export function parseCalls(text: string, name: string): readonly ServiceCall[] {
  return parse(CallsSchema, text, name, 'the calls of an rtplat service');
}

/** @throws RtplatError `format`. */
export function parseHealth(text: string, name: string): ServiceHealth {
  return parse(HealthSchema, text, name, 'the health of an rtplat service');
}

function parse<T>(schema: v.GenericSchema<unknown, T>, text: string, name: string, what: string): T {
  const excess = excessOf(text);
  if (excess !== undefined) throw new RtplatError('format', `${name} did not answer ${what}: ${excess}`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new RtplatError('format', `${name} did not answer ${what}: it is not JSON`, { cause: error });
  }
  const result = v.safeParse(schema, document, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new RtplatError(
    'format',
    `${name} did not answer ${what}: "${(v.getDotPath(issue) ?? '').slice(0, 80)}": ${issue.message.slice(0, 120)}`,
  );
}
