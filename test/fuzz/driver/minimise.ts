/** A small corpus that reaches what a large one does. */
import type { FuzzTarget } from '../target.ts';
import type { Coverage } from './instrument.ts';
import { shrunk } from './shrink.ts';

/** The repository is no place for thousands of them; what the last ones reach, a run finds again. */
const MOST_INPUTS = 24;
const MOST_BYTES = 12_000;
/** Of each of them, to make it smaller. */
const MOST_TRIES = 300;

/** Few inputs that reach as many blocks of the target as they can, each as small as it can be for that. */
export async function minimised(target: FuzzTarget, inputs: readonly Uint8Array[], coverage: Coverage): Promise<readonly Uint8Array[]> {
  const own = new Set(coverage.blocksOf(target.code));
  const reach = async (input: Uint8Array): Promise<ReadonlySet<number>> => {
    coverage.hits.fill(0, 0, coverage.size());
    try {
      await target.check(input);
    } catch {
      return new Set();
    }
    return new Set([...own].filter((block) => coverage.hits[block] !== 0));
  };
  const reached = new Map<Uint8Array, ReadonlySet<number>>();
  for (const input of inputs) reached.set(input, await reach(input));
  const missing = new Set<number>();
  for (const blocks of reached.values()) for (const block of blocks) missing.add(block);
  const chosen: Uint8Array[] = [];
  let bytes = 0;
  while (missing.size > 0 && chosen.length < MOST_INPUTS) {
    let best: Uint8Array | undefined;
    let most = 0;
    for (const [input, blocks] of reached) {
      let gain = 0;
      for (const block of blocks) if (missing.has(block)) gain += 1;
      if (gain > most || (gain === most && gain > 0 && best !== undefined && input.length < best.length)) [best, most] = [input, gain];
    }
    if (best === undefined) break;
    const gained = [...(reached.get(best) ?? [])].filter((block) => missing.has(block));
    const small = await shrunk(
      best,
      async (candidate) => {
        const blocks = await reach(candidate);
        return gained.every((block) => blocks.has(block));
      },
      MOST_TRIES,
    );
    for (const block of await reach(small)) missing.delete(block);
    for (const block of gained) missing.delete(block);
    bytes += small.length;
    if (bytes > MOST_BYTES) break;
    chosen.push(small);
  }
  return chosen;
}
