/** A smaller input that still does the same. */

const MOST_TRIES = 3_000;

/** Takes pieces out, halves first and single bytes last, as long as `still` says so. */
export async function shrunk(
  input: Uint8Array,
  still: (candidate: Uint8Array) => boolean | Promise<boolean>,
  mostTries: number = MOST_TRIES,
): Promise<Uint8Array> {
  let best = input;
  let tries = 0;
  for (let size = Math.ceil(best.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < best.length && tries < mostTries;) {
      const candidate = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)]);
      tries += 1;
      if (await still(candidate)) best = candidate;
      else at += size;
    }
  }
  return best;
}
