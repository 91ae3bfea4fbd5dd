/**
 * The echo: every datagram that {@link EchoGuard} lets through goes back to where it came from, unchanged, from the socket it came in
 * on; with a {@link Stamper}, those that ask for times get them. No state of a source beside what the guard has a fixed size for, so that restarting it costs a caller only what was under way.
 */
import { randomBytes } from 'node:crypto';
import type { Stamper } from '../oneway/stamper.ts';
import type { Arrival, PacketReceiver, UdpEngine, UdpSocket } from '../udp/engine.ts';
import { ownNetworks } from '../udp/own-networks.ts';
import { ANSWER, EchoGuard, REFUSALS, STRANGER } from '../guard/guard.ts';
import type { Standing } from '../guard/guard.ts';
import { DEFAULT_RULES } from '../guard/rules.ts';
import type { GuardRules } from '../guard/rules.ts';
import { hashKey } from '../guard/mix.ts';
import { RATE_MEMORY_BYTES } from '../guard/rates.ts';
import { ADDRESS_WORDS, parseAddressWords } from '../values/networks.ts';
import { BYTES, EchoMemory, OVER_RATE, PACKETS, REFUSED, REFUSED_FOR, SEND_ERRORS, SENT, SOCKET_DROPS, UNSTAMPED } from './memory.ts';
import type { EchoCounters } from './memory.ts';
import { TokenKey } from './token.ts';

/** What echoes on one port have in common, so that they keep one cap. */
export interface GuardShare {
  readonly key: Int32Array;
  readonly rateMemory: SharedArrayBuffer;
}

export function createGuardShare(): GuardShare {
  return { key: hashKey(randomBytes), rateMemory: new SharedArrayBuffer(RATE_MEMORY_BYTES) };
}

export interface EchoOptions {
  readonly engine: UdpEngine;
  /** Numeric addresses, tried in this order; a later one only where the system lacks the address family of the one before. */
  readonly addresses: readonly string[];
  readonly port: number;
  readonly bufferBytes: number;
  /** Share the port with other echoes that do so too. */
  readonly reusePort?: boolean;
  /** Where it counts: another thread may read it. */
  readonly memory?: EchoMemory;
  /** What is answered; the defaults of `rtplat echo` unless given. */
  readonly rules?: GuardRules;
  /** Of echoes that share the port; one of its own unless given. */
  readonly share?: GuardShare;
  /** Writes times into the packets that ask for them; without it no packet is altered. */
  readonly stamper?: Stamper | undefined;
}

/** errno names of a host without IPv6, or with it switched off. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];
/** The reasons that are a rate. */
const RATES: ReadonlySet<number> = new Set([REFUSALS.indexOf('source_rate'), REFUSALS.indexOf('total_rate')]);

export class EchoService implements PacketReceiver {
  readonly #options: EchoOptions;
  readonly #memory: EchoMemory;
  readonly #numbers: Float64Array;
  readonly #stamper: Stamper | undefined;
  /** Of the datagram that is being delivered. */
  readonly #source = new Int32Array(ADDRESS_WORDS);
  #sourceText = '';
  #socket: UdpSocket | undefined;
  #guard: EchoGuard | undefined;
  #stopped = false;
  #lastError: string | null = null;

  constructor(options: EchoOptions) {
    this.#options = options;
    this.#memory = options.memory ?? EchoMemory.create();
    this.#numbers = this.#memory.numbers;
    this.#stamper = options.stamper;
  }

  /**
   * Binds and starts to answer.
   *
   * @returns the socket that is served.
   * @throws RtplatError `bind`.
   */
  async start(): Promise<UdpSocket> {
    const socket = await this.#bind();
    const { rules = DEFAULT_RULES, share = createGuardShare() } = this.#options;
    const { port } = socket.local;
    const token = rules.tokenKey === undefined ? undefined : new TokenKey(rules.tokenKey);
    const holdsToken = token === undefined ? undefined : token.isOn.bind(token);
    this.#guard = new EchoGuard({ rules, port, own: ownNetworks(), ...share, holdsToken });
    this.#socket = socket;
    socket.receive(this);
    return socket;
  }

  async #bind(): Promise<UdpSocket> {
    const { engine, addresses, port, bufferBytes, reusePort = false, stamper } = this.#options;
    // Of a train, only the first packet has the kernel's time.
    const options = { port, bufferBytes, reusePort, trains: stamper === undefined };
    for (const address of addresses.slice(0, -1)) {
      try {
        return await engine.bind({ address, ...options });
      } catch (error) {
        const text = error instanceof Error ? error.message : '';
        if (!NO_SUCH_FAMILY.some((code) => text.includes(code))) throw error;
      }
    }
    return engine.bind({ address: addresses.at(-1) ?? '0.0.0.0', ...options });
  }

  packet(buffer: Uint8Array, offset: number, length: number, arrival: Arrival): void {
    const standing = this.#arrived(1, length, arrival);
    if (!this.#answers(buffer, offset, length, 1, standing, arrival)) return;
    this.#stamper?.stamp(buffer, offset, length, arrival);
    this.#socket?.reply(buffer, offset, length);
  }

  train(buffer: Uint8Array, offset: number, length: number, segment: number, arrival: Arrival): void {
    const count = Math.ceil(length / segment);
    const standing = this.#arrived(count, length, arrival);
    if (standing !== STRANGER) {
      // What is asked of these, the first packet of a train answers for all.
      if (this.#answers(buffer, offset, segment, count, standing, arrival)) this.#socket?.reply(buffer, offset, length, segment);
      return;
    }
    for (let at = 0; at < length; at += segment) {
      const bytes = Math.min(segment, length - at);
      if (this.#answers(buffer, offset + at, bytes, 1, standing, arrival)) this.#socket?.reply(buffer, offset + at, bytes);
    }
  }

  /** Counts what came. @returns how its source stands. */
  #arrived(count: number, length: number, arrival: Arrival): Standing {
    const numbers = this.#numbers;
    numbers[PACKETS] = (numbers[PACKETS] as number) + count;
    numbers[BYTES] = (numbers[BYTES] as number) + length;
    this.#memory.hostDelay.record(arrival.readNs - arrival.atNs);
    if (arrival.addressInto !== undefined) arrival.addressInto(this.#source);
    else this.#readAddress(arrival.from.address);
    return this.#guard?.standingOf(this.#source) ?? STRANGER;
  }

  #readAddress(text: string): void {
    if (text === this.#sourceText) return;
    this.#sourceText = text;
    parseAddressWords(text, this.#source);
  }

  /** @param count packets that are judged by this one. */
  #answers(buffer: Uint8Array, offset: number, length: number, count: number, standing: Standing, arrival: Arrival): boolean {
    const numbers = this.#numbers;
    const guard = this.#guard;
    if (guard === undefined) return false;
    const verdict = guard.judge(buffer, offset, length, this.#source, arrival.port, standing, arrival.readNs);
    if (verdict === ANSWER) {
      numbers[SENT] = (numbers[SENT] as number) + count;
      return true;
    }
    numbers[REFUSED] = (numbers[REFUSED] as number) + count;
    numbers[REFUSED_FOR + verdict] = (numbers[REFUSED_FOR + verdict] as number) + count;
    if (RATES.has(verdict)) numbers.set(this.#source, OVER_RATE);
    return false;
  }

  error(code: string, message: string): void {
    this.#lastError = `${code}: ${message}`;
  }

  /** What the kernel complained about last, or null. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Readable after {@link stop} too. */
  counters(): EchoCounters {
    this.note();
    return this.#memory.counters();
  }

  /** Puts into the memory what is not counted packet by packet. */
  note(): void {
    if (this.#socket === undefined || this.#stopped) return;
    this.#numbers[SEND_ERRORS] = this.#socket.sendErrors;
    this.#numbers[SOCKET_DROPS] = this.#socket.socketDrops() ?? Number.NaN;
    this.#numbers[UNSTAMPED] = this.#socket.unstamped;
  }

  /** Gives the port back. May be called twice, and before {@link start}. */
  async stop(): Promise<EchoCounters> {
    const counters = this.counters();
    this.#stopped = true;
    await this.#socket?.close();
    return counters;
  }
}
