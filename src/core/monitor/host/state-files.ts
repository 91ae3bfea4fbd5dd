/**
 * What outlives a monitor that is killed: which process each service is. One file a service, replaced as a whole, so that it is there in
 * full or not at all.
 */
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, RtplatError } from '../../errors.ts';
import { makeFolder } from '../../service/folder.ts';
import type { ProcessIdentity } from './proc.ts';

export interface KnownProcess extends ProcessIdentity {
  readonly command: readonly string[];
}

const ENDING = '.service.json';
const FOLDER_MODE = 0o750;
const FILE_MODE = 0o640;

export class StateFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder. @throws RtplatError `file` when that cannot be. */
  async prepare(): Promise<void> {
    const folder = this.#folder;
    try {
      await makeFolder(folder, FOLDER_MODE);
    } catch (error) {
      throw new RtplatError('file', `cannot make the state directory ${folder}: ${messageOf(error)}`, {
        hint: 'name another in [monitor] state_directory',
        cause: error,
      });
    }
  }

  /** The file that keeps a second monitor away. */
  get lockPath(): string {
    return join(this.#folder, 'monitor.pid');
  }

  /** The services that something is noted of. */
  names(): readonly string[] {
    return readdirSync(this.#folder)
      .filter((name) => name.endsWith(ENDING))
      .map((name) => name.slice(0, -ENDING.length));
  }

  /** @throws the error of the system. */
  write(service: string, process: KnownProcess): void {
    const path = this.#path(service);
    writeFileSync(`${path}.new`, `${JSON.stringify(process)}\n`, { mode: FILE_MODE });
    renameSync(`${path}.new`, path);
  }

  /** @returns undefined when nothing is noted, or nothing that can be read. */
  read(service: string): KnownProcess | undefined {
    let value: unknown;
    try {
      value = JSON.parse(readFileSync(this.#path(service), 'utf8'));
    } catch {
      return undefined;
    }
    return isKnownProcess(value) ? value : undefined;
  }

  forget(service: string): void {
    rmSync(this.#path(service), { force: true });
  }

  #path(service: string): string {
    return join(this.#folder, `${service}${ENDING}`);
  }
}

function isKnownProcess(value: unknown): value is KnownProcess {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTicks, bootId, command } = value as Readonly<Record<string, unknown>>;
  return Number.isInteger(pid) && Number.isInteger(startTicks) && Number(pid) > 1 && typeof bootId === 'string' && Array.isArray(command);
}
