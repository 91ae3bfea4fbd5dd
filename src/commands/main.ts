/** Runs one command line to its exit status. Every error a user can cause ends here as one line. */
import { CommanderError } from 'commander';
import { messageOf, RtplatError } from '../core/errors.ts';
import { escapeControl } from '../core/values/terminal.ts';
import type { CommandIo, ExitStatus } from './io.ts';
import { processIo } from './process-io.ts';
import { createProgram } from './program.ts';

/** @param argv what stands behind the program's name. */
export async function main(argv: readonly string[]): Promise<ExitStatus> {
  let status: ExitStatus = 0;
  const io = processIo((next) => {
    status = next;
  });
  const program = createProgram(io);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    status = complain(io, error);
  }
  return status;
}

/** Says what went wrong in one line, with the way out behind it. */
function complain(io: CommandIo, error: unknown): ExitStatus {
  if (error instanceof CommanderError) {
    // Commander has already written the message, the help or the version.
    return error.exitCode === 0 ? 0 : 2;
  }
  if (error instanceof RtplatError) {
    const hint = error.hint === '' ? '' : `; ${error.hint}`;
    io.stderr.write(`rtplat: ${escapeControl(error.message + hint)}\n`);
    return error.code === 'usage' || error.code === 'credentials' ? 2 : error.code === 'untrusted' ? 4 : 1;
  }
  io.stderr.write(`rtplat: unexpected error: ${escapeControl(messageOf(error))}\n`);
  if (io.env['RTPLAT_DEBUG'] !== undefined && error instanceof Error) io.stderr.write(`${error.stack ?? ''}\n`);
  else io.stderr.write('rtplat: this is a fault of rtplat; run it again with RTPLAT_DEBUG=1 and report the trace\n');
  return 1;
}
