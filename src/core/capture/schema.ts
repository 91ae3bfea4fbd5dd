/** The schema of the capture document, which `schema/rtplat.capture-1.schema.json` is generated from. */
import * as v from 'valibot';
import { CAPTURE_SCHEMA } from './document.ts';
import type { CaptureDocument } from './document.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const finite = v.pipe(v.number(), v.finite());
const measured = v.nullable(finite);
const fraction = v.nullable(v.pipe(finite, v.minValue(0), v.maxValue(1)));

const stream = v.looseObject({
  source: v.string(),
  destination: v.string(),
  ssrc: count,
  payload_types: v.array(count),
  clock_rate_hz: v.nullable(count),
  start_seconds: measured,
  duration_seconds: measured,
  packets: count,
  expected: count,
  lost: count,
  loss_ratio: fraction,
  duplicates: count,
  reordered: count,
  out_of_sequence: count,
  restarts: count,
  mean_jitter_ms: measured,
  max_jitter_ms: measured,
  max_delta_ms: measured,
  markers: count,
  max_pause_ms: measured,
  previous_ssrc: v.nullable(count),
});

const echo = {
  total_latencies: count,
  p50_latency: measured,
  p95_latency: measured,
  p99_latency: measured,
  max_latency: measured,
  avg_latency: measured,
  late_ratio: fraction,
  packet_loss_ratio: fraction,
  sent: count,
  received: count,
  lost: count,
  in_flight: count,
  late: v.nullable(count),
  late_after_loss: count,
  duplicates: count,
  reordered: count,
  unmatched: count,
};

export const CaptureSchema: v.GenericSchema<unknown, CaptureDocument> = v.looseObject({
  schema: v.literal(CAPTURE_SCHEMA),
  tool: v.looseObject({ name: v.string(), version: v.string() }),
  file: v.looseObject({ name: v.string(), format: v.picklist(['pcap', 'pcapng']), bytes: count, compressed: v.boolean() }),
  started_at: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  duration_seconds: measured,
  frames: v.looseObject({
    total: count,
    rtp: count,
    rtcp: count,
    rtp_untracked: count,
    other_udp: count,
    not_udp: count,
    not_ip: count,
    fragments: count,
    broken: count,
    foreign: count,
    cut: count,
    dropped: v.nullable(count),
  }),
  streams: v.array(stream),
  round_trips: v.nullable(
    v.looseObject({
      summary: v.looseObject(echo),
      peak_channels: count,
      histogram: v.looseObject({
        encoding: v.literal('hdr-v2-base64'),
        unit: v.literal('ns'),
        count,
        minNs: measured,
        maxNs: measured,
        sumNs: finite,
        data: v.string(),
      }),
      pairs: v.array(v.looseObject({ source: v.string(), destination: v.string(), ssrc: count, ...echo })),
    }),
  ),
  warnings: v.array(v.string()),
});
