import { describe, expect, it } from 'vitest';
import { ariRun } from '../../../src/core/caller/ari-document.ts';
import type { CallOutcome } from '../../../src/core/caller/outcome.ts';
import type { ServiceFacts } from '../../../src/core/caller/service-watch.ts';
import type { AriOptions } from '../../../src/core/caller/options.ts';
import { CallerTotals } from '../../../src/core/caller/totals.ts';
import type { RelayCounters } from '../../../src/core/report/metrics.ts';
import type { ServiceCall, ServiceMetrics } from '../../../src/core/report/read-metrics.ts';
import { parseRun } from '../../../src/core/report/read-run.ts';
import { ariLoadTables } from '../../../src/core/report/render/ari-load.ts';
import type { AriLoad, RunDocument } from '../../../src/core/report/run.ts';
import { callWith, mediaWith } from './calls.ts';

const MS = 1e6;
const OPTIONS: AriOptions = {
  codec: 'PCMU',
  ...{ count: 2, forNs: null, concurrency: 2, cps: 10, ringTimeoutNs: 30e9, ptimeMs: 20, match: 'header' },
  media: { durationNs: 10e9, timeoutNs: 2e9, lateThresholdNs: 3 * MS, seed: 1, bufferBytes: 65_536 },
};

/** A call of 500 packets, all of which came back with another SSRC; begun so many ms after the first. */
function call(number: number, changes: Partial<CallOutcome> = {}): CallOutcome {
  return callWith({
    ...{ number, callId: `near-${number}`, requestDelayMs: null, disconnectMs: null, status: null },
    media: mediaWith({ received: 0, lost: 500, unmatched: 500, otherSsrc: 500 }),
    ari: { beganMs: 1_000 + 100 * (number - 1), channelId: `near-${number}`, farId: `far-${number}`, cause: null },
    ...changes,
  });
}

function failed(number: number, cause: number, problem: string): CallOutcome {
  const ari = {
    beganMs: 1_000 + 100 * (number - 1),
    channelId: `near-${number}`,
    farId: `far-${number}`,
    cause: { number: cause, text: '' },
  };
  return call(number, { ...{ answeredMs: null, endingMs: null, end: 'not placed', problem, media: null }, ari });
}

const COUNTERS: RelayCounters = {
  ...{ from_peer: 500, bytes_from_peer: 86_000, from_echo: 500, to_peer: 500, sent: 500, returned: 500, lost: 0, in_flight: 0 },
  ...{ late: 0, late_from_peer: 0, late_after_loss: 0, duplicates: 0, duplicates_sent: 0, reordered: 0 },
  ...{ unmatched: 0, untracked: 0, malformed: 0, rejected_source: 0, send_errors: 0 },
};

const LATENCY = {
  ...{ total_latencies: 500, p50_latency: 0.1, p95_latency: 0.2, p99_latency: 0.3, max_latency: 0.4, avg_latency: 0.1 },
  ...{ late_ratio: 0, packet_loss_ratio: 0 },
};

function serviceCall(number: number, changes: Partial<RelayCounters> = {}): ServiceCall {
  return {
    ...LATENCY,
    ...{ id: `far-${number}`, name: 'Local/echo@rtplat-0;2', state: 'ended', port: 10_000, peer: '127.0.0.1:20000' },
    ...{ started_at: '2026-11-21T10:00:00.000Z', ended_at: '2026-11-21T10:00:10.000Z', duration_seconds: 10 },
    ...{ setup_ms: 5, first_packet_ms: 6, jitter_ms: 0.1, end_reason: 'caller hung up' },
    counters: { ...COUNTERS, ...changes },
  };
}

function metrics(calls: number, changes: Partial<ServiceMetrics> = {}): ServiceMetrics {
  const counters = Object.fromEntries(Object.entries(COUNTERS).map(([name, value]) => [name, value * calls])) as unknown as RelayCounters;
  return {
    ...LATENCY,
    ...{ total_channels: calls, active_channels: 0, peak_channels: calls, counters, calls_refused: 0, calls_failed: 0 },
    ports: { total: 101, free: 101, bound: 0, draining: 0, foreign: 0 },
    ...{ socket_drops: 0, uptime_seconds: 100 + calls, clock: 'kernel', engine: 'batch', engine_reason: '', host_delay_ms: null },
    ...{ unstamped: 0, stray_echoes: 0 },
    ...changes,
  };
}

function service(calls: readonly ServiceCall[], changes: Partial<ServiceFacts> = {}): ServiceFacts {
  return {
    ...{ url: 'http://127.0.0.1:9090', before: metrics(3), after: metrics(3 + calls.length), trouble: null },
    calls: new Map(calls.map((each) => [each.id, each])),
    ...changes,
  };
}

/** The document, as the reader of run files takes it. */
function runOf(calls: readonly CallOutcome[], facts: ServiceFacts | null, left: readonly string[] | null = []): RunDocument {
  const totals = new CallerTotals({
    options: { ...OPTIONS.media, streams: calls.length, intervalNs: 20 * MS, ptimeNs: 20 * MS },
    ...{ engine: 'portable', clock: 'user' },
  });
  for (const each of calls) totals.add(each);
  const parts = { options: OPTIONS, url: 'http://127.0.0.1:8088', user: 'rtplat', asterisk: '22.10.1', service: facts, left };
  const host = { hostname: 'h', os: 'linux', kernel: '6', arch: 'x64', cpus: 1, cpu_model: 'm', node: '24' };
  const run = ariRun(
    totals.result(20e9, false, () => []),
    parts,
    {
      ...{ version: '0', host, target: 'ari:Local/echo@rtplat' },
      ...{ startedAt: '2026-11-21T10:00:00.000Z', endedAt: '2026-11-21T10:00:20.000Z' },
    },
  );
  return parseRun(JSON.stringify(run), 'run');
}

function loadOf(calls: readonly CallOutcome[], facts: ServiceFacts | null): AriLoad {
  return runOf(calls, facts).ari as AriLoad;
}

describe('a load through ARI', () => {
  it('in which both ends have counted the same', () => {
    const run = runOf([call(1), call(2)], service([serviceCall(1), serviceCall(2)]));
    expect(run.ari).toMatchObject({
      ...{ calls_placed: 2, calls_answered: 2, calls_succeeded: 2, success_ratio: 1, calls_per_second: 10 },
      ...{ sent: 1_000, came_back: 1_000, left: 0, failures: [] },
      setup_ms: { count: 2, max: 100 },
      service: {
        ...{ calls_taken: 2, calls_joined: 2, counted_by: 'call', trouble: null },
        counters: { from_peer: 1_000, sent: 1_000, returned: 1_000, lost: 0, in_flight: 0, to_peer: 1_000 },
      },
      agreement: { verdict: 'agree' },
    });
    expect(run.calls[1]).toMatchObject({
      setup_ms: 100,
      ari: { channel_id: 'near-2', sent: 500, came_back: 500, cause: null, service: { id: 'far-2', from_peer: 500, to_peer: 500 } },
    });
    expect(run.calls[1]).not.toHaveProperty('sip');
    expect(run).not.toHaveProperty('sip');
    // Of packets with other headers no round trip is known: that is neither loss nor a failure.
    expect(run.summary).toMatchObject({ verdict: 'insufficient', p50_latency: null, packet_loss_ratio: null, match: null });
  });

  it.each([
    [
      'a packet that Asterisk lost on the way there',
      { from_peer: 499, sent: 499, returned: 499, to_peer: 499 },
      [true, false, true, false],
    ],
    ['one that it lost on the way back', { to_peer: 501 }, [true, true, true, false]],
    ['one that the service cannot account for', { returned: 499 }, [true, true, false, true]],
  ])('%s shows where it was lost', (_, counters, agrees) => {
    const load = loadOf([call(1), call(2)], service([serviceCall(1), serviceCall(2, counters)]));
    expect(load.agreement?.verdict).toBe('differ');
    expect(load.agreement?.checks.map((check) => check.agrees)).toEqual(agrees);
  });

  it('takes lost and late packets of the service for what they are', () => {
    const load = loadOf([call(1)], service([serviceCall(1, { returned: 490, lost: 8, in_flight: 2 })]));
    expect(load.agreement?.verdict).toBe('agree');
  });

  it('compares totals where calls are not known by name, and only when nobody else called', () => {
    const nameless = (number: number): CallOutcome => call(number, { ari: { ...call(number).ari!, farId: null } });
    const unnamed = [nameless(1), nameless(2)];
    const alone = loadOf(unnamed, service([], { after: metrics(5) }));
    expect(alone.service).toMatchObject({ counted_by: 'total', calls_joined: 0, counters: { from_peer: 1_000, to_peer: 1_000 } });
    expect(alone.agreement?.verdict).toBe('agree');
    const others = loadOf(unnamed, service([], { after: metrics(6) }));
    expect(others.service).toMatchObject({ counted_by: null, counters: null, calls_taken: 3 });
    expect(others.agreement).toMatchObject({ verdict: 'unknown' });
    expect(others.agreement?.checks.map(({ agrees }) => agrees)).toEqual([null, null, null, null]);
    const fewer = loadOf(unnamed, service([], { after: metrics(4) }));
    expect(fewer.agreement).toMatchObject({ verdict: 'differ', checks: [{ one: 2, other: 1, agrees: false }, {}, {}, {}] });
    const busy = loadOf(unnamed, service([], { before: metrics(3, { active_channels: 1 }), after: metrics(5) }));
    expect(busy.service?.counted_by).toBeNull();
  });

  it('knows nothing of a service that was started anew', () => {
    const load = loadOf([call(1)], service([], { before: metrics(30), after: metrics(1) }));
    expect(load.service).toMatchObject({
      calls_taken: null,
      calls_refused: null,
      counters: null,
      trouble: 'it was started anew during the run',
    });
    expect(load.agreement?.verdict).toBe('unknown');
  });

  it('has failures by cause, the most frequent first, and no service unless it was named', () => {
    const busy = 'busy (Q.850 cause 17)';
    const run = runOf([call(1), failed(2, 34, 'no room'), failed(3, 17, busy), failed(4, 17, busy)], null);
    expect(run.ari).toMatchObject({
      calls_placed: 4,
      calls_answered: 1,
      calls_succeeded: 1,
      success_ratio: 0.25,
      service: null,
      agreement: null,
    });
    expect(run.ari?.failures).toEqual([
      { problem: busy, cause: 17, calls: 2 },
      { problem: 'no room', cause: 34, calls: 1 },
    ]);
    expect(run.summary).toMatchObject({ verdict: 'fail', verdict_reasons: ['call 2: no room', `call 3: ${busy}`, `call 4: ${busy}`] });
  });

  it('counts a call that was stopped as a success when it was up, and not at all before', () => {
    const stopped = { stopped: true, problem: null } as const;
    const ringing = call(2, { ...stopped, answeredMs: null, endingMs: null, media: null });
    const load = loadOf([call(1, stopped), ringing], null);
    expect([load.calls_placed, load.calls_succeeded, load.success_ratio]).toEqual([2, 1, 1]);
    expect(loadOf([ringing], null)).toMatchObject({ success_ratio: null, setup_ms: null, calls_per_second: null });
  });

  it('says that something is left, or that it could not be asked', () => {
    expect(runOf([call(1)], null, ['rtplat-probe.x.1.near']).ari?.left).toBe(1);
    expect(runOf([call(1)], null, null).ari?.left).toBeNull();
  });

  it('is shown in tables, and what is not known as a dash', () => {
    const text = (load: AriLoad): string => JSON.stringify(ariLoadTables(load));
    const good = ariLoadTables(loadOf([call(1)], service([serviceCall(1)])));
    expect(good.map(({ title }) => title)).toEqual(['Calls through ARI', 'Caller and service agree']);
    expect(text(loadOf([failed(1, 17, 'busy')], null))).toContain('Calls that failed');
    const unknown = loadOf([call(1)], service([], { before: metrics(30), after: metrics(1) }));
    expect(text(unknown)).toContain('"– / – / –"');
    expect(text(unknown)).toContain('started anew');
    // A service's and an Asterisk's words are not a terminal's commands.
    expect(text({ ...unknown, failures: [{ problem: '\u001b[2J', cause: null, calls: 1 }] })).not.toContain('\\u001b');
  });
});
