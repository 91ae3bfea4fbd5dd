/** Whether the kernel puts times on packets: some kernels and sandboxes accept the option and give none. */
import type { Libc } from './libc.ts';
import type { BatchEngine } from './engine.ts';

/** The kernel begins to stamp a moment after the first socket asked for it; each try waits so long. */
const STAMP_WAIT_MS = 2;
const STAMP_TRIES = 50;

/**
 * Sends datagrams to ourselves until one has both of its stamps.
 *
 * @param engine for small datagrams, in a thread of its own, that takes the kernel's times. It is closed.
 * @returns whether that came.
 */
export function tryStamps(libc: Libc, engine: BatchEngine): boolean {
  let arrived = true;
  let tries = 0;
  let turns = 0;
  let missing = -1;
  let given = false;
  try {
    const from = engine.bindNow({ address: '127.0.0.1', port: 0, departures: true });
    if (from.departures === undefined) return false;
    const to = engine.bindNow({ address: '127.0.0.1', port: 0 });
    to.receive({ packet: () => void (arrived = true), error: () => undefined });
    const goOn = (): boolean => {
      if (!arrived) return turns++ < STAMP_TRIES;
      given = from.unstamped + to.unstamped === missing;
      if (given || tries === STAMP_TRIES) return false;
      if (tries > 0) libc.poll(0, 0, STAMP_WAIT_MS);
      tries += 1;
      missing = from.unstamped + to.unstamped;
      arrived = false;
      from.send(new Uint8Array(1), 0, 1, to.local);
      return true;
    };
    engine.serve({ goOn });
    return given;
  } catch {
    // A host whose loopback is down cannot be asked; each socket counts what has no stamp.
    return true;
  } finally {
    engine.close();
  }
}
