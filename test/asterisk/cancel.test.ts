// Callers that give up, or are gone, while the call is being set up.
import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { until } from './kit/process.ts';
import { scratchFolder } from './kit/scratch.ts';
import type { SippResult } from './kit/sipp.ts';
import { RELEASES, hangUpCallers, note, startWorld } from './kit/world.ts';

describe.each(RELEASES)('callers gone before the answer, Asterisk of %s', (release) => {
  const scratch = scratchFolder();

  test('5 callers send CANCEL before the service hears of them: nothing is left, nobody was answered', async () => {
    const world = await startWorld(scratch('gone-before'), { release });
    await world.echo();
    const service = await world.service();
    // Stopped, it finds StasisStart and StasisEnd of all five waiting when it goes on.
    service.freeze();
    const sipp = world.callers({ calls: 5, rate: 50, durationMs: 300, scenario: 'canceller' });
    expect(await sipp.result).toMatchObject({ created: 5, answered: 0, cancelled: 5, successful: 5, failed: 0 });
    service.thaw();
    await until('5 calls cleaned up', () => (service.messages(/^Cleaned up channel /).length === 5 ? true : undefined));
    expect((await service.idle()).ports.free).toBe(101);
    await world.cleared();
    expect(service.messages(/^StasisEnd event received /)).toHaveLength(5);
    expect(service.messages(/^Created channel /)).toEqual([]);
    expect((await service.metrics()).total_latencies).toBe(0);
    await service.healthy();
    expect(await world.callers({ calls: 1, durationMs: 500 }).result).toMatchObject({ answered: 1, failed: 0 });
    await service.idle();
    expect((await service.finish()).code).toBe(0);
  });

  test('40 callers vanish at any moment of the set-up: nothing is left, and the service takes calls', async () => {
    const world = await startWorld(scratch('any-moment'), { release });
    await world.echo();
    const service = await world.service();
    const sipp = world.callers({ calls: 40, rate: 60, durationMs: 60_000 });
    // Whoever is there is hung up, at uneven intervals: ringing, half joined, or just answered.
    let result: SippResult | undefined;
    for (let round = 1; result === undefined; round++) {
      await hangUpCallers(world.asterisk);
      result = await Promise.race([sipp.result, setTimeout((round * 7) % 29, undefined)]);
    }
    const { created, answered, refused, hungUpByPeer, failed, errors } = result;
    // A BYE on the heels of the 200 finds SIPp still at its ACK: it answers it, and calls the call failed. Nothing else may fail.
    const early = errors.split('unexpected BYE').length - 1;
    expect({ created, failed }, errors).toEqual({ created: 40, failed: early });
    const uncounted = 40 - answered - Object.values(refused).reduce((sum, count) => sum + count, 0);
    expect(uncounted).toBeGreaterThanOrEqual(0);
    expect(hungUpByPeer).toBe(answered - (early - uncounted));
    await service.idle();
    await world.cleared();
    expect(await world.asterisk.ari.channels()).toEqual([]);
    expect(service.messages(/^Allocated port /)).toHaveLength(service.messages(/^Released port /).length);
    expect(await world.callers({ calls: 1, durationMs: 500 }).result).toMatchObject({ answered: 1, failed: 0 });
    await service.idle();
    note(`${release}, 40 callers gone during the set-up: ${answered} had been answered`);
    expect((await service.finish()).code).toBe(0);
  });
});
