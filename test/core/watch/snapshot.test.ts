import { describe, expect, it } from 'vitest';
import { SnapshotCollector } from '../../../src/core/watch/snapshot.ts';
import type { StreamEvent } from '../../../src/core/watch/event-stream.ts';
import { makeMetrics } from '../report/make-metrics.ts';
import { callNumber, HEALTHY, LATENCY, makeSnapshot } from './make-snapshot.ts';

function metricsEvent(more: object = {}): StreamEvent {
  return { name: 'metrics', data: JSON.stringify({ ...makeMetrics(LATENCY, 0), ...more }) };
}
const health: StreamEvent = { name: 'health', data: JSON.stringify(HEALTHY) };
const calls: StreamEvent = { name: 'calls', data: JSON.stringify([callNumber(1)]) };

describe('events of one second', () => {
  it.each([
    ['as a service sends them', [metricsEvent(), health, calls]],
    ['in another order', [calls, metricsEvent(), health]],
    ['with others between them', [metricsEvent(), { name: 'digit', data: '{' }, health, { name: 'charts', data: '<svg>' }, calls]],
  ])('make a snapshot %s', (_name, events) => {
    const collector = new SnapshotCollector('http://x');
    const made = events.map((event) => collector.add(event));
    expect(made.slice(0, -1)).toEqual(made.slice(0, -1).map(() => undefined));
    expect(made.at(-1)).toMatchObject({ health: HEALTHY, calls: [{ id: '1756544841.1' }], sla: { verdict: 'pass' } });
  });

  it('are not mixed with those of the next when one was missed', () => {
    const collector = new SnapshotCollector('http://x');
    for (const event of [metricsEvent({ uptime_seconds: 1 }), calls, metricsEvent({ uptime_seconds: 2 }), health]) {
      expect(collector.add(event)).toBeUndefined();
    }
    expect(collector.add(calls)).toMatchObject({ metrics: { uptime_seconds: 2 } });
  });

  it.each<[string, string, string]>([
    ['metrics', '<html>', 'the event "metrics" of http://x did not answer the metrics document of an rtplat service: it is not JSON'],
    ['metrics', '{}', 'the event "metrics" of http://x did not answer the metrics document of an rtplat service'],
    ['metrics', JSON.stringify({ ...makeMetrics(LATENCY, 0), p99_latency: 'fast' }), '"p99_latency"'],
    ['health', '{"status":"fine"}', '"status"'],
    ['calls', '{"0":1}', 'the calls of an rtplat service'],
    ['calls', '[{}]', '"0.'],
  ])('are refused when "%s" is %s', (name, data, said) => {
    expect(() => new SnapshotCollector('http://x').add({ name, data })).toThrow(said);
  });
});

describe('a snapshot', () => {
  it('has no verdict where nothing is relayed, and ports of its own', () => {
    const ports = { total: 2500, free: 2499, bound: 1, draining: 0, foreign: 0 };
    expect(makeSnapshot({ metrics: { relays: false, media: { sent: 1, ports } } })).toMatchObject({ sla: null, mediaPorts: ports });
    expect(makeSnapshot()).toMatchObject({ sla: { verdict: 'pass' }, mediaPorts: null });
  });

  it('is no pass on too few samples', () => {
    expect(makeSnapshot({ metrics: { total_latencies: 9_999 } }).sla?.verdict).toBe('insufficient');
  });
});
