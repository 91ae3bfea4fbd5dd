/**
 * Which way a fault lies. An echo mixes both directions: what is missing in it may be lost there or on the way back. What tells them apart is
 * what the far end, or a service behind it, says that it received. Pure.
 */
import type { FaultDirection } from './verdict.ts';

/** What the far end says by RTCP; null is what it never said. */
export interface FarEndWords {
  /** Packets of RTCP that came. */
  readonly received: number;
  /** Of those, how many say what it received of ours. */
  readonly reports: number;
  readonly farEndLost: number | null;
  readonly farEndReceived: number | null;
}

/** Packets that a service behind the far end counts; null is what it does not tell. */
export interface ServiceWords {
  readonly fromPeer: number | null;
  readonly toPeer: number | null;
}

export interface Told {
  readonly direction: FaultDirection | null;
  /** Why, in words. */
  readonly because: string;
}

/** Packets in a row of RTCP without a word about ours, until that says something: the first one may be sent before anything is heard. */
const REPORTS_WITHOUT = 2;
/** As much of what is missing decides it; so little is none of it. */
const MOST = 0.5;
const HARDLY = 0.1;

/** Of what does not come back at all, or not as sent. @param wrong what is wrong with what comes, in words: `it is silence`. */
export function ofWhole(words: FarEndWords | null, wrong: string): Told {
  if (words === null || words.received === 0) {
    return { direction: null, because: 'direction: cannot be told, the far end sends no RTCP' };
  }
  const { received, reports, farEndReceived } = words;
  if (reports === 0) {
    return received < REPORTS_WITHOUT
      ? { direction: null, because: 'direction: cannot be told yet, the far end has not reported on what it receives' }
      : { direction: 'towards the far end', because: `direction: ${received} RTCP reports of the far end know of no packet of ours` };
  }
  if (farEndReceived === 0) {
    return { direction: 'towards the far end', because: 'direction: the far end reports that none of our packets came' };
  }
  const came = farEndReceived === null ? 'our packets' : `${farEndReceived} of our packets`;
  return { direction: 'from the far end', because: `direction: the far end reports that ${came} came, and ${wrong}` };
}

export interface MissingFacts {
  readonly words: FarEndWords | null;
  /** Packets of ours whose audio is missing in what comes. */
  readonly missing: number;
  /** Packets that are missing in what comes by its own numbers. */
  readonly gaps: number;
  /** Whether those numbers are the far end's and not those that we gave. */
  readonly renumbered: boolean;
}

/** Of what comes back in pieces. */
export function ofPieces({ words, missing, gaps, renumbered }: MissingFacts): Told {
  const lost = words === null || words.reports === 0 ? null : words.farEndLost;
  if (lost !== null) {
    if (lost >= MOST * missing) {
      const both = renumbered && gaps >= MOST * missing && lost + gaps <= 2 * missing;
      return both
        ? { direction: 'both ways', because: `direction: the far end reports ${lost} lost, and ${gaps} are missing in what it numbers` }
        : { direction: 'towards the far end', because: `direction: the far end reports that ${lost} of our packets were lost` };
    }
    if (lost <= HARDLY * missing) {
      return { direction: 'from the far end', because: `direction: the far end reports ${lost} of our packets lost, so nearly all came there` };
    }
    return { direction: 'both ways', because: `direction: the far end reports ${lost} of about ${missing} packets lost: a part of them` };
  }
  if (!renumbered) {
    return { direction: null, because: 'direction: cannot be told, the far end sends no RTCP reports, and its numbers are ours' };
  }
  if (gaps >= MOST * missing) {
    return { direction: 'from the far end', because: `direction: ${gaps} packets are missing in what the far end numbers` };
  }
  if (gaps <= HARDLY * missing) {
    return { direction: 'towards the far end', because: 'direction: what the far end numbers comes without gaps, and ours is torn in it' };
  }
  return { direction: null, because: `direction: cannot be told, ${gaps} of about ${missing} packets are missing in what the far end numbers` };
}

/** @returns what a service behind the far end adds; undefined where it decides nothing. @param cameBack packets, whatever they held. */
export function ofService({ fromPeer, toPeer }: ServiceWords, sent: number, cameBack: number): Told | undefined {
  if (fromPeer === null || sent === 0) return undefined;
  if (fromPeer < MOST * sent) {
    return { direction: 'towards the far end', because: `direction: of ${sent} packets sent ${fromPeer} came to the service` };
  }
  if (toPeer === null || cameBack >= MOST * toPeer) return undefined;
  return { direction: 'from the far end', because: `direction: the service sent ${toPeer} packets back, of which ${cameBack} came` };
}
