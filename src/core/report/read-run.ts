/**
 * Reading run documents: hostile or future bytes become one RtplatError `format` that names the member at fault. Unknown
 * members are kept, unknown versions are refused.
 */
import * as v from 'valibot';

import { RtplatError } from '../errors.ts';
import { LatencyHistogram } from '../stats/histogram.ts';
import type { EncodedHistogram } from '../stats/histogram.ts';
import { AriCallSchema, AriLoadSchema } from './ari-schema.ts';
import { CallVerdictSchema } from './call-verdict-schema.ts';
import { BudgetSchema } from './budget-schema.ts';
import { excessOf } from './json-shape.ts';
import { CallRtcpSchema } from './rtcp-schema.ts';
import { RUN_COMMANDS, RUN_SCHEMA, VERDICTS } from './run.ts';
import type { RunDocument, RunSummary } from './run.ts';

/** A run that is longer than this is not read, characters. */
export const MAX_RUN_CHARS: number = 64 * 2 ** 20;
/** Three million samples over the whole range take 26,000; the cap bounds what decompressing hostile data can cost. */
const MAX_HISTOGRAM_CHARS = 160 * 1024;
const SCHEMA_FAMILY = 'rtplat.run/';

const count = v.pipe(v.number(), v.safeInteger('expected a whole number'), v.minValue(0, 'expected 0 or more'));
const finite = v.pipe(v.number(), v.finite('expected a finite number'));
const nonNegative = v.pipe(finite, v.minValue(0, 'expected 0 or more'));
const fraction = v.pipe(finite, v.minValue(0, 'expected a fraction of 1'), v.maxValue(1, 'expected a fraction of 1'));
const measured = v.nullable(finite);
const time = v.pipe(v.string(), v.isoTimestamp('expected an ISO 8601 time'));
const anything = v.record(v.string(), v.unknown());

const spread = v.nullable(v.looseObject({ p50: finite, p99: finite, max: finite }));

export const HistogramSchema: v.GenericSchema<unknown, EncodedHistogram> = v.looseObject({
  encoding: v.literal('hdr-v2-base64'),
  unit: v.literal('ns'),
  count,
  minNs: measured,
  maxNs: measured,
  sumNs: finite,
  data: v.pipe(v.string(), v.maxLength(MAX_HISTOGRAM_CHARS, `expected at most ${MAX_HISTOGRAM_CHARS} characters`)),
});

export const RunSummarySchema: v.GenericSchema<unknown, RunSummary> = v.looseObject({
  total_channels: count,
  active_channels: count,
  peak_channels: v.exactOptional(count),
  total_latencies: count,
  p50_latency: measured,
  p95_latency: measured,
  p99_latency: measured,
  max_latency: measured,
  avg_latency: measured,
  late_ratio: v.nullable(fraction),
  packet_loss_ratio: v.nullable(fraction),
  sent: count,
  received: count,
  lost: count,
  late: v.nullable(count),
  duplicates: count,
  reordered: count,
  in_flight: count,
  jitter_ms: measured,
  send_error_ms: spread,
  host_delay_ms: spread,
  socket_drops: v.nullable(count),
  r_factor: measured,
  mos: measured,
  quality: v.nullable(anything),
  clock: v.picklist(['kernel', 'user']),
  unstamped: v.exactOptional(v.nullable(count)),
  engine: v.string(),
  engine_reason: v.exactOptional(v.string()),
  match: v.nullable(v.string()),
  calls_not_fine: v.exactOptional(v.nullable(count)),
  verdict: v.picklist(VERDICTS),
  verdict_reasons: v.array(v.string()),
});

const seriesRow = v.looseObject({
  t: nonNegative,
  sent: count,
  received: count,
  lost: count,
  late: v.nullable(count),
  p50: measured,
  p95: measured,
  p99: measured,
  max: measured,
});

const counters = v.looseObject({
  from_peer: v.exactOptional(count),
  bytes_from_peer: v.exactOptional(count),
  from_echo: v.exactOptional(count),
  to_peer: v.exactOptional(count),
  sent: v.exactOptional(count),
  returned: v.exactOptional(count),
  lost: v.exactOptional(count),
  in_flight: v.exactOptional(count),
  late: v.exactOptional(count),
  late_from_peer: v.exactOptional(count),
  late_after_loss: v.exactOptional(count),
  duplicates: v.exactOptional(count),
  duplicates_sent: v.exactOptional(count),
  reordered: v.exactOptional(count),
  unmatched: v.exactOptional(count),
  untracked: v.exactOptional(count),
  malformed: v.exactOptional(count),
  rejected_source: v.exactOptional(count),
  send_errors: v.exactOptional(count),
});

const call = v.looseObject({
  id: v.string(),
  name: v.exactOptional(v.string()),
  state: v.exactOptional(v.string()),
  port: v.exactOptional(v.nullable(count)),
  peer: v.exactOptional(v.nullable(v.string())),
  started_at: v.exactOptional(time),
  ended_at: v.exactOptional(v.nullable(time)),
  duration_seconds: v.exactOptional(nonNegative),
  setup_ms: v.exactOptional(measured),
  first_packet_ms: v.exactOptional(measured),
  jitter_ms: v.exactOptional(measured),
  total_latencies: v.exactOptional(count),
  p50_latency: v.exactOptional(measured),
  p95_latency: v.exactOptional(measured),
  p99_latency: v.exactOptional(measured),
  max_latency: v.exactOptional(measured),
  avg_latency: v.exactOptional(measured),
  late_ratio: v.exactOptional(v.nullable(fraction)),
  packet_loss_ratio: v.exactOptional(v.nullable(fraction)),
  counters: v.exactOptional(counters),
  end_reason: v.exactOptional(v.nullable(v.string())),
  match: v.exactOptional(v.nullable(v.string())),
  match_share: v.exactOptional(v.nullable(fraction)),
  match_reason: v.exactOptional(v.nullable(v.string())),
  match_score: v.exactOptional(v.nullable(fraction)),
  match_error_ms: v.exactOptional(measured),
  lost_audio_ms: v.exactOptional(measured),
  not_found: v.exactOptional(v.nullable(count)),
  not_found_ratio: v.exactOptional(v.nullable(fraction)),
  delay_moves: v.exactOptional(v.array(v.looseObject({ at_seconds: nonNegative, by_ms: v.number() }))),
  clock_skew_ppm: v.exactOptional(v.nullable(v.number())),
  clock_skew_error_ppm: v.exactOptional(measured),
  r_factor: v.exactOptional(measured),
  mos: v.exactOptional(measured),
  other_ssrc: v.exactOptional(v.nullable(count)),
  rtcp: v.exactOptional(v.nullable(CallRtcpSchema)),
  verdict: v.exactOptional(v.nullable(CallVerdictSchema)),
  sip: v.exactOptional(
    v.looseObject({
      call_id: v.string(),
      status: v.nullable(count),
      cause: v.nullable(v.string()),
      codec: v.nullable(v.string()),
      ptime_ms: measured,
      request_delay_ms: measured,
      early_media_ms: measured,
      disconnect_delay_ms: measured,
    }),
  ),
  ari: v.exactOptional(AriCallSchema),
});

const delays = v.nullable(
  v.looseObject({ count, mean: nonNegative, p50: nonNegative, p95: nonNegative, p99: nonNegative, max: nonNegative }),
);

const setUp = v.looseObject({
  session_requests: count,
  request_delay_ms: delays,
  failed_request_delay_ms: delays,
  disconnect_delay_ms: delays,
  session_duration_ms: delays,
  session_establishment_ratio: v.nullable(fraction),
  session_establishment_effectiveness_ratio: v.nullable(fraction),
  ineffective_session_attempt_ratio: v.nullable(fraction),
  session_completion_ratio: v.nullable(fraction),
});

const oneWayDelay = v.nullable(v.looseObject({ min: finite, p50: finite, p99: finite, max: finite }));

const oneWay = v.looseObject({
  packets: count,
  there_ms: oneWayDelay,
  back_ms: oneWayDelay,
  error_ms: v.nullable(nonNegative),
  turnaround_ms: spread,
  same_clock: v.nullable(v.boolean()),
  received_by: v.nullable(v.picklist(['kernel', 'user', 'both'])),
  reason: v.nullable(v.string()),
});

/** The schema that files are read by and `schema/rtplat.run-1.schema.json` is generated from. */
export const RunSchema: v.GenericSchema<unknown, RunDocument> = v.looseObject({
  schema: v.literal(RUN_SCHEMA),
  tool: v.looseObject({ name: v.string(), version: v.string() }),
  host: v.looseObject({
    hostname: v.string(),
    os: v.string(),
    kernel: v.string(),
    arch: v.string(),
    cpus: count,
    cpu_model: v.string(),
    node: v.string(),
  }),
  command: v.picklist(RUN_COMMANDS),
  started_at: time,
  ended_at: time,
  duration_seconds: nonNegative,
  options: anything,
  summary: RunSummarySchema,
  histogram: HistogramSchema,
  send_error_histogram: v.exactOptional(HistogramSchema),
  series: v.array(seriesRow),
  calls: v.array(call),
  one_way: v.exactOptional(oneWay),
  sip: v.exactOptional(setUp),
  ari: v.exactOptional(AriLoadSchema),
  budget: v.exactOptional(BudgetSchema),
});

/**
 * The run document in `text`; `name` (a path, a URL) is only for the messages.
 *
 * @throws RtplatError `format`: not JSON, not a run, a version this rtplat does not know, a wrong member (named by its path),
 * or a histogram that cannot be decoded or contradicts the summary.
 */
export function parseRun(text: string, name: string): RunDocument {
  return checkRunDocument(jsonOf(text, name), name);
}

/**
 * The run in `text` when it claims to be one, of whatever version; undefined for any other text: a directory may hold other
 * files. Half a run is a run that is broken.
 *
 * @throws RtplatError `format`, as {@link parseRun}.
 */
export function parseRunAmongOthers(text: string, name: string): RunDocument | undefined {
  if (!text.includes(`"${SCHEMA_FAMILY}`)) return undefined;
  const document = jsonOf(text, name);
  const schema = schemaOf(document);
  return typeof schema === 'string' && schema.startsWith(SCHEMA_FAMILY) ? checkRunDocument(document, name) : undefined;
}

function jsonOf(text: string, name: string): unknown {
  if (text.length > MAX_RUN_CHARS) {
    throw new RtplatError('format', `${name} is too long for a run: ${text.length} characters, at most ${MAX_RUN_CHARS}`);
  }
  const excess = excessOf(text);
  if (excess !== undefined) throw new RtplatError('format', `${name} is not a run: ${excess}`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RtplatError('format', `${name} is not a run: it is not JSON`, { cause: error });
  }
}

function checkRunDocument(document: unknown, name: string): RunDocument {
  checkVersion(document, name);
  const result = v.safeParse(RunSchema, document, { abortEarly: true });
  if (!result.success) {
    const issue = result.issues[0];
    const path = (v.getDotPath(issue) ?? '').slice(0, 80);
    throw new RtplatError('format', `${name} is not a valid run: ${path === '' ? '' : `"${path}": `}${explain(issue)}`);
  }
  const run = result.output;
  checkHistogram(run.histogram, 'histogram', name);
  if (run.send_error_histogram !== undefined) checkHistogram(run.send_error_histogram, 'send_error_histogram', name);
  if (run.histogram.count !== run.summary.total_latencies) {
    throw new RtplatError(
      'format',
      `${name} is not a valid run: "summary.total_latencies" is ${run.summary.total_latencies} but the histogram holds ${run.histogram.count} samples`,
    );
  }
  return run;
}

function schemaOf(document: unknown): unknown {
  return typeof document === 'object' && document !== null && 'schema' in document ? document.schema : undefined;
}

function checkVersion(document: unknown, name: string): void {
  const schema = schemaOf(document);
  if (schema === RUN_SCHEMA) return;
  if (typeof schema !== 'string') {
    throw new RtplatError('format', `${name} is not a run: it has no "schema" member`, {
      hint: `a run file starts with {"schema": "${RUN_SCHEMA}"`,
    });
  }
  const shown = JSON.stringify(schema.slice(0, 40));
  if (schema.startsWith(SCHEMA_FAMILY)) {
    throw new RtplatError('format', `${name} has schema ${shown}; this rtplat reads "${RUN_SCHEMA}"`, {
      hint: 'read it with the rtplat version that wrote it, or update this one',
    });
  }
  throw new RtplatError('format', `${name} is not a run: its schema is ${shown}, not "${RUN_SCHEMA}"`);
}

/** What was expected and what stood there. Our own messages start with "expected"; the library's `expected` says it for types. */
function explain(issue: v.BaseIssue<unknown>): string {
  const expected = issue.expected === null || issue.message.startsWith('expected') ? issue.message : `expected ${issue.expected}`;
  return `${expected}, found ${issue.received}`.slice(0, 160);
}

/** One for all that are only checked: there may be thousands. */
const checked = new LatencyHistogram();

function checkHistogram(encoded: EncodedHistogram, member: string, name: string): void {
  const wrong = (what: string, cause?: unknown): RtplatError =>
    new RtplatError('format', `${name} is not a valid run: "${member}": ${what}`, cause === undefined ? {} : { cause });
  if ((encoded.count === 0) !== (encoded.minNs === null) || (encoded.count === 0) !== (encoded.maxNs === null)) {
    throw wrong('minNs and maxNs are null exactly when count is 0');
  }
  try {
    LatencyHistogram.decode(encoded, checked);
  } catch (error) {
    if (error instanceof RangeError) throw wrong(error.message, error);
    throw error;
  }
}
