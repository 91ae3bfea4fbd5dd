/** The pieces of all pages of a service: however many there are, they are drawn once a period, and what draws is loaded with the first. */
import { messageOf } from '../../errors.ts';
import { escapeHtml } from '../../report/html/markup.ts';
import type { Pieces, PieceSources } from './pieces.ts';

/** @param staleMs pieces of this age are drawn anew for who asks. */
export function sharedPieces(sources: PieceSources, staleMs: number): () => Promise<Pieces> {
  let made: Promise<Pieces> | undefined;
  let madeMs = 0;
  return () => {
    const nowMs = performance.now();
    if (made === undefined || nowMs - madeMs >= staleMs) {
      made = draw(sources);
      madeMs = nowMs;
    }
    return made;
  };
}

/** A picture that fails must not end a service that has calls. */
async function draw(sources: PieceSources): Promise<Pieces> {
  try {
    const { renderPieces } = await import('./pieces.ts');
    return renderPieces(sources);
  } catch (error) {
    return { quiet: `The pictures could not be drawn: ${escapeHtml(messageOf(error))}` };
  }
}
