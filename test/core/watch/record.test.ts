import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { jsonLine, jsonProblem, plainLine, plainProblem } from '../../../src/core/watch/record.ts';
import { callNumber, makeSnapshot } from './make-snapshot.ts';

const at = '2026-11-21T10:00:00.000Z';

describe('a second as text', () => {
  it('has what matters', () => {
    expect(plainLine(at, makeSnapshot())).toBe(
      `${at} healthy; calls 1; SLA pass; p50 2.429 ms, p95 3.834 ms, p99 3.967 ms, max 3.999 ms; lost 0.000 %, late 0.000 %; ports 1 of 101`,
    );
  });

  it('has a dash for what was not measured, and why it is not healthy', () => {
    const nothing = {
      p50_latency: null,
      p95_latency: null,
      p99_latency: null,
      max_latency: null,
      late_ratio: null,
      packet_loss_ratio: null,
    };
    const health = { status: 'unhealthy', reason: 'no Asterisk\u001B[2J', checks: [] } as const;
    expect(plainLine(at, makeSnapshot({ metrics: { ...nothing, total_latencies: 0 }, health }))).toBe(
      `${at} unhealthy (no Asterisk\\x1b[2J); calls 1; SLA insufficient; p50 –, p95 –, p99 –, max –; lost –, late –; ports 1 of 101`,
    );
  });

  it('has no latency where none is relayed', () => {
    const ports = { total: 2500, free: 2499, bound: 1, draining: 0, foreign: 0 };
    const calls = { taken: 9, active: 2, peak: 3, completed: 1, cancelled: 0, rejected: 1, failed: 4, refused: 5, digits: 0 };
    const none = { total: 0, free: 0, bound: 0, draining: 0, foreign: 0 };
    expect(plainLine(at, makeSnapshot({ metrics: { relays: false, media: { ports }, calls, ports: none } }))).toBe(
      `${at} healthy; calls 2; no call is relayed; ports 1 of 2,500`,
    );
    expect(plainLine(at, makeSnapshot({ metrics: { relays: true, media: { ports }, calls } }))).toContain(
      '; ports 1 of 2,500; relay ports 1 of 101',
    );
  });

  it('tells of a connection that is lost', () => {
    expect(plainProblem(at, 'ECONNREFUSED\n')).toBe(`${at} no connection: ECONNREFUSED\\x0a; trying again`);
  });
});

describe('a second as JSON', () => {
  it('has the same members with and without a connection', () => {
    const snapshot = makeSnapshot({ calls: [callNumber(1)] });
    const some = JSON.parse(jsonLine(at, 'http://x', snapshot)) as object;
    const none = JSON.parse(jsonProblem(at, 'http://x', 'gone')) as object;
    expect(some).toEqual({
      at,
      url: 'http://x',
      connected: true,
      problem: null,
      health: snapshot.health,
      sla: snapshot.sla,
      metrics: snapshot.metrics,
      calls: snapshot.calls,
    });
    expect(none).toEqual({ at, url: 'http://x', connected: false, problem: 'gone', health: null, sla: null, metrics: null, calls: null });
    expect(Object.keys(none)).toEqual(Object.keys(some));
  });

  it('is one line that a terminal shows as it is, and says what the service said', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const line = jsonLine(at, 'http://x', makeSnapshot({ calls: [callNumber(1, { name })] }));
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}\u2028-\u202E\u2066-\u2069]/u);
        expect((JSON.parse(line) as { calls: { name: string }[] }).calls[0]?.name).toBe(name);
      }),
    );
  });
});
