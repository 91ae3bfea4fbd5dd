/**
 * A network between SIP elements that repeats itself: its clock, its losses, its order and its doubles follow from a seed. Nothing
 * in it waits; a minute of timers passes in the time that the elements need to compute it.
 */
import { SeededRandom } from '../../src/core/probe/random.ts';
import { parseMessage } from '../../src/core/sip/parse.ts';
import type { SipFlow, TransactionLayer } from '../../src/core/sip/transactions.ts';
import { formatHostPort } from '../../src/core/values/address.ts';
import type { Endpoint } from '../../src/core/values/address.ts';

/** An element with timers of its own: a transaction layer, a user agent. */
export interface SipNode {
  readonly dueMs: number;
  tick(nowMs: number): void;
  /** One datagram, or on a reliable flow one whole message. */
  received(bytes: Uint8Array, flow: SipFlow, nowMs: number): void;
}

export interface Transit {
  readonly sentMs: number;
  readonly from: Endpoint;
  readonly to: Endpoint;
  readonly reliable: boolean;
  readonly text: string;
}

export interface NetworkOptions {
  readonly seed?: number;
  /** Share of the datagrams that are lost, 0 … 1. */
  readonly loss?: number;
  /** Share of the datagrams that arrive twice. */
  readonly duplication?: number;
  /** Every datagram takes something between; that reorders them. Reliable flows take the least and keep their order. */
  readonly delayMs?: readonly [least: number, most: number];
  /** Loses chosen messages, on reliable flows too. */
  readonly drop?: (transit: Transit) => boolean;
  readonly startMs?: number;
}

interface Event {
  readonly atMs: number;
  readonly action: () => void;
}

const decoder = new TextDecoder();

export class SipNetwork {
  nowMs: number;
  /** Everything that was sent, lost or not, in order. */
  readonly sent: Transit[] = [];
  readonly #options: NetworkOptions;
  readonly #random: SeededRandom;
  readonly #nodes = new Map<string, SipNode>();
  readonly #flows = new Map<string, SipFlow>();
  /** By time; those of the same time in the order of their coming. */
  readonly #events: Event[] = [];

  constructor(options: NetworkOptions = {}) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed ?? 1);
    this.nowMs = options.startMs ?? 10_000;
  }

  attach(endpoint: Endpoint, node: SipNode): void {
    this.#nodes.set(nameOf(endpoint), node);
  }

  /** The one flow of `from` towards `to`. */
  flow(from: Endpoint, to: Endpoint, transport: SipFlow['transport'] = 'UDP'): SipFlow {
    const name = `${transport} ${nameOf(from)} ${nameOf(to)}`;
    const known = this.#flows.get(name);
    if (known !== undefined) return known;
    const reliable = transport !== 'UDP';
    const flow: SipFlow = {
      transport,
      reliable,
      local: from,
      remote: to,
      send: (bytes) => this.#send(from, to, transport, bytes),
      ...(!reliable && { to: (other: Endpoint) => this.flow(from, other) }),
    };
    this.#flows.set(name, flow);
    return flow;
  }

  /** Does something later, between the deliveries and the timers. */
  at(atMs: number, action: () => void): void {
    let index = this.#events.length;
    while (index > 0 && this.#events[index - 1]!.atMs > atMs) index -= 1;
    this.#events.splice(index, 0, { atMs, action });
  }

  advance(ms: number): void {
    this.#runUntil(this.nowMs + ms);
    this.nowMs += ms;
  }

  /**
   * Lets time pass until nothing is on its way and no element waits for anything.
   *
   * @throws when that is not so after `limitMs`.
   */
  settle(limitMs: number): void {
    const limit = this.nowMs + limitMs;
    this.#runUntil(limit, true);
    if (this.#nextMs() !== Number.POSITIVE_INFINITY) throw new Error(`the network is not quiet after ${limitMs} ms`);
  }

  /** @param stop when nothing is due, and leave the clock at the last event. */
  #runUntil(untilMs: number, stop = false): void {
    const before = this.nowMs;
    for (let atMs = this.#nextMs(); atMs <= untilMs && atMs !== Number.POSITIVE_INFINITY; atMs = this.#nextMs()) {
      this.nowMs = Math.max(this.nowMs, atMs);
      while ((this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY) <= this.nowMs) this.#events.shift()!.action();
      for (const [name, node] of this.#nodes) {
        if (node.dueMs > this.nowMs) continue;
        node.tick(this.nowMs);
        if (node.dueMs <= this.nowMs) throw new Error(`${name} is due at ${node.dueMs} after its tick at ${this.nowMs}`);
      }
    }
    if (!stop) this.nowMs = before;
  }

  #nextMs(): number {
    let next = this.#events[0]?.atMs ?? Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) next = Math.min(next, node.dueMs);
    return next;
  }

  #send(from: Endpoint, to: Endpoint, transport: SipFlow['transport'], bytes: Uint8Array): void {
    const reliable = transport !== 'UDP';
    const transit = { sentMs: this.nowMs, from, to, reliable, text: decoder.decode(bytes) };
    this.sent.push(transit);
    if (this.#options.drop?.(transit) === true) return;
    const { loss = 0, duplication = 0, delayMs: [least, most] = [1, 1] } = this.#options;
    const copy = bytes.slice();
    const deliver = (): void => this.#nodes.get(nameOf(to))?.received(copy, this.flow(to, from, transport), this.nowMs);
    if (reliable) {
      this.at(this.nowMs + least, deliver);
      return;
    }
    const copies = this.#chance(loss) ? 0 : this.#chance(duplication) ? 2 : 1;
    for (let count = 0; count < copies; count++) this.at(this.nowMs + least + this.#fraction() * (most - least), deliver);
  }

  #chance(share: number): boolean {
    return this.#fraction() < share;
  }

  #fraction(): number {
    return this.#random.uint32() / 0x1_0000_0000;
  }
}

/** A layer on the network; what is not SIP is dropped. */
export function layerNode(layer: TransactionLayer): SipNode {
  return {
    get dueMs() {
      return layer.dueMs;
    },
    tick: (nowMs) => layer.tick(nowMs),
    received: (bytes, flow, nowMs) => {
      const parsed = parseMessage(bytes);
      if ('message' in parsed) layer.received(parsed.message, flow, nowMs);
    },
  };
}

/** Random bytes as hex that the seed repeats: for branches and tags. */
export function seededHex(seed: number): (bytes: number) => string {
  const random = new SeededRandom(seed);
  return (bytes) => Array.from({ length: bytes }, () => (random.uint32() & 0xff).toString(16).padStart(2, '0')).join('');
}

function nameOf(endpoint: Endpoint): string {
  return formatHostPort(endpoint.address, endpoint.port);
}
