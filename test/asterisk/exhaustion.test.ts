// Bar 2: the range runs out, the rest is refused in order, and nothing leaks.
import { describe, expect, test } from 'vitest';
import { heldEnvironment, heldMemory } from './kit/held-memory.ts';
import type { HeldMemory } from './kit/held-memory.ts';
import { until } from './kit/process.ts';
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

describe('1,000 short calls', () => {
  const scratch = scratchFolder();

  test('all answered, no port leaked, nothing left in Asterisk, memory flat', async () => {
    const world = await startWorld(scratch('1000-calls'), { release: 'sid' });
    await world.echo();
    const told = world.folder('memory');
    const service = await world.service({ env: heldEnvironment(told) });
    const settledMemory = async (): Promise<HeldMemory> => {
      await service.idle();
      return heldMemory(told, service.pid);
    };
    const start = await settledMemory();
    const memory: HeldMemory[] = [];
    let total = 0;
    for (const calls of [300, 300, 400]) {
      const sipp = world.callers({ calls, rate: 25, durationMs: 700, limit: 40 });
      expect(await sipp.result).toMatchObject({ created: calls, answered: calls, refused: {}, successful: calls, failed: 0 });
      total += calls;
      memory.push(await settledMemory());
      expect(await service.metrics()).toMatchObject({ total_channels: total, active_channels: 0, calls_refused: 0, calls_failed: 0 });
    }
    const metrics = await service.metrics();
    expect(metrics.ports).toEqual({ total: 101, free: 101, bound: 0, draining: 0, foreign: 0 });
    expect(metrics.counters.sent).toBe(metrics.counters.returned + metrics.counters.lost);
    expect(metrics.total_latencies).toBe(metrics.counters.returned);
    expect(await world.asterisk.ari.channels()).toEqual([]);
    expect(await world.asterisk.ari.bridges()).toEqual([]);
    const growth = (memory.at(-1)?.heldMb ?? Number.NaN) - (memory[0]?.heldMb ?? Number.NaN);
    const list = [start, ...memory].map(({ heldMb, rssMb }) => `${heldMb.toFixed(1)} of ${rssMb.toFixed(1)}`).join(', ');
    note(`1000 calls: memory held ${list} MB resident after 0, 300, 600, 1000; ${metrics.counters.lost} packets lost`);
    // A leak of 5 kB a call would be 3.5 MB.
    expect(growth).toBeLessThan(3.5);
    expect((await service.finish()).code).toBe(0);
  });
});
