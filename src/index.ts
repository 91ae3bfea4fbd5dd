/**
 * rtplat as a library. Everything under "pure" takes time as an argument and touches no socket, file or clock; the engines do.
 * All times are nanoseconds unless a name says otherwise.
 */

// Errors
export { messageOf, RtplatError } from './core/errors.ts';
export type { ErrorCode } from './core/errors.ts';

// RTP (pure)
export { clockRateOf, createRtpPacket, parseRtp, RTP_HEADER_BYTES, writeRtpHeader } from './core/rtp/packet.ts';
export type { RtpHeader, RtpPacket, RtpRejection } from './core/rtp/packet.ts';
export { ReceiverStatistics } from './core/rtp/receiver.ts';
export type { ReceiveOutcome } from './core/rtp/receiver.ts';
export { extendSequence, extendTimestamp, sequenceDelta, timestampDelta } from './core/rtp/sequence.ts';

// Ports (pure; what binds a socket is handed in)
export { PortAllocator } from './core/ports/allocator.ts';
export type { AllocationFailure, BoundSocket, PortAllocatorOptions, PortLease } from './core/ports/allocator.ts';
export { formatPortRange, overlapOf, parsePortRange } from './core/values/ports.ts';
export type { PortRange } from './core/values/ports.ts';

// Measuring (pure)
export { DUPLICATE, LATE_AFTER_LOSS, LatencyTracker, UNMATCHED } from './core/relay/tracker.ts';
export type { TrackerCounters } from './core/relay/tracker.ts';
export { LatencyHistogram } from './core/stats/histogram.ts';
export type { EncodedHistogram } from './core/stats/histogram.ts';
export { DEFAULT_LATE_THRESHOLD_NS, LateDetector } from './core/stats/late.ts';
export type { LateOptions } from './core/stats/late.ts';
export { InterPacketDelayVariation, packetDelayVariationNs } from './core/stats/delay-variation.ts';
export { LossRuns } from './core/stats/loss-runs.ts';
export { E_MODEL_DEFAULTS, mosFromR, rFactor, scoreStream } from './core/stats/quality.ts';
export { checkServiceLevel, SERVICE_LEVEL_TIERS } from './core/stats/service-level.ts';
export type { ServiceLevelMeasurement, ServiceLevelResult } from './core/stats/service-level.ts';

// Run files and reports (pure)
export { buildRun } from './core/report/run.ts';
export type { RunDocument, RunParts, RunSummary } from './core/report/run.ts';
export { mergeRuns } from './core/report/merge.ts';
export type { MetricsDocument } from './core/report/metrics.ts';
export { parseRun } from './core/report/read-run.ts';
export { renderPrometheus } from './core/report/render/prometheus.ts';

// Engines
export { createBatchEngine } from './core/udp/batch/engine.ts';
export type { BatchEngine, BatchOptions, Serving } from './core/udp/batch/engine.ts';
export type { EngineChoice } from './core/udp/choices.ts';
export { createPortableEngine } from './core/udp/portable.ts';
export { describeEngine, selectEngine } from './core/udp/select.ts';
export type { EngineSelection, SelectedEngine } from './core/udp/select.ts';
export type { Arrival, BindOptions, Endpoint, PacketReceiver, UdpEngine, UdpSocket } from './core/udp/engine.ts';
export { EchoService } from './core/echo/echo.ts';
export { ProbeSession } from './core/probe/session.ts';
export type { ProbeOptions, ProbeProgress, ProbeResult } from './core/probe/result.ts';
