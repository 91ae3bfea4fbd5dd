/** Which address of this host a peer sees: of a socket that is bound to all of them. */
import { localAddressTowards } from '../../service/local-address.ts';
import type { UdpEngine } from '../../udp/engine.ts';

/** Peers that are remembered; when there are more, all are forgotten and asked for anew. */
const CAPACITY = 10_000;
/** What waits for the routing table: a flood from forged addresses must not grow. */
const MAX_WAITING = 1000;
/** A question takes a socket. */
const MAX_ASKING = 32;

export class FacingAddresses {
  readonly #engine: UdpEngine;
  readonly #bindAddress: string;
  readonly #known = new Map<string, string>();
  /** What waits for an answer, by peer. */
  readonly #waiting = new Map<string, (() => void)[]>();
  /** Peers that are not asked for yet. */
  readonly #queue: string[] = [];
  #waitingCount = 0;
  #asking = 0;

  /** @param bindAddress `0.0.0.0` or `::`. */
  constructor(engine: UdpEngine, bindAddress: string) {
    this.#engine = engine;
    this.#bindAddress = bindAddress;
  }

  /** @param remote numeric. @returns undefined while nobody has asked the routing table: {@link learn}. */
  towards(remote: string): string | undefined {
    return this.#known.get(remote);
  }

  /**
   * Calls back when {@link towards} knows; never where there is no way to the peer.
   *
   * @returns false where too many wait already: it will not call back.
   */
  learn(remote: string, known: () => void): boolean {
    if (this.#waitingCount >= MAX_WAITING) return false;
    this.#waitingCount += 1;
    const others = this.#waiting.get(remote);
    if (others === undefined) {
      this.#waiting.set(remote, [known]);
      this.#queue.push(remote);
      if (this.#asking < MAX_ASKING) void this.#askInTurn();
    } else others.push(known);
    return true;
  }

  /** Settles when {@link towards} knows, or there is no way. */
  async ask(remote: string): Promise<void> {
    try {
      const address = await localAddressTowards(this.#engine, remote, this.#bindAddress);
      if (this.#known.size === CAPACITY) this.#known.clear();
      this.#known.set(remote, address);
    } catch {
      // Whoever it is gets no answer, and would not have got one.
    }
  }

  async #askInTurn(): Promise<void> {
    this.#asking += 1;
    for (let remote = this.#queue.shift(); remote !== undefined; remote = this.#queue.shift()) {
      await this.ask(remote);
      const waiting = this.#waiting.get(remote) ?? [];
      this.#waiting.delete(remote);
      this.#waitingCount -= waiting.length;
      if (this.#known.has(remote)) for (const known of waiting) known();
    }
    this.#asking -= 1;
  }
}
