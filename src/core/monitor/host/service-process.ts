/**
 * The process of a service: started here, or found running. A signal goes to that very process and nobody else, and to all of its
 * process group where it was started by a monitor.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { messageOf, RtplatError } from '../../errors.ts';
import type { ServicePlan } from '../plan.ts';
import { bootId, identify, isGroupRunning, isRunning } from './proc.ts';
import type { ProcessIdentity } from './proc.ts';

/** What is the monitor's own business, and would mislead a service that takes the same variables. */
const NOT_INHERITED: ReadonlySet<string> = new Set([
  ...['RTPLAT_CONFIG', 'RTPLAT_PID_FILE', 'RTPLAT_LOG_FILE', 'RTPLAT_STATE_DIRECTORY', 'RTPLAT_DAEMON_CHILD', 'SERVICE_PORT'],
  ...['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID', 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES'],
]);
/** Of an output file: lines name numbers that called. */
const OUTPUT_MODE = 0o640;

export class ServiceProcess {
  readonly identity: ProcessIdentity;
  /** Whether its group is its own: what it starts is ended with it. */
  readonly hasGroup: boolean;
  readonly #child: ChildProcess | undefined;

  constructor(identity: ProcessIdentity, hasGroup: boolean, child?: ChildProcess) {
    this.identity = identity;
    this.hasGroup = hasGroup;
    this.#child = child;
  }

  get pid(): number {
    return this.identity.pid;
  }

  /** How it ended; undefined while it runs, and where that cannot be known of a process that is no child. */
  get ending(): string | undefined {
    const { exitCode, signalCode } = this.#child ?? { exitCode: null, signalCode: null };
    if (signalCode !== null) return `process ${this.pid} was ended by ${signalCode}`;
    return exitCode === null ? undefined : `process ${this.pid} ended with status ${exitCode}`;
  }

  isRunning(): boolean {
    return this.#child === undefined ? isRunning(this.identity) : this.ending === undefined;
  }

  /** Whether anything of it is left. */
  isLeft(): boolean {
    return this.isRunning() || (this.hasGroup && !this.#isReplaced() && this.#groupRuns());
  }

  /** @returns false when there was nobody to take it. */
  signal(signal: 'SIGTERM' | 'SIGKILL'): boolean {
    if (!this.isLeft()) return false;
    try {
      return process.kill(this.hasGroup ? -this.pid : this.pid, signal);
    } catch {
      // It ended meanwhile; or it has other rights than we, which its staying shows.
      return false;
    }
  }

  /**
   * Another process has the number now, or the machine was started again, so that the group cannot be the one that it was. As long as one
   * of a group is there, the kernel gives its number to nobody else.
   */
  #isReplaced(): boolean {
    const { startTicks, bootId: boot } = this.identity;
    const found = identify(this.pid);
    return boot !== bootId() || (found !== undefined && found.startTicks !== startTicks);
  }

  #groupRuns(): boolean {
    try {
      process.kill(-this.pid, 0);
    } catch {
      return false;
    }
    // Those that ended and that nobody has waited for are members too.
    return isGroupRunning(this.pid);
  }
}

export interface StartOptions {
  readonly plan: ServicePlan;
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: NodeJS.ProcessEnv;
  /** Called as soon as it is there, before anything else can happen. */
  readonly began: (process: ServiceProcess) => void;
  /** Called when the process has ended; others of its group may be left. */
  readonly ended: (process: ServiceProcess) => void;
}

/** @throws RtplatError `file` when the program cannot be started. */
export async function startProcess({ plan, command, env, began, ended }: StartOptions): Promise<ServiceProcess> {
  const [program, ...args] = command;
  const output = openOutput(plan.output);
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: plan.directory ?? undefined,
      env: { ...inherited(env), ...Object.fromEntries(plan.environment) },
      // Not a pipe: the service outlives a monitor that is killed, and must not be ended by its own log lines then.
      stdio: ['ignore', output ?? 'inherit', output ?? 'inherit'],
      // A session and a group of its own: Ctrl-C in the terminal is for the monitor, which ends it in good order.
      detached: true,
    });
  } finally {
    if (output !== null) closeSync(output);
  }
  const { pid } = child;
  const identity = pid === undefined ? undefined : identityOf(pid);
  if (identity === undefined) throw await spawnError(child, program, plan.directory);
  const process = new ServiceProcess(identity, true, child);
  child.on('error', () => {});
  child.once('exit', () => ended(process));
  child.unref();
  began(process);
  return process;
}

/** Where the system does not tell when it began, its number is all there is. */
function identityOf(pid: number): ProcessIdentity {
  return identify(pid) ?? { pid, startTicks: -1, bootId: bootId() };
}

async function spawnError(child: ChildProcess, program: string, directory: string | null): Promise<RtplatError> {
  const [error] = (await once(child, 'error')) as [unknown];
  const where = directory === null ? '' : ` in ${directory}`;
  return new RtplatError('file', `cannot run ${program}${where}: ${messageOf(error)}`, { cause: error });
}

function openOutput(path: string | null): number | null {
  if (path === null) return null;
  try {
    return openSync(path, 'a', OUTPUT_MODE);
  } catch (error) {
    throw new RtplatError('file', `cannot write its output: ${messageOf(error)}`, { cause: error });
  }
}

function inherited(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !NOT_INHERITED.has(name)));
}
