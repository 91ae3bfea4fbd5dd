/**
 * Families for an OpenTelemetry receiver: the ExportMetricsServiceRequest of OTLP, as protobuf, which every receiver has to take
 * (github.com/open-telemetry/opentelemetry-proto, metrics/v1/metrics.proto and what it imports). All is cumulative since the start;
 * histograms are exponential. Pure.
 */
import { EXPONENTIAL_SCHEMA, exponentialBuckets, ZERO_THRESHOLD_SECONDS } from './buckets.ts';
import { sumSeconds } from './families.ts';
import type { HistogramPoint, Labels, MetricFamily, NumberPoint } from './families.ts';
import { ProtobufWriter } from './protobuf.ts';

const REQUEST = { resourceMetrics: 1 } as const;
const RESOURCE_METRICS = { resource: 1, scopeMetrics: 2 } as const;
const RESOURCE = { attributes: 1 } as const;
const SCOPE_METRICS = { scope: 1, metrics: 2 } as const;
const SCOPE = { name: 1, version: 2 } as const;
const METRIC = { name: 1, description: 2, unit: 3, gauge: 5, sum: 7, exponentialHistogram: 10 } as const;
/** Of Gauge, Sum and ExponentialHistogram. */
const DATA = { dataPoints: 1, aggregationTemporality: 2, isMonotonic: 3 } as const;
const NUMBER = { startTime: 2, time: 3, asDouble: 4, attributes: 7 } as const;
const HISTOGRAM = {
  attributes: 1,
  startTime: 2,
  time: 3,
  count: 4,
  sum: 5,
  scale: 6,
  zeroCount: 7,
  positive: 8,
  zeroThreshold: 14,
} as const;
const BUCKETS = { offset: 1, bucketCounts: 2 } as const;
const KEY_VALUE = { key: 1, value: 2 } as const;
const STRING_VALUE = 1;

const CUMULATIVE = 2;

const SUFFIX: Partial<Record<MetricFamily['type'], string>> = { counter: '_total', info: '_info' };

export interface OtlpOrigin {
  /** `service.name`, `service.instance.id` … */
  readonly resource: Labels;
  readonly version: string;
  /** Since when is counted; wall clock, ms. */
  readonly startMs: number;
}

/** @param nowMs wall clock. */
export function renderOtlp(families: readonly MetricFamily[], origin: OtlpOrigin, nowMs: number): Uint8Array {
  const { resource, version, startMs } = origin;
  // The wall clock may have been set back; an end before the beginning would be refused.
  const times: Times = { startMs: Math.round(startMs), nowMs: Math.round(Math.max(startMs, nowMs)) };
  const request = new ProtobufWriter();
  request.message(REQUEST.resourceMetrics, (of) => {
    of.message(RESOURCE_METRICS.resource, (inner) => writeAttributes(inner, RESOURCE.attributes, resource));
    of.message(RESOURCE_METRICS.scopeMetrics, (scoped) => {
      scoped.message(SCOPE_METRICS.scope, (scope) => {
        scope.text(SCOPE.name, 'rtplat');
        scope.text(SCOPE.version, version);
      });
      for (const family of families) scoped.message(SCOPE_METRICS.metrics, (metric) => writeMetric(metric, family, times));
    });
  });
  return request.bytes();
}

interface Times {
  readonly startMs: number;
  readonly nowMs: number;
}

/** Names are those of `/metrics`; a receiver that makes Prometheus names of them leaves them as they are. */
function writeMetric(metric: ProtobufWriter, family: MetricFamily, times: Times): void {
  const { type, name } = family;
  metric.text(METRIC.name, name + (SUFFIX[type] ?? ''));
  metric.text(METRIC.description, family.help);
  const unit = unitOf(name);
  if (unit !== undefined) metric.text(METRIC.unit, unit);
  const write = (data: ProtobufWriter, point: NumberPoint): void =>
    data.message(DATA.dataPoints, (inner) => writeNumber(inner, point, times));
  switch (type) {
    case 'counter':
      metric.message(METRIC.sum, (sum) => {
        for (const point of family.points) write(sum, point);
        sum.unsigned(DATA.aggregationTemporality, CUMULATIVE);
        sum.unsigned(DATA.isMonotonic, 1);
      });
      break;
    case 'gauge':
      metric.message(METRIC.gauge, (gauge) => {
        for (const point of family.points) write(gauge, point);
      });
      break;
    case 'info':
      metric.message(METRIC.gauge, (gauge) => write(gauge, { value: 1, labels: family.labels }));
      break;
    case 'histogram':
      metric.message(METRIC.exponentialHistogram, (histogram) => {
        for (const point of family.points) histogram.message(DATA.dataPoints, (inner) => writeHistogram(inner, point, times));
        histogram.unsigned(DATA.aggregationTemporality, CUMULATIVE);
      });
      break;
  }
}

function writeNumber(message: ProtobufWriter, { value, labels }: NumberPoint, { startMs, nowMs }: Times): void {
  message.unixNano(NUMBER.startTime, startMs);
  message.unixNano(NUMBER.time, nowMs);
  message.double(NUMBER.asDouble, value);
  writeAttributes(message, NUMBER.attributes, labels);
}

function writeHistogram(message: ProtobufWriter, point: HistogramPoint, { startMs, nowMs }: Times): void {
  const { zeroCount, buckets } = exponentialBuckets(point);
  writeAttributes(message, HISTOGRAM.attributes, point.labels);
  message.unixNano(HISTOGRAM.startTime, startMs);
  message.unixNano(HISTOGRAM.time, nowMs);
  message.fixed64(HISTOGRAM.count, point.histogram.count);
  message.double(HISTOGRAM.sum, sumSeconds(point));
  message.signed(HISTOGRAM.scale, EXPONENTIAL_SCHEMA);
  message.fixed64(HISTOGRAM.zeroCount, zeroCount);
  message.double(HISTOGRAM.zeroThreshold, ZERO_THRESHOLD_SECONDS);
  const [first] = buckets;
  const [last] = buckets.slice(-1);
  if (first === undefined || last === undefined) return;
  const counts = new Map(buckets);
  message.message(HISTOGRAM.positive, (positive) => {
    // A bucket is named by its lower bound here, by its upper one in Prometheus.
    positive.signed(BUCKETS.offset, first[0] - 1);
    positive.unsignedList(
      BUCKETS.bucketCounts,
      Array.from({ length: last[0] - first[0] + 1 }, (_, i) => counts.get(first[0] + i) ?? 0),
    );
  });
}

function writeAttributes(message: ProtobufWriter, field: number, labels: Labels): void {
  for (const [key, text] of Object.entries(labels)) {
    message.message(field, (pair) => {
      pair.text(KEY_VALUE.key, key);
      pair.message(KEY_VALUE.value, (value) => value.text(STRING_VALUE, text));
    });
  }
}

/** As UCUM has it. */
function unitOf(name: string): string | undefined {
  if (name.endsWith('_seconds')) return 's';
  if (name.endsWith('_bytes')) return 'By';
  return name.endsWith('_ratio') ? '1' : undefined;
}
