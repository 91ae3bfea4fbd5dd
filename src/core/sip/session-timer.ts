/**
 * Session timers (RFC 4028): when the peer has vanished without a BYE, the call ends by itself.
 *
 * The side of the one who is called: the caller refreshes the session by re-INVITE or UPDATE before an interval is over; when it does
 * not, we hang up. Timers are accepted when the caller asks and refreshes itself. Refreshing is not taken over: a 2xx without Session-Expires says that
 * the session has no timer (§7.2), which any caller has to live with, since it cannot know who supports them.
 */
import type { SipRequest, SipResponse } from './message.ts';
import { parseDecimal, Scanner } from './scanner.ts';

/** No interval may be shorter (RFC 4028 §4), s. */
export const LEAST_SESSION_SECONDS = 90;

/** We hang up that long before the end of the interval at the most (§10), s. */
const MARGIN_SECONDS = 32;
/** RFC 4028 §4: up to 2^32 − 1. */
const MOST_SECONDS = 2 ** 32 - 1;

/** What to say about the session timer in the answer to an INVITE or UPDATE. */
export type SessionTimerAnswer =
  /** Nothing. A timer that the session had before has ended. */
  | { readonly kind: 'none' }
  /** Add the headers to the 2xx, and hang up when there was no other refresh for that time since. */
  | { readonly kind: 'timer'; readonly hangUpAfterMs: number; readonly headers: readonly (readonly [name: string, value: string])[] }
  /** Answer this status with these headers instead. */
  | { readonly kind: 'refuse'; readonly status: 422; readonly headers: readonly (readonly [name: string, value: string])[] };

/**
 * What RFC 4028 §9 has the server answer.
 *
 * @param leastSeconds our Min-SE; {@link LEAST_SESSION_SECONDS} when that is more.
 */
export function answerSessionTimer(request: SipRequest, leastSeconds: number): SessionTimerAnswer {
  const asked = parseSessionExpires(request.headers.get('Session-Expires'));
  // Without support in the caller (a proxy asked), or with "uas", the refreshing would be ours (table 2).
  if (asked === undefined || asked.refresher === 'uas' || !supportsTimer(request)) return { kind: 'none' };
  const least = Math.max(leastSeconds, LEAST_SESSION_SECONDS);
  if (asked.seconds < least) return { kind: 'refuse', status: 422, headers: [['Min-SE', String(least)]] };
  return {
    kind: 'timer',
    hangUpAfterMs: hangUpAfterMs(asked.seconds),
    headers: [
      ['Session-Expires', `${asked.seconds};refresher=uac`],
      // The caller must have read it, being the one who refreshes.
      ['Require', 'timer'],
    ],
  };
}

/** What the 2xx to an INVITE or UPDATE of ours says of the session timer. */
export type AgreedTimer =
  | { readonly kind: 'none' }
  /** We are to refresh, half-way through the interval. */
  | { readonly kind: 'ours'; readonly refreshAfterMs: number }
  /** The peer is; hang up when it has not for that long. */
  | { readonly kind: 'theirs'; readonly hangUpAfterMs: number };

/** §7.2: who supports timers, as we say, may be made the one that refreshes by the answer. */
export function agreedTimer(response: SipResponse): AgreedTimer {
  const given = parseSessionExpires(response.headers.get('Session-Expires'));
  if (given === undefined || given.seconds === 0) return { kind: 'none' };
  if (given.refresher === 'uac') return { kind: 'ours', refreshAfterMs: (given.seconds * 1_000) / 2 };
  return { kind: 'theirs', hangUpAfterMs: hangUpAfterMs(given.seconds) };
}

/** §10: a little before the end of the interval. */
function hangUpAfterMs(seconds: number): number {
  return (seconds - Math.min(MARGIN_SECONDS, seconds / 3)) * 1_000;
}

/** `1800;refresher=uac`; undefined without a number in front, with which nothing can be agreed. */
function parseSessionExpires(value: string | undefined): { readonly seconds: number; readonly refresher: string | undefined } | undefined {
  const scanner = new Scanner(value ?? '');
  const seconds = parseDecimal(scanner.token(), MOST_SECONDS);
  const refresher = scanner.parameters()?.get('refresher')?.toLowerCase();
  return seconds === undefined ? undefined : { seconds, refresher };
}

function supportsTimer(request: SipRequest): boolean {
  return request.headers.values('Supported').some((tag) => tag.trim().toLowerCase() === 'timer');
}
