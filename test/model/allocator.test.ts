/** The port allocator by itself: every order in which owners ask, get, drain and release while binds and closes are out, and it is stopped. */
import { expect, test } from 'vitest';
import { PortAllocator } from '../../src/core/ports/allocator.ts';
import type { BoundSocket, PortLease } from '../../src/core/ports/allocator.ts';

const OWNERS = 3;
const RETRY_NS = 10;

type Stage = 'idle' | 'asked' | 'owns' | 'drains' | 'closing' | 'done';

interface Out {
  readonly port: number;
  readonly settle: (how: 'done' | 'in-use' | 'fails') => void;
}

/** A world after some choices; what may be chosen next is what {@link moves} gives, in the same order for the same state. */
class World {
  readonly held = new Set<number>();
  readonly stages: Stage[] = Array.from({ length: OWNERS }, () => 'idle');
  readonly leases: (PortLease<BoundSocket> | undefined)[] = Array.from({ length: OWNERS }, () => undefined);
  readonly foreign = new Set<number>();
  /** Who asked once the time had passed. */
  readonly late = new Set<number>();
  fault: string | undefined;
  stopped = false;
  passed = false;
  binds: Out[] = [];
  closes: Out[] = [];
  readonly allocator: PortAllocator<BoundSocket>;

  constructor(ports: number) {
    this.allocator = new PortAllocator({
      range: { first: 1, last: ports },
      bind: async (port) => this.#bind(port),
      foreignRetryNs: RETRY_NS,
    });
  }

  async #bind(port: number): Promise<BoundSocket | 'in-use'> {
    if (this.held.has(port)) this.fault = `port ${port} was asked for while somebody has it`;
    this.held.add(port);
    this.foreign.delete(port);
    const how = await new Promise<string>((resolve) => this.binds.push({ port, settle: resolve }));
    if (how === 'done') return { close: async () => this.#close(port) };
    this.held.delete(port);
    if (how === 'fails') throw new Error('EACCES');
    this.foreign.add(port);
    return 'in-use';
  }

  async #close(port: number): Promise<void> {
    const how = await new Promise<string>((resolve) => this.closes.push({ port, settle: resolve }));
    if (!this.held.delete(port)) this.fault = `port ${port} was closed twice`;
    if (how === 'fails') throw new Error('EIO');
  }

  async #ask(owner: number): Promise<void> {
    this.stages[owner] = 'asked';
    if (this.passed) this.late.add(owner);
    try {
      const lease = await this.allocator.allocate(this.passed ? RETRY_NS : 0);
      if (typeof lease !== 'string') {
        if (this.leases.some((other) => other?.port === lease.port)) this.fault = `port ${lease.port} was handed out twice`;
        this.leases[owner] = lease;
      }
      this.stages[owner] = typeof lease === 'string' ? 'done' : 'owns';
    } catch {
      this.stages[owner] = 'done';
    }
  }

  async #release(owner: number, lease: PortLease<BoundSocket>): Promise<void> {
    this.stages[owner] = 'closing';
    this.leases[owner] = undefined;
    await this.allocator.release(lease).catch(() => {});
    this.stages[owner] = 'done';
  }

  moves(): (() => void)[] {
    const moves: (() => void)[] = [];
    for (const [owner, stage] of this.stages.entries()) {
      const lease = this.leases[owner];
      if (stage === 'idle') moves.push(() => void this.#ask(owner));
      if (stage === 'owns' && lease !== undefined)
        moves.push(() => {
          this.allocator.drain(lease);
          this.stages[owner] = 'drains';
        });
      if (stage === 'drains' && lease !== undefined) moves.push(() => void this.#release(owner, lease));
    }
    for (const list of [this.binds, this.closes]) {
      const ways = list === this.binds ? (['done', 'in-use', 'fails'] as const) : (['done', 'fails'] as const);
      for (const [at, { settle }] of list.entries())
        for (const how of ways) {
          moves.push(() => {
            list.splice(at, 1);
            settle(how);
          });
        }
    }
    if (!this.stopped) {
      moves.push(() => {
        this.stopped = true;
        this.allocator.stop();
      });
    }
    if (!this.passed) {
      moves.push(() => {
        this.passed = true;
      });
    }
    return moves;
  }

  key(): string {
    const outs = [this.binds, this.closes].map((list) => list.map(({ port }) => port));
    const { total, ...counts } = this.allocator.counts();
    const leases = this.leases.map((lease) => lease?.port);
    const sets = [this.held, this.foreign, this.late].map((set) => [...set].toSorted((a, b) => a - b));
    return JSON.stringify([total, counts, this.stages, leases, outs, sets, this.stopped, this.passed]);
  }

  /** What does not hold. */
  check(): string | undefined {
    const { total, free, bound, draining, foreign } = this.allocator.counts();
    if (this.fault !== undefined) return this.fault;
    if (free + bound + draining + foreign !== total) return 'the counts do not add up';
    if (this.held.size !== bound + draining) return `${this.held.size} ports are held, ${bound} bound and ${draining} draining`;
    const rests = this.stages.every((stage) => stage === 'done' || stage === 'idle') && this.binds.length + this.closes.length === 0;
    return rests && free + foreign !== total ? 'a port leaked' : undefined;
  }
}

async function reach(ports: number, choices: readonly number[]): Promise<World> {
  const world = new World(ports);
  for (const choice of choices) {
    world.moves()[choice]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return world;
}

test.for([
  [1, 250],
  [2, 1_500],
] as const)(
  'three owners of %i ports: none leaks or is handed out twice, in more than %i states',
  { timeout: 300_000 },
  async ([ports, least]) => {
    const seen = new Set<string>();
    let frontier: readonly (readonly number[])[] = [[]];
    while (frontier.length > 0) {
      const next: (readonly number[])[] = [];
      for (const choices of frontier) {
        const world = await reach(ports, choices);
        expect(world.check()).toBeUndefined();
        const key = world.key();
        if (seen.has(key)) continue;
        seen.add(key);
        for (let choice = 0; choice < world.moves().length; choice++) next.push([...choices, choice]);
      }
      frontier = next;
    }
    expect(seen.size).toBeGreaterThan(least);
  },
);
