/**
 * The protobuf form of the metrics, which alone has native histograms: messages of io.prometheus.client.MetricFamily, each with its
 * length in front (github.com/prometheus/client_model, io/prometheus/client/metrics.proto). Histograms have both kinds of buckets;
 * Prometheus takes the classic ones where it does not scrape native ones. Pure.
 */
import { cumulativeBuckets, EXPONENTIAL_SCHEMA, exponentialBuckets, ZERO_THRESHOLD_SECONDS } from './buckets.ts';
import { sumSeconds } from './families.ts';
import type { HistogramPoint, Labels, MetricFamily } from './families.ts';
import { ProtobufWriter } from './protobuf.ts';

const FAMILY = { name: 1, help: 2, type: 3, metric: 4 } as const;
const TYPE = { counter: 0, gauge: 1, histogram: 4 } as const;
const METRIC = { label: 1, gauge: 2, counter: 3, histogram: 7 } as const;
const LABEL = { name: 1, value: 2 } as const;
/** Of Counter and of Gauge. */
const VALUE = 1;
const HISTOGRAM = {
  sampleCount: 1,
  sampleSum: 2,
  bucket: 3,
  schema: 5,
  zeroThreshold: 6,
  zeroCount: 7,
  positiveSpan: 12,
  positiveDelta: 13,
} as const;
const BUCKET = { cumulativeCount: 1, upperBound: 2 } as const;
const SPAN = { offset: 1, length: 2 } as const;

/** Names are those of the text format 0.0.4. */
export function renderProtobuf(families: readonly MetricFamily[]): Uint8Array {
  const stream = new ProtobufWriter();
  for (const family of families) stream.streamed((message) => writeFamily(message, family));
  return stream.bytes();
}

function writeFamily(message: ProtobufWriter, family: MetricFamily): void {
  const { type, name, help } = family;
  const number = (field: number, value: number, labels: Labels): void =>
    writeMetric(message, labels, (metric) => metric.message(field, (inner) => inner.double(VALUE, value)));
  switch (type) {
    case 'counter':
      writeHead(message, `${name}_total`, help, TYPE.counter);
      for (const { value, labels } of family.points) number(METRIC.counter, value, labels);
      break;
    case 'gauge':
      writeHead(message, name, help, TYPE.gauge);
      for (const { value, labels } of family.points) number(METRIC.gauge, value, labels);
      break;
    case 'info':
      writeHead(message, `${name}_info`, help, TYPE.gauge);
      number(METRIC.gauge, 1, family.labels);
      break;
    case 'histogram':
      writeHead(message, name, help, TYPE.histogram);
      for (const point of family.points) {
        writeMetric(message, point.labels, (metric) => {
          metric.message(METRIC.histogram, (inner) => writeHistogram(inner, point, family.boundsNs));
        });
      }
      break;
  }
}

function writeHead(message: ProtobufWriter, name: string, help: string, type: number): void {
  message.text(FAMILY.name, name);
  message.text(FAMILY.help, help);
  message.unsigned(FAMILY.type, type);
}

function writeMetric(message: ProtobufWriter, labels: Labels, write: (metric: ProtobufWriter) => void): void {
  message.message(FAMILY.metric, (metric) => {
    for (const [name, value] of Object.entries(labels)) {
      metric.message(METRIC.label, (pair) => {
        pair.text(LABEL.name, name);
        pair.text(LABEL.value, value);
      });
    }
    write(metric);
  });
}

function writeHistogram(message: ProtobufWriter, point: HistogramPoint, boundsNs: readonly number[]): void {
  message.unsigned(HISTOGRAM.sampleCount, point.histogram.count);
  message.double(HISTOGRAM.sampleSum, sumSeconds(point));
  const counts = cumulativeBuckets(point, boundsNs);
  boundsNs.forEach((boundNs, i) => {
    message.message(HISTOGRAM.bucket, (bucket) => {
      bucket.unsigned(BUCKET.cumulativeCount, counts[i] ?? 0);
      bucket.double(BUCKET.upperBound, boundNs / 1e9);
    });
  });
  const { zeroCount, buckets } = exponentialBuckets(point);
  message.signed(HISTOGRAM.schema, EXPONENTIAL_SCHEMA);
  message.double(HISTOGRAM.zeroThreshold, ZERO_THRESHOLD_SECONDS);
  message.unsigned(HISTOGRAM.zeroCount, zeroCount);
  for (const { offset, length } of spansOf(buckets)) {
    message.message(HISTOGRAM.positiveSpan, (span) => {
      span.signed(SPAN.offset, offset);
      span.unsigned(SPAN.length, length);
    });
  }
  // Each count less the one before it, across gaps as well.
  message.signedList(
    HISTOGRAM.positiveDelta,
    buckets.map(([, count], i) => count - (buckets[i - 1]?.[1] ?? 0)),
  );
}

/** Runs of buckets without a gap: the first begins at the index `offset`, each other `offset` empty buckets after the one before it. */
function spansOf(buckets: readonly (readonly [index: number, count: number])[]): readonly { offset: number; length: number }[] {
  const spans: { offset: number; length: number }[] = [];
  let next = 0;
  for (const [index] of buckets) {
    const last = spans.at(-1);
    if (last !== undefined && index === next) last.length += 1;
    else spans.push({ offset: index - next, length: 1 });
    next = index + 1;
  }
  return spans;
}
