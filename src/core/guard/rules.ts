/** What an echo is told to answer. */
import type { Network } from '../values/networks.ts';
import type { RateCaps } from './rates.ts';

/** What an echo answers, as its user wants it. Plain data: it goes to other threads. */
export interface GuardRules {
  /** Answer strangers whatever they send, not RTP alone. */
  readonly any: boolean;
  readonly caps: RateCaps;
  /** Whose packets are answered as they are, without caps. */
  readonly allowed: readonly Network[];
  /** Answer nobody else. */
  readonly onlyAllowed: boolean;
  /** Key of the tokens that the packets of strangers must carry; undefined where they need none. */
  readonly tokenKey?: string | undefined;
}

/** One source may have a hundred calls. */
export const DEFAULT_CAPS: RateCaps = { perSource: 5_000, total: 50_000 };
export const DEFAULT_RULES: GuardRules = { any: false, caps: DEFAULT_CAPS, allowed: [], onlyAllowed: false };
