/** The {@link CommandIo} of the real process. */
import type { CommandIo, ExitStatus } from './io.ts';

/** @param exit told the status that a command asks for. */
export function processIo(exit: (status: ExitStatus) => void): CommandIo {
  const io: CommandIo = {
    stdout: process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    chalk: async () => {
      const { Chalk, supportsColor } = await import('chalk');
      const level =
        process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '' ? 0 : supportsColor === false ? 0 : supportsColor.level;
      return new Chalk({ level });
    },
    onStop: (handler) => {
      const interrupted = (): void => handler('SIGINT');
      const terminated = (): void => handler('SIGTERM');
      process.on('SIGINT', interrupted);
      process.on('SIGTERM', terminated);
      return () => {
        process.off('SIGINT', interrupted);
        process.off('SIGTERM', terminated);
      };
    },
    exit,
  };
  return io;
}
