// Bar 2: the range runs out, the rest is refused in order, and nothing leaks.
import { describe, expect, test } from 'vitest';
import { until } from './kit/process.ts';
import type { Service } from './kit/rtplat.ts';
import { scratchFolder } from './kit/scratch.ts';
import { RELEASES, hangUpCallers, note, startWorld } from './kit/world.ts';

describe.each(RELEASES)('more calls than ports, Asterisk of %s', (release) => {
  const scratch = scratchFolder();

  test('of 120 calls 101 are answered and 19 get 503, and the 101 go on undisturbed', async () => {
    const world = await startWorld(scratch('120-calls'), { release });
    await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 120, rate: 40, durationMs: 120_000 });

    await until(
      '101 calls up and 19 refused',
      async () => {
        const { calls_refused: refused } = await service.metrics();
        const up = (await service.calls()).filter((call) => call.state === 'up').length;
        if (up > 101 || refused > 19) throw new Error(`${up} up, ${refused} refused`);
        return up === 101 && refused === 19 ? true : undefined;
      },
      { timeoutMs: 60_000, everyMs: 200 },
    );
    await service.unhealthy(/^all 101 ports are in use$/);
    expect(service.messages(/^No ports available in range 10000-10100$/)).toHaveLength(19);
    expect(service.lines()).toContainEqual({ scope: 'PortManager', level: 'ERROR', message: 'No ports available in range 10000-10100' });
    expect(service.messages(/^Failed to create channel \S+: failed to get RTP port: no ports available$/)).toHaveLength(19);
    expect(service.messages(/^Failed to create channel /)).toHaveLength(19);

    // Undisturbed: every one of them has packets returned after the last refusal.
    const before = new Map((await service.calls()).map((call) => [call.id, call.counters.returned]));
    await until('packets returned on all 101', async () => {
      const live = (await service.calls()).filter((call) => call.ended_at === null);
      const going = live.filter(({ id, counters }) => counters.returned > (before.get(id) ?? Number.POSITIVE_INFINITY));
      return going.length === 101 ? true : undefined;
    });
    const ports = (await service.calls()).filter((call) => call.ended_at === null).map((call) => call.port ?? 0);
    expect(ports.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 101 }, (_, index) => 10_000 + index));

    await hangUpCallers(world.asterisk);
    expect(await sipp.result).toMatchObject({ created: 120, answered: 101, refused: { 503: 19 }, hungUpByPeer: 101, failed: 0 });
    expect((await service.idle()).ports).toEqual({ total: 101, free: 101, bound: 0, draining: 0, foreign: 0 });
    await service.healthy();
    await world.cleared();
    const { run, code } = await service.finish();
    expect(code).toBe(0);
    const { summary } = run;
    expect(summary).toMatchObject({ total_channels: 101, peak_channels: 101, in_flight: 0 });
    expect(summary.sent).toBe(summary.received + summary.lost);
    note(
      `${release}, 120 calls on 101 ports: 101 answered, 19 refused; ${summary.sent} packets, ${summary.lost} lost, ` +
        `latency p50 ${summary.p50_latency} p99 ${summary.p99_latency} ms`,
    );
  });
});

/** Resident memory when nothing is going on any more: the least of several readings, MB. */
async function settledMemory(service: Service): Promise<number> {
  await service.idle();
  const readings: number[] = [];
  await until(
    '10 readings',
    async () => (readings.push((await service.health()).body.memory_usage_mb ?? Number.POSITIVE_INFINITY) < 10 ? undefined : true),
    {
      everyMs: 150,
    },
  );
  return Math.min(...readings);
}

describe('1,000 short calls', () => {
  const scratch = scratchFolder();

  test('all answered, no port leaked, nothing left in Asterisk, memory flat', async () => {
    const world = await startWorld(scratch('1000-calls'), { release: 'sid' });
    await world.echo();
    const service = await world.service();
    const start = await settledMemory(service);
    const memory: number[] = [];
    let total = 0;
    for (const calls of [300, 300, 400]) {
      const sipp = world.callers({ calls, rate: 25, durationMs: 700, limit: 40 });
      expect(await sipp.result).toMatchObject({ created: calls, answered: calls, refused: {}, successful: calls, failed: 0 });
      total += calls;
      memory.push(await settledMemory(service));
      expect(await service.metrics()).toMatchObject({ total_channels: total, active_channels: 0, calls_refused: 0, calls_failed: 0 });
    }
    const metrics = await service.metrics();
    expect(metrics.ports).toEqual({ total: 101, free: 101, bound: 0, draining: 0, foreign: 0 });
    expect(metrics.counters.sent).toBe(metrics.counters.returned + metrics.counters.lost);
    expect(metrics.total_latencies).toBe(metrics.counters.returned);
    expect(await world.asterisk.ari.channels()).toEqual([]);
    expect(await world.asterisk.ari.bridges()).toEqual([]);
    const growth = (memory.at(-1) ?? 0) - (memory[0] ?? 0);
    note(
      `1000 calls: memory ${[start, ...memory].map((mb) => mb.toFixed(1)).join(', ')} MB after 0, 300, 600, 1000; ${metrics.counters.lost} packets lost`,
    );
    // A leak of 50 kB a call would be 35 MB.
    expect(growth).toBeLessThan(35);
    expect((await service.finish()).code).toBe(0);
  });
});
