/** The {@link CommandIo} of the real process. */
import { daemonStderr, isDaemon } from './daemon.ts';
import type { CommandIo, ExitStatus } from './io.ts';

/** One Ctrl-C comes twice from a terminal and a forwarding parent (npm does so): within this time it is the same. */
const SAME_SIGNAL_MS = 500;

/** @param exit told the status that a command asks for. */
export function processIo(exit: (status: ExitStatus) => void): CommandIo {
  const io: CommandIo = {
    stdout: process.stdout,
    stderr: isDaemon(process.env) ? daemonStderr : process.stderr,
    stdin: process.stdin,
    env: process.env,
    chalk: async () => {
      const { Chalk, supportsColor } = await import('chalk');
      const level =
        process.env['NO_COLOR'] !== undefined && process.env['NO_COLOR'] !== '' ? 0 : supportsColor === false ? 0 : supportsColor.level;
      return new Chalk({ level });
    },
    onStop: (handler) => {
      let firstMs: number | undefined;
      const forget = (): void => {
        process.off('SIGINT', take);
        process.off('SIGTERM', take);
      };
      const take = (signal: 'SIGINT' | 'SIGTERM'): void => {
        if (firstMs === undefined) {
          firstMs = performance.now();
          handler(signal);
        } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
          forget();
          process.kill(process.pid, signal);
        }
      };
      process.on('SIGINT', take);
      process.on('SIGTERM', take);
      return forget;
    },
    exit,
  };
  return io;
}
