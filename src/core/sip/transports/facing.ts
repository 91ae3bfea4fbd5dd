/** Which address of this host a peer sees: of a socket that is bound to all of them. */
import { localAddressTowards } from '../../service/local-address.ts';
import type { UdpEngine } from '../../udp/engine.ts';

/** Peers that are remembered; when there are more, all are forgotten and asked for anew. */
const CAPACITY = 10_000;

export class FacingAddresses {
  readonly #engine: UdpEngine;
  readonly #bindAddress: string;
  readonly #known = new Map<string, string>();
  /** What waits for an answer, in the order of asking. */
  readonly #waiting = new Map<string, (() => void)[]>();

  /** @param bindAddress `0.0.0.0` or `::`. */
  constructor(engine: UdpEngine, bindAddress: string) {
    this.#engine = engine;
    this.#bindAddress = bindAddress;
  }

  /** @param remote numeric. @returns undefined while nobody has asked the routing table: {@link learn}. */
  towards(remote: string): string | undefined {
    return this.#known.get(remote);
  }

  /** Calls back when {@link towards} knows; never where there is no way to the peer. */
  learn(remote: string, known: () => void): void {
    const waiting = this.#waiting.get(remote);
    if (waiting !== undefined) {
      waiting.push(known);
      return;
    }
    this.#waiting.set(remote, [known]);
    void this.ask(remote);
  }

  /** Settles when {@link towards} knows, or there is no way. */
  async ask(remote: string): Promise<void> {
    let address: string | undefined;
    try {
      address = await localAddressTowards(this.#engine, remote, this.#bindAddress);
    } catch {
      // Whoever it is gets no answer, and would not have got one.
    }
    const waiting = this.#waiting.get(remote) ?? [];
    this.#waiting.delete(remote);
    if (address === undefined) return;
    if (this.#known.size === CAPACITY) this.#known.clear();
    this.#known.set(remote, address);
    for (const known of waiting) known();
  }
}
