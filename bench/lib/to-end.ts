/** Programs that are measured from their start to their end. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Subject {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface Measured {
  readonly seconds: number;
  /** The most that was resident, MB. */
  readonly megabytes: number;
}

const LOOK_MS = 20;

/**
 * Runs it to its end. The kernel keeps the most memory that it had, as long as it lives: it is asked now and then.
 *
 * @throws Error with what it said when it fails.
 */
export async function runToEnd({ name, command, args }: Subject): Promise<Measured> {
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  let megabytes = 0;
  const looks = setInterval(() => {
    megabytes = Math.max(megabytes, mostMemoryOf(child.pid ?? 0));
  }, LOOK_MS);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once('error', reject).once('close', resolve);
  const kill = (): boolean => child.kill('SIGKILL');
  process.once('exit', kill);
  try {
    const status = await promise;
    if (status !== 0) throw new Error(`${name} ended with ${status}: ${said.trim()}`);
  } finally {
    clearInterval(looks);
    process.off('exit', kill);
  }
  return { seconds: (performance.now() - start) / 1_000, megabytes };
}

/** VmHWM, MB; 0 once the process is gone. */
function mostMemoryOf(pid: number): number {
  try {
    const line = readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .find((text) => text.startsWith('VmHWM:'));
    return (Number(line?.split(/\s+/)[1] ?? 0) * 1_024) / 1e6;
  } catch {
    return 0;
  }
}
