/**
 * What a service tells its manager (sd_notify(3), systemd.service(5) `Type=notify`): that it is ready, that it stops, and that it still
 * works. Without a manager that listens nothing is said.
 */
import { messageOf } from '../errors.ts';
import { UnixDatagramSocket } from './log/unix-datagram.ts';

export interface Notifier {
  /** Time within which the manager wants to hear of us, ms; null where it does not. */
  readonly watchdogMs: number | null;
  /** Why nothing reaches a manager that is there; undefined otherwise. */
  readonly problem: string | undefined;
  /** @param status a line for `systemctl status`. */
  ready(status: string): void;
  status(text: string): void;
  alive(): void;
  stopping(): void;
  close(): void;
}

/** The kernel takes no longer datagram of a unix socket by default; ours have a line. */
const MOST_BYTES = 4096;

/** @param env loses what is in it for us: a program that we start has a manager of its own. */
export function createNotifier(env: NodeJS.ProcessEnv, pid: number = process.pid): Notifier {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = env;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
  const { socket, problem } = connect(path);
  const send = (...lines: readonly string[]): void => void socket?.send(lines.join('\n'));
  const meant = watched === undefined || Number(watched) === pid;
  const watchdogMs = socket !== undefined && meant && Number(microseconds) > 0 ? Number(microseconds) / 1e3 : null;
  return {
    watchdogMs,
    problem,
    ready: (status) => send('READY=1', `STATUS=${oneLine(status)}`, `MAINPID=${pid}`),
    status: (text) => send(`STATUS=${oneLine(text)}`),
    alive: () => send('WATCHDOG=1'),
    stopping: () => send('STOPPING=1'),
    close: () => socket?.close(),
  };
}

function connect(path: string | undefined): { readonly socket: UnixDatagramSocket | undefined; readonly problem: string | undefined } {
  if (path === undefined || path === '') return { socket: undefined, problem: undefined };
  try {
    const socket = UnixDatagramSocket.connect(path, MOST_BYTES);
    if (typeof socket !== 'string') return { socket, problem: undefined };
    return { socket: undefined, problem: socket };
  } catch (error) {
    return { socket: undefined, problem: messageOf(error) };
  }
}

function oneLine(text: string): string {
  return text.replaceAll('\n', ' ');
}

/** A part of the watchdog's time: two questions may fail to come in time before it is over. */
const SHARE = 3;

/**
 * Tells the manager that the service works as often as it wants to hear it, each time that the service has proved it.
 *
 * @param prove settles when the service does what it is there for; rejects when it does not.
 * @param trouble told when it does not, once until it does again.
 */
export function feedWatchdog(notifier: Notifier, prove: () => Promise<void>, trouble: (reason: string) => void): () => void {
  const { watchdogMs } = notifier;
  if (watchdogMs === null) return () => {};
  let asking = false;
  let failing = false;
  const ask = async (): Promise<void> => {
    try {
      await prove();
      notifier.alive();
      failing = false;
    } catch (error) {
      if (!failing) trouble(messageOf(error));
      failing = true;
    }
    asking = false;
  };
  const timer = setInterval(() => {
    if (asking) return;
    asking = true;
    void ask();
  }, watchdogMs / SHARE);
  return () => clearInterval(timer);
}
