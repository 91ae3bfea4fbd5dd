/** Which way of matching the packets of a call is its own. Pure. */

export const MATCH_MODES = ['auto', 'header', 'payload', 'audio'] as const;
export type MatchMode = (typeof MATCH_MODES)[number];
export type MatchKind = Exclude<MatchMode, 'auto'>;

/** Packets that came and were matched, by each way that is tried. */
export type MatchedBy = Readonly<Partial<Record<MatchKind, number>>>;

/** After so long the ways are compared. */
const COMPARED_AFTER_NS = 2e9;
/** Packets that a choice rests on, where there are so many. */
const ENOUGH = 10;
/** Bytes are the way at once where no header is, and nearly all packets hold them: a few may have been cut at the beginning. */
const NEARLY_ALL = 0.9;
/** Headers and bytes are the way when they are that of so many. */
const MOST_OF_THEM = 0.5;

/**
 * Headers and bytes prove where a packet is from, and the one that knows more packets is chosen. Sound comes last: it is found where
 * those are, too.
 *
 * @param came packets that came back.
 * @param sinceNs how long ago the first of them did.
 * @param over whether nothing more will come.
 * @returns undefined while nothing can be said; at the end, when none of the ways found enough.
 */
export function choose(by: MatchedBy, came: number, sinceNs: number, over: boolean): MatchKind | undefined {
  const { header = 0, payload = 0, audio = 0 } = by;
  if (header >= ENOUGH && header === came) return 'header';
  if (header === 0 && payload >= ENOUGH && payload >= NEARLY_ALL * came) return 'payload';
  if (!over && sinceNs < COMPARED_AFTER_NS) return undefined;
  const enough = over ? Math.max(1, Math.min(ENOUGH, came / 2)) : ENOUGH;
  const exact = payload > header ? 'payload' : 'header';
  const most = Math.max(header, payload);
  if (most >= enough && (most >= MOST_OF_THEM * came || most >= audio)) return exact;
  return audio >= enough ? 'audio' : undefined;
}
