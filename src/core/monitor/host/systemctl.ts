/** systemd, by way of systemctl. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf, RtplatError } from '../../errors.ts';
import { parseUnitStatus, UNIT_PROPERTIES } from '../unit-status.ts';
import type { UnitStatus } from '../unit-status.ts';

const run = promisify(execFile);

export interface Unit {
  readonly name: string;
  readonly user: boolean;
}

/** @throws RtplatError `file` or `timeout` when systemctl does not answer. */
export async function unitStatus(unit: Unit, timeoutMs: number, ended?: AbortSignal): Promise<UnitStatus> {
  const text = await systemctl(unit, ['show', `--property=${UNIT_PROPERTIES.join(',')}`], timeoutMs, ended);
  const status = parseUnitStatus(text);
  if (status === undefined) throw new RtplatError('format', `systemctl show ${unit.name} answered something else than properties`);
  return status;
}

/** Settles when systemd has started it. @param ended nobody waits any more: systemd goes on. @throws RtplatError with what systemctl says. */
export async function restartUnit(unit: Unit, timeoutMs: number, ended?: AbortSignal): Promise<void> {
  await systemctl(unit, ['restart'], timeoutMs, ended);
}

async function systemctl({ name, user }: Unit, args: readonly string[], timeoutMs: number, ended?: AbortSignal): Promise<string> {
  const words = [...(user ? ['--user'] : []), '--no-ask-password', ...args, '--', name];
  try {
    const { stdout } = await run('systemctl', words, {
      timeout: timeoutMs,
      env: { ...process.env, LC_ALL: 'C' },
      maxBuffer: 65_536,
      ...(ended === undefined ? {} : { signal: ended }),
    });
    return stdout;
  } catch (error) {
    const { killed, stderr } = error as { readonly killed?: boolean; readonly stderr?: string };
    const what = `systemctl ${args[0]} ${name}`;
    if (killed === true) throw new RtplatError('timeout', `${what} did not end within ${timeoutMs} ms`, { cause: error });
    const said = stderr?.trim() ?? '';
    throw new RtplatError('file', `${what}: ${said === '' ? messageOf(error) : messageOf(said)}`, { cause: error });
  }
}
