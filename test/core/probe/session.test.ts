import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, it } from 'vitest';
import type { ProbeOptions } from '../../../src/core/probe/result.ts';
import { ProbeSession } from '../../../src/core/probe/session.ts';
import { createBatchEngine } from '../../../src/core/udp/batch/engine.ts';
import { kernelEndpoint } from '../../../src/core/udp/batch/endpoint.ts';
import { loadLibc } from '../../../src/core/udp/batch/libc.ts';
import type { BatchSocket } from '../../../src/core/udp/batch/socket.ts';
import type { Endpoint, UdpEngine, UdpSocket } from '../../../src/core/udp/engine.ts';
import { createPortableEngine } from '../../../src/core/udp/portable.ts';
import { faithful, reflector } from './reflectors.ts';
import type { Behaviour } from './reflectors.ts';

const MS = 1e6;
/** With the batch engine a thread sends and the kernel tells the times; with the portable engine neither. */
const engines: Record<'batch' | 'portable', UdpEngine> = { batch: createBatchEngine(), portable: createPortableEngine() };
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

async function farEnd(engine: UdpEngine, behaviour: Behaviour): Promise<Endpoint> {
  const { at, close } = await reflector(engine, behaviour);
  closing.push(close);
  return at;
}

/** An echo with a processor and an event loop of its own. */
async function farThread(): Promise<Endpoint> {
  const worker = new Worker(new URL('echo-thread.ts', import.meta.url));
  closing.push(() => worker.terminate());
  const [port] = (await once(worker, 'message')) as [number];
  return { address: '127.0.0.1', port };
}

function optionsWith(changes: Partial<ProbeOptions>): ProbeOptions {
  return {
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

/** Descriptors of sockets, event loops and their like. */
function descriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return /^(?:socket|anon_inode):/.test(readlinkSync(`/proc/self/fd/${fd}`));
    } catch {
      // The one that reads the folder.
      return false;
    }
  }).length;
}

describe.each(['batch', 'portable'] as const)('ProbeSession on loopback, %s engine', (name) => {
  const engine = engines[name];
  const session = (target: Endpoint, changes: Partial<ProbeOptions> = {}): ProbeSession =>
    new ProbeSession({ engine, targets: [target], options: optionsWith(changes) });
  const farEndOf = (behaviour: Behaviour): Promise<Endpoint> => farEnd(engine, behaviour);

  it('sends every packet of every stream and gets each back', async () => {
    const result = await session(await farEndOf(faithful), { streams: 5 }).run();
    expect(result).toMatchObject({ sent: 250, received: 250, lost: 0, inFlight: 0, duplicates: 0, unmatched: 0, aborted: false });
    expect(result.latency.count).toBe(250);
    expect(result.sendError.count).toBe(250);
    expect(result.sendError.minNs).toBeGreaterThanOrEqual(0);
    expect(result.streams).toHaveLength(5);
    expect(new Set(result.streams.map(({ port }) => port)).size).toBe(5);
    for (const stream of result.streams) expect(stream.counters).toMatchObject({ sent: 50, returned: 50 });
    expectBalanced(result);
  });

  it('says which clock it went by, and how many packets did not', async () => {
    const result = await session(await farEndOf(faithful)).run();
    expect(result).toMatchObject(
      name === 'batch' ? { engine: 'batch', clock: 'kernel', unstamped: 0 } : { engine: 'portable', clock: 'user', unstamped: null },
    );
    expect(result.hostDelay?.count).toBe(name === 'batch' ? 50 : undefined);
    expect(result.hostDelay?.minNs ?? 1).toBeGreaterThan(0);
  });

  it('tells whoever observes each sample once, and the same as it records', async () => {
    const samples: (readonly [stream: number, index: number])[] = [];
    let sumNs = 0;
    const target = await farEndOf((bytes, n) => (n === 7 ? [] : n === 9 ? [bytes, bytes] : [bytes]));
    const result = await new ProbeSession({
      engine,
      targets: [target],
      options: optionsWith({ streams: 2, durationNs: 40 * MS, timeoutNs: 300 * MS }),
      observe: (stream, index, latencyNs) => {
        samples.push([stream, index]);
        sumNs += latencyNs;
      },
    }).run();
    expect(samples).toHaveLength(39);
    expect(new Set(samples.map((sample) => sample.join(':'))).size).toBe(39);
    for (const [stream, index] of samples) {
      expect([0, 1]).toContain(stream);
      expect(index).toBeLessThan(20);
    }
    expect(sumNs / 39).toBeCloseTo(result.latency.meanNs ?? Number.NaN, 3);
  });

  it('counts as lost what does not come back within the time-out, and waits for that long', async () => {
    const target = await farEndOf((bytes, n) => (n % 5 === 4 ? [] : [bytes]));
    const result = await session(target, { timeoutNs: 500 * MS }).run();
    expect(result).toMatchObject({ sent: 50, received: 40, lost: 10, inFlight: 0 });
    expect(result.durationNs).toBeGreaterThan(500 * MS);
    expectBalanced(result);
  });

  it('counts duplicates and strangers, and takes neither for a sample', async () => {
    const target = await farEndOf((bytes, n) => {
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
    const target = await farEndOf((bytes, n) => {
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
      const target = await farEndOf((bytes) => {
        seen.push(Buffer.from(bytes.subarray(0, 12)).toString('hex'));
        return [bytes];
      });
      await session(target, { streams: 3, durationNs: 20 * MS, seed: 77 }).run();
    }
    expect(headers[0]?.toSorted()).toEqual(headers[1]?.toSorted());
    expect(headers[0]).toHaveLength(30);
  });

  it('ends with what there is when it is aborted', async () => {
    const probe = session(await farEndOf(faithful), { durationNs: 3600e9 });
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
    const probe = session(await farEndOf(() => []), { durationNs: 3600e9 });
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
    const probe = session(await farEndOf(faithful));
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

  it('leaves no socket and no thread behind', async () => {
    const target = await farEndOf(faithful);
    const before = descriptors();
    await session(target, { streams: 4, durationNs: 20 * MS }).run();
    expect(descriptors()).toBe(before);
  });

  it('leaves none behind either when a socket cannot be had', async () => {
    const target = await farEndOf(faithful);
    const before = descriptors();
    let bound = 0;
    const failing: UdpEngine = {
      name: engine.name,
      clock: engine.clock,
      nowNs: () => engine.nowNs(),
      bind: async (options): Promise<UdpSocket> => {
        bound += 1;
        if (bound === 3) throw new Error('no more sockets');
        return engine.bind(options);
      },
    };
    const probe = new ProbeSession({ engine: failing, targets: [target], options: optionsWith({ streams: 4 }) });
    await expect(probe.run()).rejects.toThrow('no more sockets');
    expect(descriptors()).toBe(before);
  });

  it('sends nothing when it is aborted before it runs', async () => {
    const probe = session(await farEndOf(faithful));
    probe.abort();
    expect(await probe.run()).toMatchObject({ sent: 0, received: 0, lost: 0, aborted: true });
  });

  /**
   * Holds up this thread, which reads the echoes, for a second and a half: the packets of the next 200 ms come back meanwhile.
   * What is done at regular intervals runs next, before any of them is read.
   */
  it(`shows a reader that was held up in the ${name === 'batch' ? 'host delay, and not in the latencies' : 'latencies'}`, async () => {
    const heldNs = 1_500 * MS;
    const hold = (): unknown => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, heldNs / MS);
    let samples = 0;
    const result = await new ProbeSession({
      engine,
      targets: [await farThread()],
      // The kernel knows that the echoes came in time. The buffer is to hold all of them.
      options: optionsWith({ durationNs: 200 * MS, bufferBytes: 1 << 20, ...(name === 'batch' ? { timeoutNs: 1e9 } : {}) }),
      observe: () => {
        samples += 1;
        if (samples === 1) hold();
      },
    }).run();
    expect(result).toMatchObject({ sent: 100, received: 100, lost: 0 });
    const median = (name === 'batch' ? result.hostDelay : result.latency)?.quantileNs(0.5);
    expect(median).toBeGreaterThan(heldNs / 2);
    // The echo is another thread and was not held up.
    if (name === 'batch') expect(result.latency.quantileNs(0.5)).toBeLessThan(heldNs / 4);
    // Nor was the sender, where it is a thread of its own.
    if (name === 'batch') expect(result.sendError.quantileNs(0.5)).toBeLessThan(heldNs / 4);
  });
});

describe('a probe by the user clock', () => {
  it('measures from the due time: no latency is below the send error of its packet', async () => {
    const engine = engines.portable;
    const target = await farEnd(engine, faithful);
    const result = await new ProbeSession({ engine, targets: [target], options: optionsWith({}) }).run();
    expect(result.latency.meanNs).toBeGreaterThan(result.sendError.meanNs ?? Number.NaN);
    expect(result.latency.maxNs).toBeGreaterThan(result.sendError.maxNs ?? Number.NaN);
  });
});

describe('a stream that the kernel refuses a packet of', () => {
  it("goes by the user clock from there on: the kernel's numbers are no longer known", async () => {
    const libc = loadLibc();
    const engine = createBatchEngine();
    const sockets: BatchSocket[] = [];
    const watched: UdpEngine = {
      name: engine.name,
      clock: engine.clock,
      nowNs: () => engine.nowNs(),
      bind: async (options): Promise<UdpSocket> => {
        const socket = engine.bindNow(options);
        sockets.push(socket);
        return socket;
      },
    };
    const target = await farThread();
    const connectTo = (name: Int32Array): void => {
      const bytes = new Uint8Array(name.buffer);
      expect(libc.connect(sockets[0]!.fd, libc.addressOf(bytes), 16)).toBe(0);
    };
    const stamped: number[] = [];
    let before = 0;
    const probe = new ProbeSession({
      engine: watched,
      targets: [target],
      options: optionsWith({ streams: 2, durationNs: 400 * MS, timeoutNs: 500 * MS }),
      observe: (stream, index) => {
        if (stream === 0) stamped.push(index);
        // AF_UNSPEC: connected to nobody.
        if (stream !== 0 || index < 20 || before > 0) return;
        before = probe.progress().sent;
        connectTo(new Int32Array(7));
        void enough(() => probe.progress().sent >= before + 10).then(() => connectTo(kernelEndpoint(target, 'IPv4')!.words));
      },
    });
    const result = await probe.run();
    const [broken, whole] = result.streams;
    expect(broken?.counters?.send_errors).toBeGreaterThan(0);
    expect(whole?.counters).toMatchObject({ send_errors: 0, lost: 0 });
    expect(result.sendErrors).toBe(broken?.counters?.send_errors);
    expect(result.lastError).toBe('EDESTADDRREQ: the kernel refused a packet');
    // Those before the failure have stamps, those after it have not; the other stream has all of them.
    expect(result.unstamped).toBeGreaterThan(0);
    expect(result.unstamped).toBeLessThanOrEqual(stamped.length - 20);
    expect(result.hostDelay?.count).toBe(result.received - (result.unstamped ?? 0));
    expectBalanced(result);
  });
});

/** Turns of the event loop until something has happened. */
async function enough(happened: () => boolean): Promise<void> {
  while (!happened()) await new Promise((resolve) => setImmediate(resolve));
}
