/** Verdicts that need no listening: what is said of a call before a packet could be heard. Pure. */
import type { Direction } from '../sip/sdp.ts';
import type { CallVerdict, FaultDirection, Finding } from './verdict.ts';

/** Of media that are agreed to go one way or none (RFC 8866 §6.7). @param ours what is left for us: `sendonly` is a far end that sends nothing. */
export function refusedBySdp(ours: Exclude<Direction, 'sendrecv'>): CallVerdict {
  const direction: FaultDirection = ours === 'sendonly' ? 'from the far end' : ours === 'recvonly' ? 'towards the far end' : 'both ways';
  const evidence = [`its SDP leaves ${ours} for us`, 'direction: by the SDP of the far end'];
  return { state: 'one-way', direction, evidence, crossedWith: null, ...AT_ONCE, changes: [{ atMs: 0, state: 'one-way', direction }] };
}

/** Nothing listens where the far end said that it does. */
export const NOBODY_LISTENS: Finding = {
  state: 'one-way',
  direction: 'towards the far end',
  evidence: ['nothing listens where the far end takes media', 'direction: by ICMP port unreachable'],
  crossedWith: null,
};

const AT_ONCE = { sinceMs: 0, firstMs: 0, changesLeftOut: 0 } as const;
