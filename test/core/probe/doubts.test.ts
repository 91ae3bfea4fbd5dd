import { describe, expect, it } from 'vitest';
import { probeRun } from '../../../src/core/probe/document.ts';
import { doubts, judge } from '../../../src/core/probe/doubts.ts';
import type { ProbeResult } from '../../../src/core/probe/result.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const MS = 1e6;

function histogramOf(
  count: number,
  valueNs: number,
  tail: { count: number; valueNs: number } = { count: 0, valueNs: 0 },
): LatencyHistogram {
  const histogram = new LatencyHistogram();
  for (let i = 0; i < count; i++) histogram.record(valueNs);
  for (let i = 0; i < tail.count; i++) histogram.record(tail.valueNs);
  return histogram;
}

/** A long and flawless run, with changes. */
function resultWith(changes: Partial<ProbeResult> = {}): ProbeResult {
  return {
    sent: 10_000,
    received: 10_000,
    lost: 0,
    inFlight: 0,
    late: 0,
    lateAfterLoss: 0,
    duplicates: 0,
    reordered: 0,
    unmatched: 0,
    otherSsrc: 0,
    malformed: 0,
    sendErrors: 0,
    targets: [{ address: '127.0.0.1', port: 4000 }],
    options: {
      streams: 1,
      intervalNs: 20 * MS,
      ptimeNs: 20 * MS,
      durationNs: 200e9,
      timeoutNs: 2e9,
      lateThresholdNs: 3 * MS,
      seed: 1,
      bufferBytes: 2_097_152,
    },
    engine: 'portable',
    clock: 'user',
    durationNs: 200e9,
    aborted: false,
    latency: histogramOf(10_000, 5 * MS),
    sendError: histogramOf(10_000, 0.1 * MS),
    hostDelay: null,
    unstamped: null,
    jitterMs: 0.1,
    socketDrops: 0,
    receiveBufferBytes: 2_097_152,
    sendBufferBytes: 2_097_152,
    refusals: 0,
    lastError: null,
    series: [{ t: 0, sent: 10_000, received: 10_000, lost: 0, late: 0, p50: 5, p95: 5, p99: 5, max: 5 }],
    streams: [{ id: '00000001', port: 40_000 }],
    ...changes,
  };
}

describe('doubts and judgement of a probe', () => {
  it('has none about a long and flawless run', () => {
    expect(doubts(resultWith())).toEqual([]);
    expect(judge(resultWith())).toEqual({ verdict: 'pass', reasons: [] });
  });

  it('does not believe a sender whose median error is above 5 ms', () => {
    const result = resultWith({ sendError: histogramOf(10_000, 6 * MS) });
    expect(judge(result).verdict).toBe('inconclusive');
    expect(judge(result).reasons[0]).toContain('half of the packets were sent 6.0 ms late or more (limit 5.0 ms)');
    expect(doubts(result)).toEqual(judge(result).reasons);
    expect(judge(resultWith({ sendError: histogramOf(10_000, 4.9 * MS) })).verdict).toBe('pass');
  });

  it('does not believe one whose p99 is above 20 ms, or above ptime where that is longer', () => {
    const sendError = histogramOf(9_800, 0.1 * MS, { count: 200, valueNs: 25 * MS });
    expect(judge(resultWith({ sendError })).verdict).toBe('inconclusive');
    const { options } = resultWith();
    expect(judge(resultWith({ sendError, options: { ...options, ptimeNs: 30 * MS } })).verdict).toBe('pass');
  });

  it('warns of a sender that is late but not hopeless', () => {
    expect(doubts(resultWith({ sendError: histogramOf(10_000, 2 * MS) }))).toEqual([
      'half of the packets were sent 2.0 ms late or more; the latencies contain that',
    ]);
    const { options } = resultWith();
    const sendError = histogramOf(9_800, 0.1 * MS, { count: 200, valueNs: 15 * MS });
    expect(doubts(resultWith({ sendError, options: { ...options, ptimeNs: 10 * MS } }))[0]).toContain(
      'longer than ptime; the highest latencies',
    );
  });

  it("knows that the kernel's clock keeps a late sender out of the latencies, and still does not believe a hopeless one", () => {
    const kernel = { clock: 'kernel', hostDelay: histogramOf(10_000, 0.1 * MS), unstamped: 0 } as const;
    expect(doubts(resultWith(kernel))).toEqual([]);
    expect(doubts(resultWith({ ...kernel, sendError: histogramOf(10_000, 2 * MS) }))).toEqual([
      'half of the packets were sent 2.0 ms late or more; jitter and lateness contain that, the latencies do not',
    ]);
    const { options } = resultWith();
    const sendError = histogramOf(9_800, 0.1 * MS, { count: 200, valueNs: 15 * MS });
    expect(doubts(resultWith({ ...kernel, sendError, options: { ...options, ptimeNs: 10 * MS } }))).toEqual([
      'one packet in a hundred was sent 15.0 ms late or more, longer than ptime; jitter and lateness contain that, the latencies do not',
    ]);
    expect(judge(resultWith({ ...kernel, sendError: histogramOf(10_000, 6 * MS) })).verdict).toBe('inconclusive');
  });

  it.each([
    [histogramOf(10_000, 1.5 * MS), 'p50 1.5 ms, p99 1.5 ms'],
    [histogramOf(9_800, 0.1 * MS, { count: 200, valueNs: 6 * MS }), 'p50 0.1 ms, p99 6.0 ms'],
  ])('tells of a host that is slow, and that the latencies are not', (hostDelay, values) => {
    const result = resultWith({ clock: 'kernel', hostDelay, unstamped: 0 });
    expect(doubts(result)).toEqual([
      `this host was slow to handle packets (${values}): not in the latencies, which are by the kernel's clock`,
    ]);
    expect(judge(result).verdict).toBe('pass');
  });

  it('tells how many packets the kernel did not stamp', () => {
    expect(doubts(resultWith({ clock: 'kernel', hostDelay: histogramOf(9_988, 0.1 * MS), unstamped: 12 }))).toEqual([
      "12 of 10000 packets lack a timestamp of the kernel: their latencies contain this host's own delays",
    ]);
  });

  it.each([
    [10_000, undefined],
    [9_999, 'p99 rests on 9,999 samples of the 10,000 needed: send for longer, or more streams at once'],
    [1_999, 'p95 and p99 rest on 1,999 samples of the 2,000 and 10,000 needed: send for longer, or more streams at once'],
    [199, 'p50, p95 and p99 rest on 199 samples of the 200, 2,000 and 10,000 needed: send for longer, or more streams at once'],
  ])('knows what percentiles %i samples carry', (count, doubt) => {
    const result = resultWith({ latency: histogramOf(count, MS), received: count, sent: count });
    expect(doubts(result)).toEqual(doubt === undefined ? [] : [doubt]);
    expect(judge(result).verdict).toBe(count < 200 ? 'insufficient' : 'pass');
  });

  it('fails a run from which nothing came back, and says what the kernel said', () => {
    const result = resultWith({ received: 0, lost: 10_000, latency: new LatencyHistogram(), lastError: 'EHOSTUNREACH: no route' });
    expect(judge(result).verdict).toBe('fail');
    expect(doubts(result)).toEqual([
      'none of 10000 packets came back (EHOSTUNREACH: no route): is that an echo, and does a firewall let UDP through?',
    ]);
  });

  it.each<[Partial<ProbeResult>, string]>([
    [{ received: 9_990, lost: 10 }, '10 of 10000 packets were lost; the percentiles are those of the packets that came back'],
    [{ received: 9_990, lost: 10, lateAfterLoss: 3 }, '3 of them came back after the time-out of 2s'],
    [{ socketDrops: 4 }, "4 echoes were dropped in this host's own receive buffers: that loss is not the path's"],
    [{ receiveBufferBytes: 212_992 }, 'sysctl -w net.core.rmem_max=2097152'],
    [{ sendBufferBytes: 212_992 }, 'sysctl -w net.core.wmem_max=2097152'],
    [{ sendErrors: 2, lastError: 'ENOBUFS: full' }, 'the kernel refused to send 2 packets (ENOBUFS: full); they count as lost'],
    [{ unmatched: 1, malformed: 2 }, '3 datagrams came that are no echo of a packet sent'],
  ])('%j', (changes, text) => {
    expect(doubts(resultWith(changes))).toEqual([expect.stringContaining(text)]);
  });

  it('is silent about drops where the system does not tell', () => {
    expect(doubts(resultWith({ socketDrops: null }))).toEqual([]);
  });
});

describe('the run document of a probe', () => {
  const host = { hostname: 'h', os: 'linux', kernel: '6.1', arch: 'x64', cpus: 2, cpu_model: 'x', node: '24.0.0' };
  const labels = {
    version: '0.1.0',
    host,
    startedAt: '2026-11-21T00:00:00.000Z',
    endedAt: '2026-11-21T00:03:20.000Z',
    target: 'udp://localhost:4000',
    engineReason: 'asked for',
  };

  it('is one that `report` reads', () => {
    const run = parseRun(JSON.stringify(probeRun(resultWith(), labels)), 'test');
    expect(run.command).toBe('probe');
    expect(run.options).toMatchObject({
      target: 'udp://localhost:4000',
      address: '127.0.0.1:4000',
      streams: 1,
      rate_pps: 50,
      ptime_ms: 20,
    });
    expect(run.summary).toMatchObject({
      total_channels: 1,
      active_channels: 0,
      total_latencies: 10_000,
      sent: 10_000,
      received: 10_000,
      packet_loss_ratio: 0,
      late_ratio: 0,
      socket_drops: 0,
      verdict: 'pass',
      clock: 'user',
      unstamped: null,
      host_delay_ms: null,
      engine: 'portable',
      engine_reason: 'asked for',
    });
    expect(run.summary.p50_latency).toBeCloseTo(5, 1);
    expect(run.summary.send_error_ms?.p50).toBeCloseTo(0.1, 2);
    expect(run.summary.r_factor).toBeCloseTo(93.2, 1);
    expect(run.summary.quality).toMatchObject({ delay_source: 'half of the round trip', one_way_ms: 2.5 });
  });

  it("says what the kernel's clock left out", () => {
    const kernel = resultWith({ engine: 'batch', clock: 'kernel', hostDelay: histogramOf(9_990, 0.2 * MS), unstamped: 10 });
    const { summary } = parseRun(JSON.stringify(probeRun(kernel, labels)), 'test');
    expect(summary).toMatchObject({ clock: 'kernel', unstamped: 10, engine: 'batch' });
    expect(summary.host_delay_ms?.p99).toBeCloseTo(0.2, 2);
  });

  it('has null, not 0, for what an unanswered probe could not measure', () => {
    const nothing = resultWith({ received: 0, lost: 10_000, latency: new LatencyHistogram(), jitterMs: null, socketDrops: null });
    const { summary } = parseRun(JSON.stringify(probeRun(nothing, labels)), 'test');
    expect(summary).toMatchObject({
      p50_latency: null,
      late_ratio: null,
      jitter_ms: null,
      r_factor: null,
      mos: null,
      socket_drops: null,
      packet_loss_ratio: 1,
      verdict: 'fail',
      verdict_reasons: ['nothing came back'],
    });
  });
});

describe('loss at a rate that an echo of ours does not answer', () => {
  const lossy = (address: string, streams: number): readonly string[] => {
    const result = resultWith({ lost: 100, received: 9_900, targets: [{ address, port: 4000 }] });
    return doubts({ ...result, options: { ...result.options, streams } }).filter((doubt) => doubt.includes('--source-rate'));
  };

  it('is told from loss on the way', () => {
    expect(lossy('192.0.2.1', 101)).toEqual([expect.stringMatching(/^5050 packets\/s were sent: rtplat echo answers 5000 of one source/)]);
  });

  it('is no doubt below that rate, nor on loopback, which has no caps', () => {
    expect(lossy('192.0.2.1', 100)).toEqual([]);
    expect(lossy('127.0.0.1', 101)).toEqual([]);
  });
});
