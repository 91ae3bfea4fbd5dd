/**
 * What an echo answers. UDP has no sender to ask: whoever forges one aims the answers at somebody else, or at another server that
 * answers too. So strangers are answered for RTP alone, up to caps, and never for ever. Pure: packets, addresses and times come in.
 */
import { createRtpPacket, parseRtp, RTP_HEADER_BYTES, RTP_VERSION } from '../rtp/packet.ts';
import { isIn, isLoopbackWords } from '../values/networks.ts';
import type { Network } from '../values/networks.ts';
import { LoopMarks } from './loops.ts';
import { RateLimiter } from './rates.ts';
import type { GuardRules } from './rules.ts';

/** Why a packet is not answered, in the order in which it is found out. */
export const REFUSALS = ['port', 'not_allowed', 'not_rtp', 'rtcp', 'token', 'source_rate', 'total_rate', 'loop'] as const;
export type Refusal = (typeof REFUSALS)[number];

export interface GuardParts {
  readonly rules: GuardRules;
  /** The port of the echo. */
  readonly port: number;
  /** Addresses of this host, whose own programs are not strangers. */
  readonly own: readonly Network[];
  /** `KEY_WORDS` random words that nobody knows. */
  readonly key: Int32Array;
  /** As {@link RateLimiter} takes it. */
  readonly rateMemory?: ArrayBufferLike | undefined;
  /** Whether a datagram carries a token of the key. */
  readonly holdsToken?: ((buffer: Uint8Array, offset: number, length: number) => boolean) | undefined;
}

/** Who sends from there is a server (RFC 6335 §6), and most that answer datagrams with datagrams are: echo, chargen, TFTP, DNS, NTP. */
const FIRST_USER_PORT = 1024;

/** What a source may have. */
export const LOCAL = 0;
export const ALLOWED = 1;
export const STRANGER = 2;
export type Standing = typeof LOCAL | typeof ALLOWED | typeof STRANGER;

/** Answers of {@link EchoGuard.judge} are indexes into {@link REFUSALS}, or this. */
export const ANSWER = -1;
const [PORT, NOT_ALLOWED, NOT_RTP, RTCP, TOKEN, SOURCE_RATE, TOTAL_RATE, LOOP] = [0, 1, 2, 3, 4, 5, 6, 7] as const;

export class EchoGuard {
  readonly rates: RateLimiter;
  readonly #parts: GuardParts;
  readonly #allowed: readonly Network[];
  readonly #loops: LoopMarks;
  readonly #parsed = createRtpPacket();

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#allowed = [...parts.rules.allowed, ...parts.own];
    this.rates = new RateLimiter(parts.rules.caps, parts.key, parts.rateMemory);
    this.#loops = new LoopMarks(parts.key);
  }

  /** Loopback is nobody else's: no network delivers packets from there. @param source as `parseAddressWords` has it. */
  standingOf(source: Int32Array): Standing {
    if (isLoopbackWords(source)) return LOCAL;
    for (const network of this.#allowed) if (isIn(source, network)) return ALLOWED;
    return STRANGER;
  }

  /** Whether nothing from that port is ever answered: nobody can be there, or what is there would answer the answer. */
  refusesPort(port: number, standing: Standing): boolean {
    return port === 0 || port === this.#parts.port || (port < FIRST_USER_PORT && standing !== LOCAL);
  }

  /**
   * One datagram.
   *
   * @param nowNs monotonic.
   * @returns {@link ANSWER}, or why not.
   */
  judge(buffer: Uint8Array, offset: number, length: number, source: Int32Array, port: number, standing: Standing, nowNs: number): number {
    if (this.refusesPort(port, standing)) return PORT;
    if (standing === LOCAL) return ANSWER;
    if (standing === STRANGER) {
      const form = parseRtp(buffer, offset, length, this.#parsed);
      const { rules, holdsToken } = this.#parts;
      if (rules.onlyAllowed) return NOT_ALLOWED;
      if (form !== undefined && !rules.any) return form === 'rtcp' ? RTCP : NOT_RTP;
      if (holdsToken !== undefined && !holdsToken(buffer, offset, length)) return TOKEN;
      const rate = this.rates.take(source, nowNs);
      if (rate !== 'within') return rate === 'source' ? SOURCE_RATE : TOTAL_RATE;
    }
    // What looks like RTP is known by its header; of all else the whole is looked at.
    const whole = length < RTP_HEADER_BYTES || (buffer[offset] as number) >>> 6 !== RTP_VERSION;
    return this.#loops.fresh(source, port, buffer, offset, length, whole, nowNs) ? ANSWER : LOOP;
  }
}
