import { afterEach, describe, expect, it } from 'vitest';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { ProbeSession } from '../../../src/core/probe/session.ts';
import type { Endpoint } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { faithful, reflector } from './reflectors.ts';
import type { Behaviour } from './reflectors.ts';

const MS = 1e6;
const engine = createPortableEngine();
const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function farEnd(behaviour: Behaviour): Promise<Endpoint> {
  const { at, close } = await reflector(engine, behaviour);
  closing.push(close);
  return at;
}

function session(target: Endpoint, changes: Partial<ProbeOptions> = {}): ProbeSession {
  const options: ProbeOptions = {
    streams: 1,
    intervalNs: 2 * MS,
    ptimeNs: 20 * MS,
    durationNs: 100 * MS,
    // Longer than any stall of a busy test machine, unless a test is about loss.
    timeoutNs: 10_000 * MS,
    lateThresholdNs: 3 * MS,
    seed: 1,
    bufferBytes: 65_536,
    ...changes,
  };
  return new ProbeSession({ engine, targets: [target], options });
}

/** `sent = received + lost + in flight`, in all and in the rows. */
function expectBalanced(result: Awaited<ReturnType<ProbeSession['run']>>): void {
  expect(result.received + result.lost + result.inFlight).toBe(result.sent);
  const sum = (pick: (row: (typeof result.series)[number]) => number): number => result.series.reduce((total, row) => total + pick(row), 0);
  expect({ sent: sum((row) => row.sent), received: sum((row) => row.received), lost: sum((row) => row.lost) }).toEqual({
    sent: result.sent,
    received: result.received,
    lost: result.lost,
  });
  expect(sum((row) => row.late ?? 0)).toBe(result.late);
}

describe('ProbeSession on loopback', () => {
  it('sends every packet of every stream and gets each back', async () => {
    const result = await session(await farEnd(faithful), { streams: 5 }).run();
    expect(result).toMatchObject({ sent: 250, received: 250, lost: 0, inFlight: 0, duplicates: 0, unmatched: 0, aborted: false });
    expect(result.latency.count).toBe(250);
    expect(result.sendError.count).toBe(250);
    expect(result.sendError.minNs).toBeGreaterThanOrEqual(0);
    expect(result.streams).toHaveLength(5);
    expect(new Set(result.streams.map(({ port }) => port)).size).toBe(5);
    for (const stream of result.streams) expect(stream.counters).toMatchObject({ sent: 50, returned: 50 });
    expectBalanced(result);
  });

  it('measures from the due time: no latency is below the send error of its packet', async () => {
    const result = await session(await farEnd(faithful)).run();
    expect(result.latency.meanNs).toBeGreaterThan(result.sendError.meanNs ?? Number.NaN);
    expect(result.latency.maxNs).toBeGreaterThan(result.sendError.maxNs ?? Number.NaN);
  });

  it('counts as lost what does not come back within the time-out, and waits for that long', async () => {
    const target = await farEnd((bytes, n) => (n % 5 === 4 ? [] : [bytes]));
    const result = await session(target, { timeoutNs: 500 * MS }).run();
    expect(result).toMatchObject({ sent: 50, received: 40, lost: 10, inFlight: 0 });
    expect(result.durationNs).toBeGreaterThan(500 * MS);
    expectBalanced(result);
  });

  it('counts duplicates and strangers, and takes neither for a sample', async () => {
    const target = await farEnd((bytes, n) => {
      const foreign = Uint8Array.from(bytes);
      foreign[8] = (foreign[8] as number) ^ 0xff;
      return n === 10 ? [bytes, bytes] : n === 20 ? [Uint8Array.of(1), foreign, bytes] : [bytes];
    });
    const result = await session(target).run();
    expect(result).toMatchObject({ sent: 50, received: 50, duplicates: 1, unmatched: 1, malformed: 1 });
    expect(result.latency.count).toBe(50);
  });

  it('counts packets that overtake each other', async () => {
    let held: Uint8Array | undefined;
    const target = await farEnd((bytes, n) => {
      if (n === 10) {
        held = bytes;
        return [];
      }
      if (n === 12 && held !== undefined) return [bytes, held];
      return [bytes];
    });
    const result = await session(target).run();
    expect(result).toMatchObject({ sent: 50, received: 50, reordered: 1 });
  });

  it('repeats SSRCs, sequence numbers and timestamps for a seed', async () => {
    const headers: string[][] = [];
    for (let run = 0; run < 2; run++) {
      const seen: string[] = [];
      headers.push(seen);
      const target = await farEnd((bytes) => {
        seen.push(Buffer.from(bytes.subarray(0, 12)).toString('hex'));
        return [bytes];
      });
      await session(target, { streams: 3, durationNs: 20 * MS, seed: 77 }).run();
    }
    expect(headers[0]?.toSorted()).toEqual(headers[1]?.toSorted());
    expect(headers[0]).toHaveLength(30);
  });

  it('ends with what there is when it is aborted', async () => {
    const probe = session(await farEnd(faithful), { durationNs: 3600e9 });
    const running = probe.run();
    await enough(() => probe.progress().received >= 20);
    probe.abort();
    const result = await running;
    expect(result.aborted).toBe(true);
    expect(result.sent).toBeGreaterThanOrEqual(20);
    expect(result.sent).toBeLessThan(5_000);
    expectBalanced(result);
  });

  it('keeps in flight what may still come when it is aborted', async () => {
    const probe = session(await farEnd(() => []), { durationNs: 3600e9 });
    const running = probe.run();
    await enough(() => probe.progress().sent >= 20);
    probe.abort();
    const result = await running;
    expect(result).toMatchObject({ received: 0, lost: 0, aborted: true });
    expect(result.inFlight).toBe(result.sent);
    expectBalanced(result);
  });

  it('deals its streams out to several targets, and tells where they send from before it does', async () => {
    const arrivals: string[][] = [[], []];
    const targets = await Promise.all(
      arrivals.map(async (seen) => {
        const socket = await engine.bind({ address: '127.0.0.1', port: 0 });
        closing.push(() => socket.close());
        socket.receive({
          packet: (buffer, offset, length, { from }) => {
            seen.push(`${from.address}:${from.port}`);
            socket.send(buffer, offset, length, from);
          },
          error: () => undefined,
        });
        return socket.local;
      }),
    );
    const { options } = await session(targets[0]!, { streams: 3, durationNs: 20 * MS }).run();
    const told: string[] = [];
    for (const seen of arrivals) seen.length = 0;
    await new ProbeSession({
      engine,
      targets: [targets[0]!, targets[1]!],
      options,
      opened: async (locals) => {
        await new Promise((resolve) => setImmediate(resolve));
        expect(arrivals).toEqual([[], []]);
        told.push(...locals.map(({ address, port }) => `${address}:${port}`));
      },
    }).run();
    expect(new Set(arrivals[0])).toEqual(new Set([told[0], told[2]]));
    expect(new Set(arrivals[1])).toEqual(new Set([told[1]]));
  });

  it('shows its progress', async () => {
    const probe = session(await farEnd(faithful));
    expect(probe.progress()).toEqual({ elapsedNs: 0, sent: 0, total: 50, received: 0, lost: 0, p50Ns: null, p99Ns: null });
    await probe.run();
    expect(probe.progress()).toMatchObject({ sent: 50, received: 50, lost: 0 });
    expect(probe.progress().p50Ns).toBeGreaterThan(0);
  });

  it('fails at once when nothing listens', async () => {
    const { at, close } = await reflector(engine, faithful);
    await close();
    const probe = session(at, { durationNs: 3600e9 });
    await expect(probe.run()).rejects.toMatchObject({
      code: 'network',
      message: `nothing listens on 127.0.0.1:${at.port}: ECONNREFUSED (ICMP port unreachable)`,
      hint: `start one with: rtplat echo --port ${at.port}`,
    });
  });

  it('fails so too when it has only one packet to send', async () => {
    const { at, close } = await reflector(engine, faithful);
    await close();
    await expect(session(at, { durationNs: 1, timeoutNs: 300 * MS }).run()).rejects.toThrow('ECONNREFUSED');
  });

  it('goes on when a far end that has answered goes away, and counts the loss', async () => {
    const { at, close } = await reflector(engine, faithful);
    const probe = session(at, { durationNs: 200 * MS, timeoutNs: 300 * MS });
    const running = probe.run();
    await enough(() => probe.progress().received >= 10);
    await close();
    const result = await running;
    expect(result.sent).toBe(100);
    expect(result.received).toBeGreaterThanOrEqual(10);
    expect(result.lost).toBe(100 - result.received);
    expect(result.refusals).toBeGreaterThan(0);
    expect(result.lastError).toContain('ECONNREFUSED');
    expectBalanced(result);
  });

  it('leaves no socket behind', async () => {
    const target = await farEnd(faithful);
    const before = process.getActiveResourcesInfo().filter((name) => name === 'UDPWRAP').length;
    await session(target, { streams: 4 }).run();
    expect(process.getActiveResourcesInfo().filter((name) => name === 'UDPWRAP')).toHaveLength(before);
  });
});

/** Turns of the event loop until something has happened. */
async function enough(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve));
}
