import { describe, expect, it, test } from 'vitest';
import type { LatencySummary } from '../../../src/core/report/metrics.ts';
import {
  checkServiceLevel,
  type ServiceLevelCheck,
  type ServiceLevelResult,
  type ServiceLevelTier,
} from '../../../src/core/stats/service-level.ts';

const GOOD: LatencySummary = {
  total_latencies: 10_000,
  p50_latency: 2,
  p95_latency: 4,
  p99_latency: 6,
  max_latency: 9,
  avg_latency: 2.2,
  late_ratio: 0,
  packet_loss_ratio: 0,
};

function check(channels: number, summary: Partial<LatencySummary> = {}, fateKnown?: number): ServiceLevelResult {
  const whole = { ...GOOD, ...summary };
  return checkServiceLevel(channels, { summary: whole, fateKnown: fateKnown ?? whole.total_latencies });
}

function named(result: ServiceLevelResult, name: ServiceLevelCheck['name']): ServiceLevelCheck {
  return result.checks.find((one) => one.name === name)!;
}

function bounds(result: ServiceLevelResult): Omit<ServiceLevelTier, 'channelsUpTo'> {
  return Object.fromEntries(result.checks.map(({ name, bound }) => [name, bound])) as unknown as ServiceLevelTier;
}

const RATIOS = { late_ratio: 0.001, packet_loss_ratio: 0.002 };

describe('the table', () => {
  test.each([
    [0, 30, { p50_latency: 8, p95_latency: 12, p99_latency: 18, max_latency: 22, ...RATIOS }],
    [30, 30, { p50_latency: 8, p95_latency: 12, p99_latency: 18, max_latency: 22, ...RATIOS }],
    [31, 100, { p50_latency: 10, p95_latency: 15, p99_latency: 20, max_latency: 22, ...RATIOS }],
    [100, 100, { p50_latency: 10, p95_latency: 15, p99_latency: 20, max_latency: 22, ...RATIOS }],
    [101, 150, { p50_latency: 12, p95_latency: 18, p99_latency: 22, max_latency: 22, ...RATIOS }],
    [150, 150, { p50_latency: 12, p95_latency: 18, p99_latency: 22, max_latency: 22, ...RATIOS }],
  ])('%i channels are held to the row of %i', (channels, channelsUpTo, expected) => {
    const result = check(channels);
    expect(result).toMatchObject({ verdict: 'pass', channels, tier: { channelsUpTo, beyondTable: false } });
    expect(bounds(result)).toEqual(expected);
  });

  test('more channels than the table knows are held to its last row, and told so', () => {
    expect(check(151).tier).toEqual({ channelsUpTo: 150, beyondTable: true });
    expect(bounds(check(151))).toEqual(bounds(check(150)));
  });
});

describe('a bound', () => {
  test.each([
    ['p50_latency', 8],
    ['p95_latency', 12],
    ['p99_latency', 18],
    ['max_latency', 22],
    ['late_ratio', 0.001],
    ['packet_loss_ratio', 0.002],
  ] as const)('of %s holds at %f and is violated above', (name, bound) => {
    expect(check(1, { [name]: bound }).verdict).toBe('pass');
    const value = bound * 1.2;
    const result = check(1, { [name]: value });
    expect(result.verdict).toBe('fail');
    expect(named(result, name)).toEqual({ name, bound, value, status: 'fail', samples: 10_000 });
    expect(result.checks.filter(({ status }) => status === 'fail')).toHaveLength(1);
  });
});

describe('samples', () => {
  test.each([
    ['p50_latency', 200],
    ['p95_latency', 2_000],
    ['p99_latency', 10_000],
    ['max_latency', 10_000],
    ['late_ratio', 3_000],
    ['packet_loss_ratio', 1_500],
  ] as const)('%s needs %i', (name, needed) => {
    expect(named(check(1, { total_latencies: needed }), name)).toMatchObject({ status: 'pass', samples: needed });
    expect(named(check(1, { total_latencies: needed - 1 }), name)).toMatchObject({ status: 'insufficient', samples: needed - 1, needed });
  });

  test('with none, nothing is known', () => {
    const nothing: LatencySummary = {
      total_latencies: 0,
      p50_latency: null,
      p95_latency: null,
      p99_latency: null,
      max_latency: null,
      avg_latency: null,
      late_ratio: null,
      packet_loss_ratio: null,
    };
    const result = check(1, nothing);
    expect(result.verdict).toBe('insufficient');
    expect(result.checks.map(({ value, status }) => ({ value, status }))).toEqual(
      Array.from({ length: 6 }, () => ({ value: null, status: 'insufficient' })),
    );
  });

  test('a percentile above its bound on too few samples is no failure', () => {
    expect(named(check(1, { total_latencies: 9_999, p99_latency: 50, max_latency: 20 }), 'p99_latency').status).toBe('insufficient');
  });

  test('a maximum above its bound is one on any number of samples', () => {
    expect(named(check(1, { total_latencies: 1, max_latency: 23 }), 'max_latency').status).toBe('fail');
  });

  test('a ratio fails on few samples once its events would violate it on enough', () => {
    // 1,500 packets may lose 3: of 100, three lost prove nothing yet, four do.
    expect(named(check(1, { packet_loss_ratio: 0.03 }, 100), 'packet_loss_ratio').status).toBe('insufficient');
    expect(named(check(1, { packet_loss_ratio: 0.04 }, 100), 'packet_loss_ratio').status).toBe('fail');
  });

  test('the loss ratio counts the packets whose fate is known, not those that came back', () => {
    expect(named(check(1, { total_latencies: 0, packet_loss_ratio: 1 }, 50), 'packet_loss_ratio')).toMatchObject({
      status: 'fail',
      samples: 50,
    });
  });

  it('weighs a failure more than a lack of samples', () => {
    const result = check(1, { total_latencies: 2_500, p95_latency: 40 });
    expect(named(result, 'p99_latency').status).toBe('insufficient');
    expect(result.verdict).toBe('fail');
  });
});
