/** Which engine a command runs on, and why: said in its start line and in every run file. */
import { RtplatError } from '../errors.ts';
import type { EngineChoice } from './choices.ts';
import type { ClockName, EngineName, UdpEngine } from './engine.ts';

export interface EngineSelection {
  readonly name: EngineName;
  readonly clock: ClockName;
  /** One phrase, such as `asked for` or `no batch engine: made for Linux on x64 and arm64, this is darwin on arm64`. */
  readonly reason: string;
}

export interface SelectedEngine extends EngineSelection {
  readonly engine: UdpEngine;
}

export interface SelectOptions {
  /** It will block in a thread of its own, see {@link BatchEngine.serve}. */
  readonly ownThread?: boolean;
  readonly busyPoll?: boolean;
}

/**
 * Makes the engine that was asked for; `auto` is the batch engine where it runs, else the portable one.
 *
 * @throws RtplatError `usage` when the batch engine was asked for and cannot be had.
 */
export async function selectEngine(choice: EngineChoice, options: SelectOptions = {}): Promise<SelectedEngine> {
  if (choice === 'portable') return portable('asked for');
  const [{ createBatchEngine }, { BatchUnavailable }] = await Promise.all([import('./batch/engine.ts'), import('./batch/libc.ts')]);
  try {
    const engine = createBatchEngine(options);
    const reason = choice === 'batch' ? 'asked for' : 'recvmmsg and sendmmsg';
    return { name: engine.name, clock: engine.clock, reason, engine };
  } catch (error) {
    if (!(error instanceof BatchUnavailable)) throw error;
    if (choice === 'auto') return portable(`no batch engine: ${error.message}`);
    throw new RtplatError('usage', `there is no batch engine here: ${error.message}`, {
      hint: 'use --engine portable or auto',
      cause: error,
    });
  }
}

async function portable(reason: string): Promise<SelectedEngine> {
  const { createPortableEngine } = await import('./portable.ts');
  const engine = createPortableEngine();
  return { name: engine.name, clock: engine.clock, reason, engine };
}

/** `batch engine (recvmmsg and sendmmsg), kernel clock` */
export function describeEngine({ name, clock, reason }: EngineSelection): string {
  return `${name} engine (${reason}), ${clock} clock`;
}
