/** Answers with a deadline. */

/**
 * What `ask` answers, or `late()` after `ms`. An answer that came in time, and that this process only got to read behind the deadline,
 * is still one: a busy monitor must not end a service that is well.
 *
 * @param ask is told when nobody waits any more. @param ended when it aborts nobody waits any more either.
 */
export async function withDeadline<T>(
  ms: number,
  late: () => T,
  ask: (signal: AbortSignal) => Promise<T>,
  ended: AbortSignal | undefined,
): Promise<T> {
  const over = new AbortController();
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const give = (): void => resolve(late());
  // Behind the next reading of all sockets.
  const timer = setTimeout(() => setImmediate(give), ms);
  ended?.addEventListener('abort', give);
  ask(over.signal).then(resolve, reject);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    ended?.removeEventListener('abort', give);
    over.abort();
  }
}
