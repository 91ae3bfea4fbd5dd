/** The options that every benchmark has, and no others. */

export interface BenchOptions {
  /** The form for CI: few rounds, the peers that need only a C compiler and Node, and failed at half of each bar. */
  readonly short: boolean;
  /** Whether results, charts and the section of docs/performance.md are written. */
  readonly write: boolean;
  /** Whether a case is to be run: all of them, or the one that `--only` names. */
  readonly wants: (name: string) => boolean;
}

/**
 * Reads the command line. Anything unknown ends the process with one line and status 2.
 *
 * @param cases the names that `--only` takes.
 */
export function benchOptions(cases: readonly string[]): BenchOptions {
  let short = false;
  let write = false;
  let only: string | undefined;
  const words = process.argv.slice(2).values();
  for (const word of words) {
    if (word === '--short') short = true;
    else if (word === '--write') write = true;
    else if (word === '--only') {
      only = words.next().value;
      if (only === undefined || !cases.includes(only)) refuse(`--only takes one of ${cases.join(', ')}`);
    } else refuse(`unknown argument ${word}: only --short, --write and --only CASE (${cases.join(', ')})`);
  }
  // What is written replaces the whole of what stood there.
  if (write && only !== undefined) refuse('--write stores a whole benchmark: it cannot go with --only');
  return { short, write, wants: (name) => only === undefined || only === name };
}

function refuse(why: string): never {
  process.stderr.write(`bench: ${why}\n`);
  process.exit(2);
}
