import * as fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { PortAllocator } from '../../../src/core/ports/allocator.ts';
import type { AllocationFailure, BoundSocket, PortLease } from '../../../src/core/ports/allocator.ts';

const RANGE = { first: 10_000, last: 10_002 };
const SECOND_NS = 1e9;

/** Sockets that remember whether they are closed. */
class FakeSocket implements BoundSocket {
  readonly port: number;
  closed = false;

  constructor(port: number) {
    this.port = port;
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function allocator(options: { foreign?: Set<number>; range?: { first: number; last: number } } = {}): PortAllocator<FakeSocket> {
  return new PortAllocator({
    range: options.range ?? RANGE,
    bind: (port) => Promise.resolve(options.foreign?.has(port) === true ? ('in-use' as const) : new FakeSocket(port)),
    foreignRetryNs: 10 * SECOND_NS,
  });
}

function leased(result: PortLease<FakeSocket> | AllocationFailure | undefined): PortLease<FakeSocket> {
  if (typeof result !== 'object') throw new Error(result);
  return result;
}

describe('a range', () => {
  it('hands out the lowest free port, bound', async () => {
    const ports = allocator();
    const [one, two] = [leased(await ports.allocate(0)), leased(await ports.allocate(0))];
    expect([one.port, one.socket.port, one.socket.closed, two.port]).toEqual([10_000, 10_000, false, 10_001]);
    ports.drain(one);
    await ports.release(one);
    expect(leased(await ports.allocate(0)).port).toBe(10_000);
  });

  it('is exhausted when every port is taken, and says what is where', async () => {
    const ports = allocator();
    const leases = await Promise.all([ports.allocate(0), ports.allocate(0), ports.allocate(0), ports.allocate(0)]);
    expect(leases.map((lease) => (typeof lease === 'string' ? lease : lease.port))).toEqual([10_000, 10_001, 10_002, 'exhausted']);
    ports.drain(leased(leases[1]));
    expect(ports.counts()).toEqual({ total: 3, free: 0, bound: 2, draining: 1, foreign: 0 });
  });

  it('may be one port wide', async () => {
    const ports = allocator({ range: { first: 65_535, last: 65_535 } });
    expect(leased(await ports.allocate(0)).port).toBe(65_535);
    expect(await ports.allocate(0)).toBe('exhausted');
  });
});

describe('draining', () => {
  it('keeps the socket open, and the port from everybody else, until it is released', async () => {
    const ports = allocator({ range: { first: 10_000, last: 10_000 } });
    const lease = leased(await ports.allocate(0));
    ports.drain(lease);
    expect(lease.socket.closed).toBe(false);
    expect(await ports.allocate(0)).toBe('exhausted');
    const released = ports.release(lease);
    expect(await ports.allocate(0)).toBe('exhausted');
    await released;
    expect(lease.socket.closed).toBe(true);
    expect(leased(await ports.allocate(0)).port).toBe(10_000);
  });

  it('is refused twice, without being asked for, and with the lease of a former owner', async () => {
    const ports = allocator();
    const lease = leased(await ports.allocate(0));
    await expect(ports.release(lease)).rejects.toThrow('port 10000 is bound, not draining');
    ports.drain(lease);
    expect(() => ports.drain(lease)).toThrow('port 10000 is draining, not bound');
    const released = ports.release(lease);
    await expect(ports.release(lease)).rejects.toThrow('port 10000 is closing, not draining');
    await released;
    await expect(ports.release(lease)).rejects.toThrow('no longer this owner');
    const next = leased(await ports.allocate(0));
    expect(() => ports.drain(lease)).toThrow('no longer this owner');
    expect(() => ports.drain({ ...next, port: 9_999 })).toThrow('not of this range');
    expect(() => ports.drain({ ...next })).toThrow('no longer this owner');
    expect(ports.counts()).toMatchObject({ bound: 1, free: 2 });
  });

  it('frees the port even when its socket cannot be closed', async () => {
    const ports = new PortAllocator({
      range: { first: 10_000, last: 10_000 },
      bind: () => Promise.resolve({ close: () => Promise.reject(new Error('EIO')) }),
    });
    const lease = await ports.allocate(0);
    if (typeof lease === 'string') throw new Error(lease);
    ports.drain(lease);
    await expect(ports.release(lease)).rejects.toThrow('EIO');
    expect(ports.counts().free).toBe(1);
  });
});

describe('ports of other processes', () => {
  it('are passed over, left alone for a while, and then tried again', async () => {
    const foreign = new Set([10_000, 10_002]);
    const ports = allocator({ foreign });
    const lease = leased(await ports.allocate(0));
    expect(lease.port).toBe(10_001);
    expect(await ports.allocate(0)).toBe('exhausted');
    expect(ports.counts()).toEqual({ total: 3, free: 0, bound: 1, draining: 0, foreign: 2 });
    foreign.clear();
    expect(await ports.allocate(10 * SECOND_NS - 1)).toBe('exhausted');
    expect(leased(await ports.allocate(10 * SECOND_NS)).port).toBe(10_000);
    expect(ports.counts().foreign).toBe(1);
  });
});

describe('a bind that does not simply succeed', () => {
  it('frees the port when it fails', async () => {
    const failures = [new Error('EACCES')];
    const ports = new PortAllocator({
      range: RANGE,
      bind: (port) => {
        const failure = failures.pop();
        return failure === undefined ? Promise.resolve(new FakeSocket(port)) : Promise.reject(failure);
      },
    });
    await expect(ports.allocate(0)).rejects.toThrow('EACCES');
    expect(ports.counts()).toMatchObject({ free: 3, bound: 0 });
    expect(leased(await ports.allocate(0)).port).toBe(10_000);
  });

  it('gives its socket back when the allocator is stopped meanwhile', async () => {
    const { promise, resolve } = Promise.withResolvers<FakeSocket>();
    const ports = new PortAllocator({ range: RANGE, bind: () => promise });
    const asked = ports.allocate(0);
    ports.stop();
    const socket = new FakeSocket(10_000);
    resolve(socket);
    expect(await asked).toBe('stopped');
    expect(socket.closed).toBe(true);
    expect(ports.counts().free).toBe(3);
    expect(await ports.allocate(0)).toBe('stopped');
  });

  it('frees the port when it is stopped meanwhile and the socket cannot be closed', async () => {
    const { promise, resolve } = Promise.withResolvers<BoundSocket>();
    const ports = new PortAllocator({ range: RANGE, bind: () => promise });
    const asked = ports.allocate(0);
    ports.stop();
    resolve({ close: () => Promise.reject(new Error('EIO')) });
    await expect(asked).rejects.toThrow('EIO');
    expect(ports.counts()).toMatchObject({ free: 3, bound: 0 });
  });

  it('does not go on to the next port once stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<'in-use'>();
    const asked: number[] = [];
    const ports = new PortAllocator<FakeSocket>({
      range: RANGE,
      bind: (port) => {
        asked.push(port);
        return promise;
      },
    });
    const result = ports.allocate(0);
    ports.stop();
    resolve('in-use');
    expect(await result).toBe('stopped');
    expect(asked).toEqual([10_000]);
  });

  it('leaves the ports that are out to their owners after a stop', async () => {
    const ports = allocator();
    const lease = leased(await ports.allocate(0));
    ports.stop();
    expect(lease.socket.closed).toBe(false);
    ports.drain(lease);
    await ports.release(lease);
    expect(ports.counts().free).toBe(3);
  });
});

/**
 * A kernel whose binds and closes take as long as the test wants. A port may be bound only while nobody has it: the allocator
 * must never even ask for one that it has out.
 */
class SlowKernel {
  readonly binds: { readonly port: number; readonly settle: (how: 'ok' | 'in-use' | 'fail') => void }[] = [];
  readonly closes: { readonly port: number; readonly settle: () => void }[] = [];
  readonly held = new Set<number>();

  readonly bind = async (port: number): Promise<BoundSocket | 'in-use'> => {
    if (this.held.has(port)) throw new Error(`port ${port} was asked for while it is held`);
    this.held.add(port);
    const answered = Promise.withResolvers<'ok' | 'in-use' | 'fail'>();
    this.binds.push({ port, settle: answered.resolve });
    const how = await answered.promise;
    if (how !== 'ok') this.held.delete(port);
    if (how === 'fail') throw new BindFailure();
    return how === 'in-use' ? how : { close: () => this.#close(port) };
  };

  async #close(port: number): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.closes.push({ port, settle: closed.resolve });
    await closed.promise;
    if (!this.held.delete(port)) throw new Error(`port ${port} was closed twice`);
  }
}

class BindFailure extends Error {}

type Command =
  | { readonly what: 'allocate' }
  | { readonly what: 'stop' }
  | { readonly what: 'bound'; readonly which: number; readonly how: 'ok' | 'in-use' | 'fail' }
  | { readonly what: 'drain'; readonly which: number }
  | { readonly what: 'release'; readonly which: number }
  | { readonly what: 'closed'; readonly which: number }
  | { readonly what: 'wait'; readonly which: number };

const which = fc.nat(20);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('allocate' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ what: fc.constant('bound' as const), which, how: fc.constantFrom('ok', 'ok', 'ok', 'in-use', 'fail') }),
  },
  { weight: 8, arbitrary: fc.record({ what: fc.constantFrom('drain', 'release', 'closed', 'wait'), which }) },
);

function take<T>(from: T[], index: number): T | undefined {
  return from.length === 0 ? undefined : from.splice(index % from.length, 1)[0];
}

describe('random interleavings of slow binds and closes', () => {
  test.each([false, true])('no port is ever held twice and none leaks (stopped in the end: %s)', async (stopped) => {
    const RETRY_NS = 5;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { maxLength: 80, size: 'max' }), fc.integer({ min: 1, max: 4 }), async (commands, size) => {
        const kernel = new SlowKernel();
        const ports = new PortAllocator({ range: { first: 1, last: size }, bind: kernel.bind, foreignRetryNs: RETRY_NS });
        const [owned, draining, waiting]: [PortLease<BoundSocket>[], PortLease<BoundSocket>[], Promise<unknown>[]] = [[], [], []];
        let nowNs = 0;
        const allocate = async (): Promise<void> => {
          try {
            const lease = await ports.allocate(nowNs);
            if (typeof lease === 'string') return;
            expect(owned.concat(draining).map(({ port }) => port)).not.toContain(lease.port);
            owned.push(lease);
          } catch (error) {
            if (!(error instanceof BindFailure)) throw error;
          }
        };
        const carryOut = (c: Command): void => {
          if (c.what === 'allocate') waiting.push(allocate());
          else if (c.what === 'stop') ports.stop();
          else if (c.what === 'wait') nowNs += c.which;
          else if (c.what === 'bound') take(kernel.binds, c.which)?.settle(c.how);
          else if (c.what === 'closed') take(kernel.closes, c.which)?.settle();
          else if (c.what === 'release') {
            const lease = take(draining, c.which);
            if (lease !== undefined) waiting.push(ports.release(lease));
          } else {
            const lease = take(owned, c.which);
            if (lease === undefined) return;
            ports.drain(lease);
            draining.push(lease);
          }
        };
        /** Carries everything that is under way to its end. */
        const finish = async (): Promise<void> => {
          do {
            for (const what of ['drain', 'release', 'closed'] as const) carryOut({ what, which: 0 });
            carryOut({ what: 'bound', which: 0, how: 'ok' });
            await settled();
          } while (kernel.binds.length + kernel.closes.length + owned.length + draining.length > 0);
          await Promise.all(waiting);
        };
        for (const c of commands) {
          carryOut(c);
          await settled();
          const { total, free, bound, foreign, draining: leaving } = ports.counts();
          expect(free + bound + leaving + foreign).toBe(total);
          // What the kernel has out is what is bound, being bound, draining or being closed.
          expect(kernel.held.size).toBe(bound + leaving);
        }
        if (stopped) carryOut({ what: 'stop' });
        await finish();
        expect(kernel.held.size).toBe(0);
        nowNs += RETRY_NS;
        const all = Array.from({ length: size + 1 }, () => ports.allocate(nowNs));
        while (kernel.binds.length > 0) carryOut({ what: 'bound', which: 0, how: 'ok' });
        const results = (await Promise.all(all)).map((lease) => (typeof lease === 'string' ? lease : lease.port));
        const every = Array.from({ length: size }, (_, i) => i + 1);
        expect(results).toEqual(stopped ? [...every.map(() => 'stopped'), 'stopped'] : [...every, 'exhausted']);
      }),
      { numRuns: 150 },
    );
  });
});

/** Everything that can go on without the kernel has gone on. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
