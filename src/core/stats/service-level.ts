/**
 * The service-level check (`GET /sla`, `report --sla`): the measured numbers against the bounds for that many channels.
 *
 * How many samples a check needs to be trusted:
 * - a quantile q: 100 / (1 − q), so that 100 samples lie above it (200 for p50, 2,000 for p95, 10,000 for p99);
 * - the maximum: as many as p99. No number of samples proves a maximum; one above the bound disproves it, on any number;
 * - a ratio: 3 / bound, which is where no event at all means a ratio under the bound with 95 % confidence (rule of three). It is
 *   violated on fewer when the events seen would violate it even if no more of them came up to that number.
 */
import type { LatencySummary } from '../report/metrics.ts';

/** Bounds for up to that many channels: milliseconds, and fractions of 1. A value is within its bound when it equals it. */
export interface ServiceLevelTier {
  readonly channelsUpTo: number;
  readonly p50_latency: number;
  readonly p95_latency: number;
  readonly p99_latency: number;
  readonly max_latency: number;
  readonly late_ratio: number;
  readonly packet_loss_ratio: number;
}

/** Ascending; the last also applies to more channels than it was made for. */
export const SERVICE_LEVEL_TIERS: readonly [ServiceLevelTier, ...ServiceLevelTier[]] = [
  {
    channelsUpTo: 30,
    p50_latency: 8,
    p95_latency: 12,
    p99_latency: 18,
    max_latency: 22,
    late_ratio: 0.001,
    packet_loss_ratio: 0.002,
  },
  {
    channelsUpTo: 100,
    p50_latency: 10,
    p95_latency: 15,
    p99_latency: 20,
    max_latency: 22,
    late_ratio: 0.001,
    packet_loss_ratio: 0.002,
  },
  {
    channelsUpTo: 150,
    p50_latency: 12,
    p95_latency: 18,
    p99_latency: 22,
    max_latency: 22,
    late_ratio: 0.001,
    packet_loss_ratio: 0.002,
  },
];

export type ServiceLevelStatus = 'pass' | 'fail' | 'insufficient';

/** One bound, named as in the metrics document, and in its unit: milliseconds or a fraction of 1. */
export interface ServiceLevelCheck {
  readonly name: Exclude<keyof ServiceLevelTier, 'channelsUpTo'>;
  readonly bound: number;
  /** null when it was not measured. */
  readonly value: number | null;
  readonly status: ServiceLevelStatus;
  readonly samples: number;
  /** Samples that a pass takes; present when there are too few. */
  readonly needed?: number;
}

export interface ServiceLevelResult {
  /** `fail` when any check fails, else `insufficient` when any is, else `pass`. */
  readonly verdict: ServiceLevelStatus;
  readonly channels: number;
  readonly tier: {
    readonly channelsUpTo: number;
    /** There were more channels than the table goes up to; its last row was applied. */
    readonly beyondTable: boolean;
  };
  readonly checks: readonly ServiceLevelCheck[];
}

export interface ServiceLevelMeasurement {
  readonly summary: LatencySummary;
  /** Packets returned or lost: what `packet_loss_ratio` is a fraction of. */
  readonly fateKnown: number;
}

const LATENCY_CHECKS = [
  { name: 'p50_latency', needed: samplesNeeded(0.5) },
  { name: 'p95_latency', needed: samplesNeeded(0.95) },
  { name: 'p99_latency', needed: samplesNeeded(0.99) },
] as const;

/** @param channels how many were measured at once, at the most; picks the row of the table. */
export function checkServiceLevel(channels: number, measurement: ServiceLevelMeasurement): ServiceLevelResult {
  const { summary, fateKnown } = measurement;
  const { tier, beyondTable } = tierFor(channels);
  const samples = summary.total_latencies;
  const checks: ServiceLevelCheck[] = LATENCY_CHECKS.map(({ name, needed }) => {
    const value = summary[name];
    return checked(name, tier[name], value, samples, needed, value !== null && value > tier[name] && samples >= needed);
  });
  const max = summary.max_latency;
  checks.push(checked('max_latency', tier.max_latency, max, samples, samplesNeeded(0.99), max !== null && max > tier.max_latency));
  checks.push(ratioChecked('late_ratio', tier.late_ratio, summary.late_ratio, samples));
  checks.push(ratioChecked('packet_loss_ratio', tier.packet_loss_ratio, summary.packet_loss_ratio, fateKnown));
  return { verdict: verdictOf(checks), channels, tier: { channelsUpTo: tier.channelsUpTo, beyondTable }, checks };
}

function tierFor(channels: number): { readonly tier: ServiceLevelTier; readonly beyondTable: boolean } {
  let tier = SERVICE_LEVEL_TIERS[0];
  for (const next of SERVICE_LEVEL_TIERS) {
    tier = next;
    if (channels <= tier.channelsUpTo) return { tier, beyondTable: false };
  }
  return { tier, beyondTable: true };
}

/** Samples that quantile q needs: 100 / (1 − q), so that 100 lie above it; without the noise of the subtraction. */
export function samplesNeeded(quantile: number): number {
  return Math.round(100 / (1 - quantile));
}

function ratioChecked(name: ServiceLevelCheck['name'], bound: number, value: number | null, samples: number): ServiceLevelCheck {
  const needed = Math.ceil(3 / bound);
  const events = value === null ? 0 : Math.round(value * samples);
  const proven = samples >= needed || events > bound * needed;
  return checked(name, bound, value, samples, needed, value !== null && value > bound && proven);
}

function checked(
  name: ServiceLevelCheck['name'],
  bound: number,
  value: number | null,
  samples: number,
  needed: number,
  violated: boolean,
): ServiceLevelCheck {
  if (violated) return { name, bound, value, status: 'fail', samples };
  if (value === null || samples < needed) return { name, bound, value, status: 'insufficient', samples, needed };
  return { name, bound, value, status: 'pass', samples };
}

function verdictOf(checks: readonly ServiceLevelCheck[]): ServiceLevelStatus {
  if (checks.some((check) => check.status === 'fail')) return 'fail';
  return checks.some((check) => check.status === 'insufficient') ? 'insufficient' : 'pass';
}
