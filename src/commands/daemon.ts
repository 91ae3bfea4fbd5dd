/**
 * `--daemon`: the same command once more, in a session of its own and without a terminal, for hosts without a service manager. Whoever
 * started it waits until it serves, and sees what went wrong when it does not.
 */
import { spawn } from 'node:child_process';
import { RtplatError } from '../core/errors.ts';
import type { CommandIo, ExitStatus } from './io.ts';

/** Set for the process that is to stay. */
const MARK = 'RTPLAT_DAEMON_CHILD';

/** What the daemon tells whoever started it: what it would have written to standard error, and that it serves. */
type Message = { readonly stderr: string } | { readonly ready: true };

export function isDaemon(env: NodeJS.ProcessEnv): boolean {
  return env[MARK] !== undefined && process.send !== undefined;
}

/** Standard error of a daemon, for as long as somebody waits for it to serve. */
export const daemonStderr = {
  write: (text: string): void => tell({ stderr: text }),
};

/** The daemon serves; nobody waits any more. */
export function daemonReady(): void {
  tell({ ready: true });
  process.disconnect?.();
}

function tell(message: Message): void {
  if (process.connected) process.send?.(message);
}

/**
 * @param name of the command. @returns when the daemon serves, or has ended; then its status is this process's.
 * @throws RtplatError when it could not be started at all.
 */
export async function startDaemon(io: CommandIo, name: string): Promise<void> {
  const [program = '', ...args] = process.argv.slice(1);
  const child = spawn(process.execPath, [...process.execArgv, program, ...args.filter((arg) => arg !== '--daemon')], {
    detached: true,
    env: { ...io.env, [MARK]: '1' },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<ExitStatus | undefined>();
  child.on('error', (error) => reject(new RtplatError('file', `cannot start ${process.execPath}`, { cause: error })));
  child.on('exit', (code) => resolve((code ?? 1) as ExitStatus));
  child.on('message', (message: Message) => {
    if ('stderr' in message) io.stderr.write(message.stderr);
    else resolve(undefined);
  });
  const status = await promise;
  if (status !== undefined) return io.exit(status);
  child.unref();
  io.stdout.write(`rtplat ${name} runs as process ${child.pid}\n`);
}
