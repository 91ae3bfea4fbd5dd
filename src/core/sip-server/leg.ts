/** The media of one call as the call sees it: played and recorded here, or relayed to the echo server. */
import type { NegotiatedMedia } from '../sip/sdp-offer.ts';
import type { CallAction } from './call-plan.ts';

export interface LegEvents {
  /** A digit of the caller: 0–9, `*`, `#`, A–D. */
  digit(digit: string, how: 'rfc4733' | 'in-band', durationMs: number): void;
  /** The tone or the file is over, or the recording is full. */
  finished(): void;
  /** Something that belongs into the log of the call. */
  trouble(what: string): void;
}

export interface LegRequest {
  readonly callId: string;
  /** Who calls, as shown. */
  readonly caller: string;
  readonly action: CallAction;
  /** What was agreed to; undefined while the caller has not described its media. */
  readonly media: NegotiatedMedia | undefined;
  /** Where signalling came from. */
  readonly signallingAddress: string;
  readonly events: LegEvents;
}

export interface MediaLeg {
  readonly port: number;
  /** What was agreed to, for the first time or anew. */
  agreed(media: NegotiatedMedia): void;
  /** The session is up: media may flow. */
  start(): void;
  /** What belongs into the document of the call now. */
  report(): LegReport;
  /** Ends the media and gives the port back. @returns what belongs into the record of the call. */
  stop(): Promise<LegReport>;
}

/** Members of a call record; null is unknown. */
export type LegReport = Readonly<Record<string, number | string | null>>;

export interface MediaLegs {
  /** @throws RtplatError `no-ports`, or what the action needs and does not find. */
  open(request: LegRequest): Promise<MediaLeg>;
}
