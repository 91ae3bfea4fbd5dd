/**
 * Hands out the ports of a range as bound sockets: free → bound → draining → free. A port is never a number that somebody
 * else may take in the meantime, and it is drained before it is handed out again, so that a late packet of one call never
 * reaches the next.
 *
 * Lowest free port first. What binds a socket is injected, and time is an argument: the allocator itself is pure.
 */
import { portCount } from '../values/ports.ts';
import type { PortRange } from '../values/ports.ts';

/** What is handed out: anything that can be closed. */
export interface BoundSocket {
  close(): Promise<void>;
}

/** A port in the hands of one owner. */
export interface PortLease<S extends BoundSocket> {
  readonly port: number;
  readonly socket: S;
}

export type AllocationFailure = 'exhausted' | 'stopped';

export interface PortAllocatorOptions<S extends BoundSocket> {
  readonly range: PortRange;
  /** Binds `port`; `in-use` when another process has it. Any other failure rejects. */
  readonly bind: (port: number) => Promise<S | 'in-use'>;
  /** How long a port that another process holds is not tried again, ns. */
  readonly foreignRetryNs?: number;
}

type PortState = 'free' | 'binding' | 'bound' | 'draining' | 'closing' | 'foreign';

interface Slot<S extends BoundSocket> {
  state: PortState;
  /** Who has it, so that a lease kept too long cannot free the port of the next owner. */
  lease: PortLease<S> | undefined;
  /** When a foreign port may be tried again, ns. */
  retryAtNs: number;
}

export class PortAllocator<S extends BoundSocket> {
  readonly #first: number;
  readonly #slots: Slot<S>[];
  readonly #bind: (port: number) => Promise<S | 'in-use'>;
  readonly #foreignRetryNs: number;
  #stopped = false;

  constructor(options: PortAllocatorOptions<S>) {
    this.#first = options.range.first;
    this.#slots = Array.from({ length: portCount(options.range) }, () => ({ state: 'free' as const, lease: undefined, retryAtNs: 0 }));
    this.#bind = options.bind;
    this.#foreignRetryNs = options.foreignRetryNs ?? 10_000_000_000;
  }

  /**
   * The lowest port that can be had, bound. Ports that turn out to belong to another process are passed over, and left alone
   * for a while.
   *
   * @returns `exhausted` when every port is taken, `stopped` after {@link stop}. Rejects when binding fails for another reason.
   */
  async allocate(nowNs: number): Promise<PortLease<S> | AllocationFailure> {
    for (let index = 0; index < this.#slots.length; index++) {
      if (this.#stopped) return 'stopped';
      const slot = this.#slots[index] as Slot<S>;
      if (slot.state !== 'free' && !(slot.state === 'foreign' && nowNs >= slot.retryAtNs)) continue;
      slot.state = 'binding';
      const port = this.#first + index;
      let socket: S | 'in-use';
      try {
        socket = await this.#bind(port);
      } catch (error) {
        slot.state = 'free';
        throw error;
      }
      if (socket === 'in-use') {
        slot.state = 'foreign';
        slot.retryAtNs = nowNs + this.#foreignRetryNs;
        continue;
      }
      if (this.#stopped) {
        try {
          await socket.close();
        } finally {
          slot.state = 'free';
        }
        return 'stopped';
      }
      slot.state = 'bound';
      slot.lease = { port, socket };
      return slot.lease;
    }
    return this.#stopped ? 'stopped' : 'exhausted';
  }

  /** The owner is done; the socket stays bound until {@link release}, so that nobody else gets what is still on its way. */
  drain(lease: PortLease<S>): void {
    this.#slotOf(lease, 'bound').state = 'draining';
  }

  /** Closes the socket of a drained lease; the port is free when the promise settles. */
  async release(lease: PortLease<S>): Promise<void> {
    const slot = this.#slotOf(lease, 'draining');
    slot.state = 'closing';
    try {
      await lease.socket.close();
    } finally {
      slot.state = 'free';
      slot.lease = undefined;
    }
  }

  /** No more ports are handed out. Leases stay with their owners. */
  stop(): void {
    this.#stopped = true;
  }

  counts(): { readonly total: number; readonly free: number; readonly bound: number; readonly draining: number; readonly foreign: number } {
    const counts = { total: this.#slots.length, free: 0, bound: 0, draining: 0, foreign: 0 };
    for (const { state } of this.#slots) counts[state === 'binding' ? 'bound' : state === 'closing' ? 'draining' : state] += 1;
    return counts;
  }

  #slotOf(lease: PortLease<S>, expected: PortState): Slot<S> {
    const slot = this.#slots[lease.port - this.#first];
    if (slot === undefined) throw new RangeError(`port ${lease.port} is not of this range`);
    if (slot.lease !== lease) throw new RangeError(`port ${lease.port} is no longer this owner's`);
    if (slot.state !== expected) throw new RangeError(`port ${lease.port} is ${slot.state}, not ${expected}`);
    return slot;
  }
}
