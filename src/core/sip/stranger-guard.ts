/**
 * How much a SIP element does for those whom it does not know. Whoever sends over UDP may forge its address, so a message must cost
 * less to leave than to answer, and what is kept of its sender has a fixed size. Pure: addresses, messages and times come in.
 */
import { RateLimiter } from '../guard/rates.ts';
import type { RateCaps } from '../guard/rates.ts';
import { ADDRESS_WORDS, isIn, isLoopbackWords, parseAddressWords } from '../values/networks.ts';
import type { Network } from '../values/networks.ts';
import type { SipRequest } from './message.ts';

export interface StrangerRules {
  /** Messages a second. */
  readonly caps: RateCaps;
  /** Whose messages have no caps. */
  readonly trusted: readonly Network[];
  /** Leave requests of tools that look for SIP servers without an answer. */
  readonly ignoreScanners: boolean;
}

export interface StrangerGuardParts {
  readonly rules: StrangerRules;
  /** Addresses of this host, whose own programs are no strangers. */
  readonly own: readonly Network[];
  /** `KEY_WORDS` random words that nobody knows. */
  readonly key: Int32Array;
  /** Whether a call of that address is up that it has confirmed by an ACK: it is no forged one. */
  readonly hasCall: (address: string) => boolean;
}

/** Why a message was not looked at, or not answered. */
export interface StrangerCounts {
  /** Above the rate of its source. */
  readonly sourceRate: number;
  /** Above that of all. */
  readonly totalRate: number;
  readonly scanners: number;
}

/** Where nobody is a stranger. */
export const NO_STRANGERS: StrangerCounts = { sourceRate: 0, totalRate: 0, scanners: 0 };

/**
 * What tools that look for SIP servers, and for extensions without a password, call themselves: the beginning of their `User-Agent`, in
 * lower case. SIPVicious, what was made of it, and what reports of scans name beside it.
 */
const SCANNERS: readonly string[] = [
  ...['friendly-scanner', 'friendly-request', 'sipvicious', 'sundayddr', 'svmap', 'svwar', 'svcrack', 'sip-scan', 'sipscan'],
  ...['sipcli', 'siparmyknife', 'sivus', 'smap', 'iwar', 'pplsip', 'warvox'],
];
const NS_PER_MS = 1e6;

export class StrangerGuard {
  readonly #parts: Omit<StrangerGuardParts, 'rules'>;
  #rules: StrangerRules;
  /** Of all, and of those who have a call: no flood of others takes from them. */
  #rates: RateLimiter;
  #callers: RateLimiter;
  readonly #words = new Int32Array(ADDRESS_WORDS);
  #sourceRate = 0;
  #totalRate = 0;
  #scanners = 0;

  constructor(parts: StrangerGuardParts) {
    this.#parts = parts;
    this.#rules = parts.rules;
    this.#rates = new RateLimiter(parts.rules.caps, parts.key);
    this.#callers = callersOf(parts.rules.caps, parts.key);
  }

  /** From now on; what was counted stays. */
  renew(rules: StrangerRules): void {
    const { caps } = this.#rules;
    this.#rules = rules;
    if (rules.caps.perSource === caps.perSource && rules.caps.total === caps.total) return;
    this.#rates = new RateLimiter(rules.caps, this.#parts.key);
    this.#callers = callersOf(rules.caps, this.#parts.key);
  }

  get counts(): StrangerCounts {
    return { sourceRate: this.#sourceRate, totalRate: this.#totalRate, scanners: this.#scanners };
  }

  /** Whether nothing is asked of that address. */
  trusts(address: string): boolean {
    const words = this.#words;
    if (!parseAddressWords(address, words)) return false;
    if (isLoopbackWords(words)) return true;
    for (const network of this.#rules.trusted) if (isIn(words, network)) return true;
    for (const network of this.#parts.own) if (isIn(words, network)) return true;
    return false;
  }

  /** Whether a message from there is looked at. @param nowMs monotonic. */
  admits(address: string, nowMs: number): boolean {
    // Leaves the words of the address behind, too.
    if (this.trusts(address)) return true;
    const rates = this.#parts.hasCall(address) ? this.#callers : this.#rates;
    const verdict = rates.take(this.#words, nowMs * NS_PER_MS);
    if (verdict === 'source') this.#sourceRate += 1;
    else if (verdict === 'total') this.#totalRate += 1;
    return verdict === 'within';
  }

  /** Whether a request gets an answer. */
  heeds(request: SipRequest, address: string): boolean {
    if (!this.#rules.ignoreScanners || !isScanner(request) || this.trusts(address)) return true;
    this.#scanners += 1;
    return false;
  }
}

function callersOf({ perSource }: RateCaps, key: Int32Array): RateLimiter {
  return new RateLimiter({ perSource, total: 0 }, key);
}

function isScanner({ headers }: SipRequest): boolean {
  const agent = headers.get('User-Agent')?.trimStart().toLowerCase();
  return agent !== undefined && SCANNERS.some((name) => agent.startsWith(name));
}
