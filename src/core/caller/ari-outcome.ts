/** What became of a call that Asterisk was asked for, in one line. Pure. */
import type { HangupCause } from '../ari/api.ts';
import type { ProbeResult } from '../probe/result.ts';
import { formatDurationNs } from '../values/duration.ts';
import { escapeControl } from '../values/terminal.ts';

/** Why a call was over before its media had run to their end. */
export type AriBreak =
  /** Asterisk hung our half up. */
  | { readonly why: 'gone'; readonly cause: HangupCause | null }
  | { readonly why: 'no-answer'; readonly afterNs: number }
  /** The channel that carries our RTP was taken from us. */
  | { readonly why: 'no-leg' }
  /** The user wanted so. */
  | { readonly why: 'stopped' }
  /** The connection to Asterisk is gone. */
  | { readonly why: 'lost'; readonly message: string };

/** @param lasted how long it was up; undefined when it was never answered. @returns null when nothing is wrong. */
export function breakProblem(broken: AriBreak, lasted?: { readonly ms: number; readonly wantedNs: number }): string | null {
  switch (broken.why) {
    case 'stopped':
      return null;
    case 'lost':
      return `the connection to Asterisk was lost: ${broken.message}`;
    case 'no-answer':
      return `no answer within ${formatDurationNs(broken.afterNs)} (see --ring-timeout)`;
    case 'no-leg':
      return 'Asterisk hung up the channel that carries our RTP';
    case 'gone': {
      const cause = broken.cause === null ? '' : ` (${causeText(broken.cause)})`;
      if (lasted === undefined) return `${meaningOf(broken.cause?.number)}${cause}`;
      return `the far end hung up early, ${(lasted.ms / 1000).toFixed(1)} s after its answer, of ${formatDurationNs(lasted.wantedNs)}${cause}`;
    }
  }
}

/** `Q.850 cause 17 "User busy"`, escaped. */
export function causeText({ number, text }: HangupCause): string {
  return `Q.850 cause ${number}${text === '' ? '' : ` "${escapeControl(text.slice(0, SHOWN_CHARACTERS))}"`}`;
}

/** What of a peer's text is repeated. */
const SHOWN_CHARACTERS = 120;

/** ITU-T Q.850 §2.2.7, in a few words. */
function meaningOf(cause: number | undefined): string {
  switch (cause) {
    case 1:
    case 3:
    case 28:
      return 'no route: there is no such number';
    case 17:
      return 'busy';
    case 18:
    case 19:
    case 20:
      return 'no answer: the far end cannot take the call now';
    case 21:
      return 'declined';
    case 27:
    case 38:
      return 'no route: the far end is out of service';
    case 34:
    case 42:
    case 44:
      return 'no route: the far end has no room';
    case 58:
    case 65:
    case 88:
      return 'no codec in common';
    case 0:
      return 'it was hung up before it was answered, for no reason given: is there such an extension?';
    default:
      return 'it was hung up before it was answered';
  }
}

/** RTP packets that came to our port, whoever numbered them. Of those that are matched by what is in them, a packet is not a packet sent. */
export function cameBack({ received, lateAfterLoss, duplicates, unmatched, otherSsrc, streams }: ProbeCounted): number {
  const match = streams[0]?.match;
  return match === 'payload' || match === 'audio' ? otherSsrc : received + lateAfterLoss + duplicates + unmatched;
}

type ProbeCounted = Pick<ProbeResult, 'received' | 'lateAfterLoss' | 'duplicates' | 'unmatched' | 'otherSsrc' | 'streams'>;

/** @returns what is wrong with media that ran to their end, one line. Packets that come back as others are what Asterisk makes of them. */
export function ariMediaProblem(media: ProbeResult): string | null {
  if (media.sent === 0) return 'no media: the call ended before a packet was sent';
  if (cameBack(media) > 0) return null;
  return `no media: none of ${media.sent} packets came back${media.lastError === null ? '' : ` (${media.lastError})`}; does that extension echo?`;
}
