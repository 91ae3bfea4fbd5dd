/** The frame around a benchmark: its errors are for people, and end it with status 1. */

/** Runs the benchmark; what it throws is printed as one message, without a stack. Status 3 is set by a missed bar. */
export async function main(benchmark: () => Promise<void>): Promise<void> {
  try {
    await benchmark();
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1); // ends what was started, too
  }
}
