/** One thread that paces several probes: what each of them sends, and that it stops when told. */
import { afterEach, describe, expect, it } from 'vitest';
import { PacerMemory } from '../../../src/core/probe/pacer-memory.ts';
import { PacerPool } from '../../../src/core/probe/pacer-pool.ts';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { ProbeSession } from '../../../src/core/probe/session.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import { nowNs } from '../../../src/core/udp/clock.ts';
import type { UdpEngine } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { faithful, reflector } from './reflectors.ts';

const MS = 1e6;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function optionsWith(changes: Partial<ProbeOptions> = {}): ProbeOptions {
  return {
    ...{ streams: 1, intervalNs: 5 * MS, ptimeNs: 20 * MS, durationNs: 200 * MS, timeoutNs: 2e9 },
    ...{ lateThresholdNs: 3 * MS, seed: 1, bufferBytes: 65_536 },
    ...changes,
  };
}

async function pool(): Promise<PacerPool> {
  const made = new PacerPool();
  closing.push(() => made.close());
  await made.up();
  return made;
}

describe.each<[string, () => UdpEngine]>([
  ['portable', createPortableEngine],
  ['batch', createBatchEngine],
])('with the %s engine', (_, create) => {
  it('sends all packets of probes that overlap, each its own', async () => {
    const engine = create();
    const far = await reflector(createPortableEngine(), faithful);
    closing.push(far.close);
    const pacers = await pool();
    const results = await Promise.all(
      [1, 2, 3].map((seed) => {
        const options = optionsWith({ seed, durationNs: seed * 100 * MS });
        return new ProbeSession({ engine, targets: [far.at], options, pacing: (task) => pacers.add(task) }).run();
      }),
    );
    expect(results.map(({ sent }) => sent)).toEqual([20, 40, 60]);
    expect(results.map(({ received, lost }) => received + lost)).toEqual([20, 40, 60]);
    expect(results.every(({ unmatched }) => unmatched === 0)).toBe(true);
  });

  it('one probe may end early while another goes on', async () => {
    const engine = create();
    const far = await reflector(createPortableEngine(), faithful);
    closing.push(far.close);
    const pacers = await pool();
    const session = (durationNs: number): ProbeSession =>
      new ProbeSession({ engine, targets: [far.at], options: optionsWith({ durationNs }), pacing: (task) => pacers.add(task) });
    const endless = session(3_600e9);
    const running = endless.run();
    const brief = await session(50 * MS).run();
    endless.abort();
    const ended = await running;
    expect(brief.sent).toBe(10);
    expect(ended.aborted).toBe(true);
    expect(ended.sent).toBeLessThan(100_000);
  });
});

it('a probe that is stopped before it starts is over, and so are all when the pool is closed', async () => {
  const pacers = new PacerPool();
  const make = () => {
    const options = optionsWith();
    return pacers.add({ options, memory: new PacerMemory(options), due: () => undefined });
  };
  const [first, second] = [make(), make()];
  await first.up();
  await first.stop();
  await first.stop();
  second.start(nowNs() + 3_600e9);
  await pacers.close();
  expect(await second.ended).toBeUndefined();
});
