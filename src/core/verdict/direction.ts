/**
 * Which way a fault lies. An echo mixes both directions: what is missing in it may be lost there or on the way back. What tells them apart is
 * what the far end, or a service behind it, says that it received. Pure.
 */
import type { Hearing, LostThere } from './reports.ts';
import type { FaultDirection } from './verdict.ts';

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

/** Of what is missing, the share that was lost on the way there: from then on all of it was, and so little is nothing. */
const ALL = 0.75;
const HARDLY = 0.15;
/** Packets of ours that must be missing before they are compared with anything. */
const LEAST_MISSING = 5;
/** Of what a service has to do with. */
const MOST = 0.5;

/** Of what does not come back at all, or not as sent. @param wrong what is wrong with what comes, in words: `silence comes`. */
export function ofWhole({ hears, because }: Hearing, wrong: string): Told {
  if (hears === undefined) return { direction: null, because: `direction: cannot be told, ${because}` };
  return hears
    ? { direction: 'from the far end', because: `direction: ${because}, and ${wrong}` }
    : { direction: 'towards the far end', because: `direction: ${because}` };
}

export interface MissingFacts {
  /** Up to the far end's last report. */
  readonly lost: LostThere | undefined;
  /** Packets of ours whose audio is missing in what has come, and packets that are missing in it by its own numbers. */
  readonly missing: number;
  readonly gaps: number;
  /** Whether those numbers are the far end's and not those that we gave. */
  readonly renumbered: boolean;
}

/** Of what comes back in pieces. */
export function ofPieces({ lost: told, missing: missingNow, gaps, renumbered }: MissingFacts): Told {
  if (told !== undefined && told.missing >= LEAST_MISSING) {
    const { lost, missing } = told;
    const said = `direction: of about ${missing} missing packets the far end reports ${Math.max(0, lost)} lost`;
    if (lost >= ALL * missing) return { direction: 'towards the far end', because: said };
    if (lost <= HARDLY * missing) return { direction: 'from the far end', because: said };
    return { direction: 'both ways', because: said };
  }
  const unsaid = 'the far end has not reported by RTCP what it lost';
  if (renumbered && gaps <= HARDLY * missingNow) {
    return {
      direction: 'towards the far end',
      because: 'direction: what the far end numbers comes without gaps, and ours has gaps in it: lost there, or within the far end',
    };
  }
  // Asterisk makes numbers of its own, and carries the gaps of ours over into them.
  const why = renumbered ? 'its numbers may have the gaps of ours' : 'its numbers are ours';
  return { direction: null, because: `direction: cannot be told, ${unsaid}, and ${why}` };
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
