/** A machine that somebody else uses as well: now and then a process that never sleeps, for a while, on whatever core it gets. */
import { setTimeout as pause } from 'node:timers/promises';
import type { SeededRandom } from '../../src/core/probe/random.ts';
import { compile } from '../lib/peers.ts';
import { start } from '../lib/process.ts';

const QUIET_MS = [300, 4000] as const;
const BUSY_MS = [100, 2000] as const;
/** Longer than any burst: it ends by itself should nobody end it. */
const LIMIT_SECONDS = '10';

/** @returns what ends it, and waits for its end. */
export function startNoise(random: SeededRandom): () => Promise<void> {
  const stop = new AbortController();
  const ended = (async () => {
    while (!stop.signal.aborted) {
      await rest(random, QUIET_MS, stop.signal);
      if (stop.signal.aborted) return;
      const busy = await start(compile('busy'), [LIMIT_SECONDS], { readyLine: /^busy$/ });
      try {
        await rest(random, BUSY_MS, stop.signal);
      } finally {
        await busy.stop();
      }
    }
  })();
  return async () => {
    stop.abort();
    await ended;
  };
}

/** Between the two, or until it is to stop. */
async function rest(random: SeededRandom, [least, most]: readonly [number, number], signal: AbortSignal): Promise<void> {
  try {
    await pause(least + (random.uint32() % (most - least)), undefined, { signal });
  } catch {
    // Told to stop.
  }
}
