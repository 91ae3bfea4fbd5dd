/** What became of a call, and the one line that says why it failed. Pure. */
import type { HangupCause } from '../ari/api.ts';
import type { ProbeResult } from '../probe/result.ts';
import type { ClientCallEnd } from '../sip/client-call.ts';
import type { Cause } from '../sip/reason-header.ts';
import { formatDurationNs } from '../values/duration.ts';
import { escapeControl } from '../values/terminal.ts';
import type { RtcpFacts } from './rtcp-call.ts';

/** Times are ms from the first INVITE of the call; null is what has not happened. */
export interface CallOutcome {
  /** From 1. */
  readonly number: number;
  readonly callId: string;
  /** Wall clock, ISO 8601. */
  readonly startedAt: string;
  readonly endedAt: string;
  /** Of our RTP; null when there was none. */
  readonly port: number | null;
  /** Where RTP went; null when it went nowhere. */
  readonly peer: string | null;
  readonly codec: string | null;
  readonly ptimeMs: number | null;
  /** SRD (RFC 6076 §4.3): to the first answer other than 100 and a challenge. */
  readonly requestDelayMs: number | null;
  /** To the first session description of early media. */
  readonly earlyMediaMs: number | null;
  readonly answeredMs: number | null;
  /** To our BYE, or the peer's. */
  readonly endingMs: number | null;
  /** From our BYE to its 2xx. */
  readonly disconnectMs: number | null;
  readonly endedMs: number;
  /** Final answer to the INVITE; null when none came. */
  readonly status: number | null;
  /** What the far end gave as the reason: `486 Busy Here, Q.850 cause 17`; escaped. */
  readonly cause: string | null;
  readonly end: ClientCallEnd['kind'] | 'not placed';
  /** One line, without the number of the call; null when nothing is wrong. */
  readonly problem: string | null;
  /** Ended because the user wanted so. */
  readonly stopped: boolean;
  /** What was sent and came back; null when there was no media. */
  readonly media: ProbeResult | null;
  /** null when there was no media. */
  readonly rtcp: RtcpFacts | null;
  /** Only of a call that Asterisk was asked for. */
  readonly ari?: AriFacts;
}

export interface AriFacts {
  /** When it was asked for, ms of a monotonic clock. */
  readonly beganMs: number;
  /** Our half of what was dialled. */
  readonly channelId: string;
  /** The dialplan's half of a Local channel: what a service that takes the call sees. */
  readonly farId: string | null;
  /** Why Asterisk hung up; null where we did. */
  readonly cause: HangupCause | null;
}

/** Media of a call whose histograms are merged into those of the run: many calls are kept. */
export type MediaFacts = Omit<ProbeResult, 'latency' | 'sendError' | 'hostDelay' | 'series'> & { readonly meanLatencyNs: number | null };

/** A call that has been counted. */
export type SettledCall = Omit<CallOutcome, 'media'> & { readonly media: MediaFacts | null };

/** Why we ended a call by ourselves: none is the planned end. */
export interface OurReasons {
  /** Nobody answered within so long. */
  readonly noAnswerNs: number | null;
  /** The user stopped the run. */
  readonly stopped: boolean;
  /** The media ran to their planned end. */
  readonly complete: boolean;
  /** What was wrong with the media, one line. */
  readonly media: string | null;
}

/** @param unreachable why the far end cannot be reached, where that is known. */
export function problemOf(end: ClientCallEnd, ours: OurReasons, unreachable: string | null): string | null {
  switch (end.kind) {
    case 'refused':
      return refusal(end);
    case 'credentials':
      return `${end.detail} (${end.status} ${shown(end.reason)}): see --user and RTPLAT_SIP_PASSWORD`;
    case 'cancelled':
      if (ours.stopped) return null;
      return `no answer within ${formatDurationNs(ours.noAnswerNs ?? 0)}${end.rang ? ', though it rang' : ', and it did not ring'} (see --ring-timeout)`;
    case 'timeout':
      return end.rang
        ? 'no final answer: it rang, and then nothing more came'
        : 'no answer to the INVITE at all: is that a SIP port, and open?';
    case 'unreachable':
      return unreachable ?? 'the connection was lost before the call was answered';
    case 'left':
      if (ours.media !== null) return ours.media;
      return ours.complete || ours.stopped ? null : 'the far end hung up early';
    case 'hung-up':
      if (ours.noAnswerNs !== null)
        return `no answer within ${formatDurationNs(ours.noAnswerNs)}: it came while the call was given up (see --ring-timeout)`;
      if (ours.media !== null) return ours.media;
      if (end.why !== null && !ours.stopped) return end.why;
      return end.answered ? null : 'the BYE was not answered: the far end may still hold the call';
  }
}

/** @returns what is wrong with media that ran to their end, one line. */
export function mediaProblemOf({ sent, received, otherSsrc, unmatched, malformed, lastError, streams, srtp }: ProbeResult): string | null {
  if (sent === 0) return 'no media: the call ended before a packet was sent';
  if (received > 0) return null;
  const reason = streams[0]?.match_reason;
  if (typeof reason === 'string') return `${reason}: no round trip is known (does that number echo what it hears?)`;
  if (otherSsrc > 0) {
    const why = 'what is between makes packets of its own, or that number does not echo';
    return `${otherSsrc} packets came back with another SSRC: not matched by header, so that no round trip is known (${why})`;
  }
  if (srtp !== undefined && srtp.unauthenticated > 0)
    return `${srtp.unauthenticated} packets came back, and none is authentic by the key of the far end (${srtp.suite}): another key, or no SRTP`;
  if (unmatched + malformed > 0) return `${unmatched + malformed} datagrams came that are no echo of a packet sent: not matched by header`;
  return `no media: none of ${sent} packets came back${lastError === null ? '' : ` (${lastError})`}; does that number echo?`;
}

function refusal({ status, reason, cause, detail }: Extract<ClientCallEnd, { readonly kind: 'refused' }>): string {
  const answer = `${status} ${shown(reason)}${cause === null ? '' : `, ${causeText(cause)}`}`;
  const meaning = meaningOf(status);
  const more = detail === null ? '' : `: ${shown(detail)}`;
  if (status < 400) return `redirected, which is not followed (${answer})${more}`;
  return `${meaning === undefined ? 'refused' : meaning} (${answer})${more}`;
}

/** RFC 3261 §21, in a few words. */
function meaningOf(status: number): string | undefined {
  if (status === 403) return 'forbidden';
  if (status === 404 || status === 484 || status === 604) return 'no route: there is no such number';
  if (status === 410) return 'no route: the number is gone';
  if (status === 408 || status === 480) return 'no answer: the far end cannot take the call now';
  if (status === 486 || status === 600) return 'busy';
  if (status === 415 || status === 488 || status === 606) return 'no codec in common, or media that the far end does not want';
  if (status === 420 || status === 421) return 'the far end wants an extension of SIP that is not there';
  if (status === 603) return 'declined';
  if (status === 502 || status === 504) return 'no route: a server behind did not answer';
  if (status === 503) return 'no route: the far end is out of service, or has no room';
  return undefined;
}

/** What the far end gave as the reason of the end. */
export function causeLine(end: ClientCallEnd): string | null {
  if (end.kind === 'refused') return `${end.status} ${shown(end.reason)}${end.cause === null ? '' : `, ${causeText(end.cause)}`}`;
  if (end.kind === 'credentials') return `${end.status} ${shown(end.reason)}`;
  return end.kind === 'left' && end.cause !== null ? causeText(end.cause) : null;
}

function causeText({ protocol, cause, text }: Cause): string {
  const number = cause === null ? '' : ` cause ${cause}`;
  return `${shown(protocol)}${number}${text === null || text === '' ? '' : ` "${shown(text)}"`}`;
}

/** What of a peer's text is repeated. */
const SHOWN_CHARACTERS = 120;

function shown(text: string): string {
  return escapeControl(text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text);
}
