import { describe, expect, it } from 'vitest';
import { callRun } from '../../../src/core/caller/document.ts';
import type { CallerOptions } from '../../../src/core/caller/options.ts';
import type { CallOutcome } from '../../../src/core/caller/outcome.ts';
import { parseCallTarget } from '../../../src/core/caller/target.ts';
import { CallerTotals } from '../../../src/core/caller/totals.ts';
import type { CallerResult } from '../../../src/core/caller/totals.ts';
import { setUpTable } from '../../../src/core/report/render/set-up.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import type { RunDocument } from '../../../src/core/report/run.ts';
import { callWith, histogramOf, mediaWith, refusedWith } from './calls.ts';

const MS = 1e6;
const OPTIONS: CallerOptions = {
  target: parseCallTarget('sip:600@192.0.2.10', {}),
  ...{
    count: 2,
    forNs: null,
    concurrency: 2,
    cps: 10,
    ringTimeoutNs: 30e9,
    codecs: ['PCMU'],
    ptimeMs: 20,
    match: 'auto',
    srtp: [],
    credentials: undefined,
  },
  media: { durationNs: 10e9, timeoutNs: 2e9, lateThresholdNs: 3 * MS, seed: 1, bufferBytes: 65_536 },
};

function resultOf(...calls: readonly CallOutcome[]): CallerResult {
  const totals = new CallerTotals({
    options: { ...OPTIONS.media, streams: calls.length, intervalNs: 20 * MS, ptimeNs: 20 * MS },
    ...{ engine: 'portable', clock: 'user' },
  });
  totals.up(calls.length);
  for (const call of calls) totals.add(call);
  return totals.result(20e9, false, (lost) => [{ t: 0, sent: 1, received: 1, lost, late: 0, p50: null, p95: null, p99: null, max: null }]);
}

/** The document of the calls, which the reader of run files takes. */
function runOf(...calls: readonly CallOutcome[]): RunDocument {
  const host = { hostname: 'h', os: 'linux', kernel: '6', arch: 'x64', cpus: 1, cpu_model: 'm', node: '24' };
  const run = callRun(resultOf(...calls), OPTIONS, {
    ...{ version: '0', host, target: 'sip:600@192.0.2.10', engineReason: 'asked for' },
    ...{ startedAt: '2026-11-21T10:00:00.000Z', endedAt: '2026-11-21T10:00:20.000Z' },
  });
  return parseRun(JSON.stringify(run), 'run');
}

describe('a run of calls', () => {
  it('has the sums of all, their set-up, and a row each in order', () => {
    const slow = mediaWith({ latency: histogramOf(400, 50 * MS), received: 400, lost: 100 });
    const run = runOf(callWith({ number: 2, media: slow }), callWith());
    expect(run.summary).toMatchObject({
      sent: 1_000,
      received: 900,
      lost: 100,
      match: 'header',
      verdict: 'pass',
      total_channels: 2,
      peak_channels: 2,
    });
    expect(run.summary.total_latencies).toBe(900);
    expect(run.summary.max_latency).toBeCloseTo(50, 0);
    expect(run.calls.map(({ id }) => id)).toEqual(['call-1', 'call-2']);
    expect(run.calls[0]).toMatchObject({ state: 'done', match: 'header', setup_ms: 100, duration_seconds: 10, peer: '192.0.2.10:30000' });
    expect(run.calls[0]?.mos).toBeGreaterThan(4.3);
    expect(run.calls[1]?.mos).toBeLessThan(run.calls[0]?.mos ?? 0);
    expect(run.sip).toMatchObject({
      ...{ session_requests: 2, session_establishment_ratio: 1, session_completion_ratio: 1, ineffective_session_attempt_ratio: 0 },
      ...{ request_delay_ms: { count: 2, max: 20 }, disconnect_delay_ms: { count: 2 }, failed_request_delay_ms: null },
    });
    expect(run.series).toEqual([expect.objectContaining({ lost: 100 })]);
    expect(run.options).toMatchObject({ count: 2, concurrency: 2, codecs: 'PCMU', transport: 'udp' });
  });

  it('names the calls that failed, and says nothing of media that they had not', () => {
    const run = runOf(callWith(), refusedWith({ number: 2 }));
    expect(run.summary).toMatchObject({ verdict: 'fail', verdict_reasons: ['call 2: busy (486 Busy Here)'], sent: 500 });
    expect(run.calls[1]).toMatchObject({
      state: 'failed',
      setup_ms: null,
      match: null,
      mos: null,
      other_ssrc: null,
      end_reason: 'busy (486 Busy Here)',
    });
    for (const member of ['counters', 'duration_seconds', 'packet_loss_ratio', 'p50_latency'])
      expect(run.calls[1]).not.toHaveProperty(member);
    expect(run.sip).toMatchObject({
      session_establishment_ratio: 0.5,
      session_establishment_effectiveness_ratio: 1,
      session_completion_ratio: 0.5,
    });
  });

  it('names five of many', () => {
    const failed = Array.from({ length: 8 }, (_, i) => refusedWith({ number: i + 1 }));
    expect(runOf(...failed).summary.verdict_reasons).toHaveLength(6);
    expect(runOf(...failed).summary.verdict_reasons.at(-1)).toBe('and 3 more calls failed');
  });

  it('counts nothing of a call whose packets came back as others, and keeps no series that would show them as lost', () => {
    const others = mediaWith({ received: 0, lost: 500, unmatched: 490, otherSsrc: 490, latency: histogramOf(0, 0) });
    const run = runOf(callWith(), callWith({ number: 2, media: others, problem: 'not matched by header' }));
    expect(run.summary).toMatchObject({ sent: 500, lost: 0, packet_loss_ratio: 0 });
    expect(run.calls[1]).toMatchObject({ match: null, other_ssrc: 490, mos: null });
    expect(run.calls[1]).not.toHaveProperty('counters');
    expect(run.series).toEqual([]);
  });

  it('has loss, and no score, where nothing came back', () => {
    const mute = mediaWith({ received: 0, lost: 500, latency: histogramOf(0, 0), jitterMs: null });
    const run = runOf(callWith({ media: mute, problem: 'no media' }));
    expect(run.summary).toMatchObject({
      lost: 500,
      packet_loss_ratio: 1,
      p50_latency: null,
      jitter_ms: null,
      mos: null,
      r_factor: null,
      match: null,
    });
    expect(run.calls[0]).toMatchObject({ match: null, mos: null });
  });

  it('has no score for a codec that G.107 is not about', () => {
    const audio = { name: 'G722', payloadType: 9, clockRateHz: 8_000, bytesPerSecond: 8_000, silenceByte: 0xfa };
    const media = mediaWith();
    const run = runOf(callWith({ codec: 'G722', media: { ...media, options: { ...media.options, audio } } }));
    expect(run.summary).toMatchObject({ mos: null, r_factor: null, quality: null, received: 500 });
    expect(run.calls[0]).toMatchObject({ mos: null, sip: { codec: 'G722' } });
  });

  it.each<[string, Partial<CallOutcome>, Record<string, unknown>]>([
    [
      'no answer at all is an ineffective attempt',
      { end: 'timeout', status: null, requestDelayMs: null },
      { session_requests: 1, ineffective_session_attempt_ratio: 1 },
    ],
    ['so is nobody there', { end: 'unreachable', status: null, requestDelayMs: null }, { ineffective_session_attempt_ratio: 1 }],
    [
      'given up is neither effective nor that',
      { end: 'cancelled', status: null },
      { ineffective_session_attempt_ratio: 0, session_establishment_ratio: 0 },
    ],
    [
      'stopped by the user is not counted',
      { end: 'cancelled', status: null, stopped: true },
      { session_requests: 0, session_establishment_ratio: null },
    ],
    ['nor what was never sent', { end: 'not placed', status: null }, { session_requests: 0 }],
    ['a redirection is left out of the ratio', { status: 302 }, { session_requests: 1, session_establishment_ratio: null }],
  ])('%s', (_, changes, expected) => {
    expect(runOf(refusedWith(changes)).sip).toMatchObject(expected);
  });

  it('a BYE that was not answered completes no session', () => {
    expect(runOf(callWith({ disconnectMs: null })).sip).toMatchObject({ session_completion_ratio: 0, disconnect_delay_ms: null });
    expect(runOf(callWith({ end: 'left', disconnectMs: null })).sip).toMatchObject({ session_completion_ratio: 1 });
  });

  it('has a table of the set-up, – for what was not measured', () => {
    const { sip } = runOf(refusedWith());
    const rows = sip === undefined ? [] : setUpTable(sip).rows.map((row) => row.map(({ text }) => text));
    expect(rows[0]?.[1]).toBe('–');
    expect(rows[1]?.[1]).toBe('20.000 / 20.000 / 20.000 ms');
    expect(rows[4]).toEqual(['session establishment ratio (SER)', '0.000 %']);
  });
});
