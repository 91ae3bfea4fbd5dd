import { describe, expect, it } from 'vitest';
import { addCounters, zeroCounters } from '../../../src/core/relay/counters.ts';
import { CallRegister } from '../../../src/core/relay/register.ts';
import type { CallMedia } from '../../../src/core/relay/register.ts';
import { LatencyHistogram } from '../../../src/core/stats/histogram.ts';

const AT = '2026-11-21T03:00:00.000Z';

function media(
  options: { sent?: number; returned?: number; lost?: number; drops?: number | null; jitterMs?: number | null } = {},
): CallMedia {
  const { sent = 0, returned = 0, lost = 0, drops = null, jitterMs = null } = options;
  const histogram = new LatencyHistogram();
  for (let i = 0; i < returned; i++) histogram.record(2e6);
  return {
    histogram,
    jitterMs,
    insideMs: null,
    socketDrops: drops,
    unstamped: 0,
    counters: () => ({ ...zeroCounters(), sent, returned, lost }),
  };
}

describe('the sums', () => {
  it('are those of the live and the ended calls, each once', () => {
    const register = new CallRegister();
    const [one, two] = [register.open('1', 'a', 0, AT), register.open('2', 'b', 0, AT)];
    register.taken(one, 10_000, media({ sent: 5, returned: 4, lost: 1, drops: 2 }));
    register.taken(two, 10_001, media({ sent: 7, returned: 7 }));
    const before = register.counters();
    expect(before).toMatchObject({ sent: 12, returned: 11, lost: 1 });
    register.close(one, 'completed', 'x', 1e9, AT);
    expect(register.counters()).toEqual(before);
    expect(register.counters()).toEqual(before);
    expect(register.socketDrops()).toBe(2);
  });

  it('have a name for every counter of a call', () => {
    const ones = Object.fromEntries(Object.keys(zeroCounters()).map((name) => [name, 1])) as ReturnType<typeof zeroCounters>;
    const sum = zeroCounters();
    addCounters(sum, ones);
    addCounters(sum, ones);
    expect(new Set(Object.values(sum))).toEqual(new Set([2]));
  });

  it('of what no socket can tell are null, not 0', () => {
    const register = new CallRegister();
    const call = register.open('1', 'a', 0, AT);
    register.taken(call, 10_000, media());
    expect([register.socketDrops(), register.jitterMs()]).toEqual([null, null]);
    register.close(call, 'completed', 'x', 1, AT);
    expect(register.socketDrops()).toBeNull();
    register.taken(register.open('2', 'b', 0, AT), 10_000, media({ drops: 0, jitterMs: 2 }));
    register.taken(register.open('3', 'c', 0, AT), 10_001, media({ jitterMs: 4 }));
    expect([register.socketDrops(), register.jitterMs()]).toEqual([0, 3]);
  });

  it('tell refused, failed and taken calls apart, and the most that had a port at once', () => {
    const register = new CallRegister();
    const calls = ['1', '2', '3'].map((id) => register.open(id, id, 0, AT));
    register.taken(calls[0]!, 10_000, media());
    register.taken(calls[1]!, 10_001, media());
    expect(register.active).toBe(2);
    register.close(calls[2]!, 'refused', 'no ports', 0, AT);
    expect(register.active).toBe(2);
    register.close(calls[1]!, 'failed', 'cancelled', 0, AT);
    register.close(calls[0]!, 'completed', 'done', 0, AT);
    expect(register.totals()).toEqual({ taken: 2, refused: 1, failed: 1 });
    expect([register.active, register.peak]).toEqual([0, 2]);
  });
});

describe('the documents', () => {
  it('say what was measured, in milliseconds, and null what was not', () => {
    const register = new CallRegister();
    const call = register.open('1.2', 'PJSIP/alice-1', 1e9, AT);
    expect(register.document('1.2', 2e9)).toMatchObject({
      id: '1.2',
      name: 'PJSIP/alice-1',
      state: 'allocating',
      port: null,
      peer: null,
      started_at: AT,
      ended_at: null,
      duration_seconds: 1,
      setup_ms: null,
      first_packet_ms: null,
      jitter_ms: null,
      total_latencies: 0,
      p50_latency: null,
      packet_loss_ratio: null,
      end_reason: null,
    });
    register.taken(call, 10_000, media({ sent: 4, returned: 3, lost: 1, jitterMs: 0.5 }));
    call.setupNs = 12.5e6;
    call.firstPacketNs = 1e9 + 20e6;
    call.peer = '127.0.0.1:12000';
    register.close(call, 'completed', 'caller hung up', 4e9, '2026-11-21T03:00:03.000Z');
    expect(register.document('1.2', 99e9)).toMatchObject({
      state: 'ended',
      port: 10_000,
      peer: '127.0.0.1:12000',
      ended_at: '2026-11-21T03:00:03.000Z',
      duration_seconds: 3,
      setup_ms: 12.5,
      first_packet_ms: 20,
      jitter_ms: 0.5,
      total_latencies: 3,
      max_latency: 2,
      packet_loss_ratio: 0.25,
      end_reason: 'caller hung up',
    });
  });

  it('of ended calls are kept for the last 200, the newest under an id that came again', () => {
    const register = new CallRegister();
    for (let i = 0; i < 250; i++) register.close(register.open(String(i % 249), 'x', i, AT), 'completed', String(i), i, AT);
    const documents = register.documents(0);
    expect(documents).toHaveLength(200);
    expect(documents[0]?.end_reason).toBe('249');
    expect(register.document('0', 0)?.end_reason).toBe('249');
    expect(register.document('1', 0)).toBeUndefined();
  });
});
